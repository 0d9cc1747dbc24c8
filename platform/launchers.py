"""``python -m platform.launchers``: make the commands, and ``import platform_api``, work in any folder."""

import shlex
import sys
import sysconfig
from pathlib import Path

from platform.config.invocation import LAUNCHERS, ROOT

SCRIPT = """#!/bin/sh
# Written by `make`. Python finds this project's `platform` only if the checkout comes first on its path.
if [ ! -x {python} ] || [ ! -d {root}/platform ]; then
  echo "$0: the checkout is no longer at" {root}": run make in its new place" >&2
  exit 2
fi
PYTHONPATH={root}"${{PYTHONPATH:+:$PYTHONPATH}}" exec {python} -P -m {module} "$@"
"""


def write_launchers(folder: Path, root: Path = ROOT) -> list[Path]:
    """Write one script a command into ``folder``, the ``bin`` of a virtual environment."""
    written = []
    for module, name in LAUNCHERS.items():
        python = shlex.quote(str(folder.absolute() / "python"))
        script = folder / name
        script.write_text(SCRIPT.format(root=shlex.quote(str(root)), python=python, module=module))
        script.chmod(0o755)
        written.append(script)
    return written


def write_path_file(site_packages: Path, root: Path = ROOT) -> Path:
    """Let this environment's Python import ``platform_api``: the checkout comes last on its path.

    As the standard ``platform`` comes first there, nothing else changes.
    """
    file = site_packages / "platform_checkout.pth"
    file.write_text(f"{root}\n", encoding="utf-8")
    return file


if __name__ == "__main__":
    write_launchers(Path(sys.executable).parent)
    write_path_file(Path(sysconfig.get_paths()["purelib"]))
