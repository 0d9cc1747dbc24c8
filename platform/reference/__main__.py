"""``python -m platform.reference``: write docs/reference/ from the code, and build the site."""

import argparse
import shutil
import sys
from pathlib import Path

from platform.config.errors import UserError
from platform.config.help_text import HelpFormatter, help_end
from platform.config.invocation import ROOT, command_line

DONE, WRONG = 0, 2
EXIT_CODES = {
    DONE: "done",
    WRONG: "a setting without description, an example that does not load, a broken link",
}
REFERENCE = "docs/reference"


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        write_reference(options.folder)
        if options.site:
            from platform.reference.site import build_site

            print(f"site: {build_site(options.folder)}")
    except UserError as error:
        print(error, file=sys.stderr)
        return WRONG
    return DONE


def write_reference(folder: Path) -> None:
    """Write ``folder``/docs/reference/ anew, from the code that runs.

    Raises:
        UserError: a setting has no description, or an example does not load.
    """
    from platform.reference.commands import commands_page
    from platform.reference.metrics import metrics_page
    from platform.reference.python_page import python_page
    from platform.reference.settings_pages import settings_pages

    pages = settings_pages() | commands_page() | metrics_page() | python_page()
    place = folder / REFERENCE
    if place.is_dir():
        shutil.rmtree(place)
    for name, text in pages.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text, encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=command_line("platform.reference"),
        description="Write the docs' pages of settings, commands and metrics into docs/reference/.",
        epilog=help_end(EXIT_CODES, command_line("platform.reference", "--site")),
        formatter_class=HelpFormatter,
    )
    parser.add_argument("--site", action="store_true", help="then build the site into site/ and check it")
    parser.add_argument(
        "--folder",
        type=Path,
        default=ROOT,
        help="the folder that holds docs/ and zensical.toml (default: here)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
