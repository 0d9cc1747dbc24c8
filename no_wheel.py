"""The build backend of a project that is not built: ``pip install .`` ends with a line that says what to do.

From site-packages the standard library's ``platform`` would always win against ours.
"""

from typing import NoReturn

WHAT_TO_DO = (
    "this project runs from its checkout and is not installed as a package: run `make install`, or, in an "
    "environment of your own, `pip install -r requirements.lock && python -m platform.launchers`; then "
    "`import platform_api` and the commands platform-search … work in any folder"
)


def build_wheel(*arguments: object, **options: object) -> NoReturn:
    raise SystemExit(WHAT_TO_DO)


build_sdist = build_editable = get_requires_for_build_wheel = get_requires_for_build_editable = build_wheel
