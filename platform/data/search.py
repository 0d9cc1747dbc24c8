"""``python -m platform.data search AUDIT --seeds FOLDER``: images that look like examples of noise."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from platform.config.errors import UserError
from platform.config.help_text import HelpFormatter, help_end
from platform.config.invocation import command_line
from platform.data.exit_codes import DONE, EXIT_CODES
from platform.data.sheets import save

if TYPE_CHECKING:
    from platform.datasets.searching.search import Found

MOST = 100


def parser_of_search() -> argparse.ArgumentParser:
    command = command_line("platform.data", "search")
    parser = argparse.ArgumentParser(
        prog=command,
        description="Find images of an audit that look like examples of noise: a table, a contact sheet, and "
        "findings (off_topic) that a policy can use. Nothing is dropped.",
        epilog=help_end(EXIT_CODES, f"{command} audit/photos --seeds cartoons"),
        formatter_class=HelpFormatter,
    )
    parser.add_argument("audit", type=Path, metavar="AUDIT", help="folder of an audit, such as audit/photos")
    parser.add_argument(
        "--seeds",
        type=Path,
        required=True,
        metavar="FOLDER|FILE",
        help="the examples: a folder, zip or file of images, or a .txt or table of paths in the source; its "
        "name becomes that of the search",
    )
    parser.add_argument(
        "--threshold",
        type=float,
        metavar="T",
        help="least score, the cosine to the nearest example, at most 1 (default: as alike as the examples "
        "are among each other, from 0.5 to 0.8)",
    )
    parser.add_argument("--most", type=int, default=MOST, metavar="N", help=f"at most N (default: {MOST})")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="the table, .csv or .parquet (default: AUDIT/search/NAME.csv)",
    )
    return parser


def run(options: argparse.Namespace) -> int:
    if options.most < 1:
        raise UserError(f"--most: must be at least 1, got {options.most}")
    if options.threshold is not None and not -1 <= options.threshold <= 1:
        raise UserError(f"--threshold: is a cosine, from -1 to 1, got {options.threshold:g}")
    out = options.out
    if out is not None and out.suffix.lower() not in (".csv", ".parquet", ".pq"):
        raise UserError(f"--out: must end in .csv or .parquet, got {out}")
    if out is not None and not out.absolute().parent.is_dir():
        raise UserError(f"--out: the folder {out.parent} does not exist")
    from platform.datasets.audit.folder import AuditFolder, write_table
    from platform.datasets.searching.search import keep_findings, search
    from platform.datasets.searching.sheet import draw_search
    from platform.datasets.tables.spreadsheet_cells import csv_text
    from platform.storage.whole_files import write_whole

    folder = AuditFolder(options.audit)
    found = search(folder, options.seeds, options.threshold, options.most)
    out = out or folder.path / "search" / f"{found.name}.csv"
    if out.suffix.lower() == ".csv":
        write_whole(out, csv_text(found.table))
    else:
        write_table(out, found.table)
    sheet = out.with_suffix(".png")
    save(draw_search(folder, found), sheet)
    keep_findings(folder, found)
    _say(options, found)
    print(f"table: {out}\ncontact sheet: {sheet}")
    least = max(found.threshold, 0)
    print(f"in a policy: {{kind: off_topic, group: {found.group}, action: drop, at_least: {least:.2f}}}")
    return DONE


def _say(options: argparse.Namespace, result: "Found") -> None:
    from platform.datasets.errors import counted
    from platform.datasets.searching.likeness import PICTURES

    if result.by == PICTURES:
        print("compared by colours and edges alone: the audit has no embeddings, or an example is not in it")
    found = len(result.table) - len(result.seeds.rows)
    more = f"; {result.more:,} more beyond --most {options.most}" if result.more else ""
    examples = counted(len(result.seeds), "example")
    print(
        f"{counted(found, 'image looks', 'images look')} like {examples} "
        f"(score from {result.threshold:.2f} on){more}"
    )
