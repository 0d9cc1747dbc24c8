"""``python -m platform.data look PATH``: what a folder, zip or table holds, before a model learns."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from platform.api import LOOK_AT, look
from platform.config.errors import one_line
from platform.config.help_text import HelpFormatter, help_end
from platform.config.invocation import command_line
from platform.data.exit_codes import DONE, EXIT_CODES
from platform.data.sheets import check_out, save

if TYPE_CHECKING:
    from platform.datasets.look.look import Look


def parser_of_look() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{command_line('platform.data')} look",
        description="Say what the platform sees in PATH, in seconds and without training anything.",
        epilog=help_end(EXIT_CODES, command_line("platform.data", "look", "photos", "--out", "photos.png")),
        formatter_class=HelpFormatter,
    )
    parser.add_argument("path", metavar="PATH", help="a folder, zip or table of labels")
    parser.add_argument(
        "overrides", nargs="*", metavar="data.key=value", help="a setting of the section data"
    )
    parser.add_argument("--out", type=Path, metavar="FILE.png", help="draw a contact sheet of the classes")
    parser.add_argument(
        "--all",
        action="store_true",
        help=f"open all images, not {LOOK_AT:,}, the classes in turn",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def run(options: argparse.Namespace) -> int:
    import json

    from platform.datasets.look.words import lines

    if options.out is not None:
        check_out(options.out)
    with progress_bar("opening images") as progress:
        limit = None if options.all else LOOK_AT
        seen = look(options.path, options.overrides, limit=limit, progress=progress)
    found = seen.found
    if options.json:
        print(json.dumps(seen.as_dict(), indent=1, ensure_ascii=False))
    else:
        _print_look(found, lines(found))
    if options.out is not None:
        from platform.datasets.look.contact_sheet import draw_contact_sheet, names_beside

        save(draw_contact_sheet(found, seen.listing), options.out)
        beside = sys.stderr if options.json else sys.stdout
        print(*names_beside(found), f"contact sheet: {options.out}", sep="\n", file=beside)
    return DONE


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Progress on stderr, where that is a terminal; it is gone in the end."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    with Progress(
        *Progress.get_default_columns(),
        MofNCompleteColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    ) as bar:
        task = bar.add_task(what)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _print_look(found: "Look", said: "Iterator[tuple[str, str]]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from platform.datasets.look.words import class_rows
    from platform.datasets.splits import SPLITS

    facts = Table.grid(padding=(0, 2))
    for key, value in said:
        facts.add_row(Text(key, style="bold"), Text(one_line(value)))
    splits = [split for split in SPLITS if split in found.splits]
    classes = Table("class", box=None, pad_edge=False)
    for split in splits:
        classes.add_column(split, justify="right")
    for one in class_rows(found):
        counts = ["…"] * len(splits) if one is None else [f"{one.images.get(split, 0):,}" for split in splits]
        classes.add_row(Text("…" if one is None else one_line(one.name)), *counts)
    console = Console()
    console.print(facts)
    console.print()
    console.print(classes)
