"""``python -m platform.data split SOURCE --val 0.1 --test 0.1``: splits that cut no group of copies."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from platform.config.errors import UserError
from platform.config.help_text import HelpFormatter, help_end
from platform.config.invocation import command_line
from platform.data.exit_codes import DONE, EXIT_CODES
from platform.data.look import progress_bar

if TYPE_CHECKING:
    import pandas as pd

    from platform.datasets.arrays import Ints
    from platform.datasets.data_config import DataConfig
    from platform.datasets.preparation.listing import Listing
    from platform.datasets.splitting.draw import Shares


def parser_of_split() -> argparse.ArgumentParser:
    command = command_line("platform.data", "split")
    parser = argparse.ArgumentParser(
        prog=command,
        description="Divide images into train, val and test: the same share of each class, copies in one "
        "split, identities whole, always the same for one --seed. Writes a table that data.source takes.",
        epilog=help_end(EXIT_CODES, f"{command} photos --val 0.1 --test 0.1 --out split.parquet"),
        formatter_class=HelpFormatter,
    )
    parser.add_argument("source", nargs="?", metavar="SOURCE", help="a folder, zip or table of labels")
    parser.add_argument(
        "overrides", nargs="*", metavar="data.key=value", help="a setting of the section data"
    )
    parser.add_argument("--val", type=float, default=0.0, metavar="SHARE", help="share for validation")
    parser.add_argument("--test", type=float, default=0.0, metavar="SHARE", help="share for the test")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the draw (default: 0)")
    parser.add_argument(
        "--groups",
        type=Path,
        metavar="AUDIT",
        help="an audit whose groups of copies stay together (default: files with the same bytes)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="the table, .parquet or .csv (default: split.parquet); with --materialize a new folder",
    )
    parser.add_argument(
        "--materialize",
        choices=("link", "copy", "move"),
        help="also lay the files out by split and class: hard links, copies, or the files themselves",
    )
    parser.add_argument("--yes", action="store_true", help="move without asking")
    parser.add_argument("--undo", type=Path, metavar="LIST", help="move the files of a list back")
    return parser


def run(options: argparse.Namespace) -> int:
    if options.undo is not None:
        return _undo(options)
    if options.source is None:
        raise UserError("SOURCE is missing: name a folder, zip or table")
    from platform.datasets.splitting.draw import Shares

    shares = Shares(options.val, options.test)
    shares.check()
    if options.materialize is not None:
        return _lay_out(options, shares)
    out = options.out or Path("split.parquet")
    _check_out(out)
    config, listing, rows, _ = _drawn(options, shares)
    _write(config, listing, rows, out)
    print(f"{out}: learn from it with\n  {_next(out)}")
    return DONE


def _drawn(options: argparse.Namespace, shares: "Shares") -> "tuple[DataConfig, Listing, pd.DataFrame, Ints]":
    from platform.datasets.preparation.listing import list_images
    from platform.datasets.splitting.draw import cut_groups, draw
    from platform.tuning.settings.shortcuts import data_section

    config = data_section(options.source, options.overrides)
    listing = list_images(config)
    groups = _groups(options, listing)
    rows = draw(listing.rows, groups, config, shares, options.seed)
    print(*_lines(rows, len(groups), len(set(groups.tolist()))), sep="\n")
    if options.groups is None:
        print("copies are files with the same bytes; --groups AUDIT keeps near copies together, too")
    if cut := cut_groups(rows["split"].to_numpy(), groups):
        print(f"the source's own splits cut {cut:,} of these groups")
    return config, listing, rows, groups


def _groups(options: argparse.Namespace, listing: "Listing") -> "Ints":
    from platform.datasets.audit.folder import AuditFolder
    from platform.datasets.splitting.groups import groups_of_bytes, groups_of_findings

    paths = listing.rows["path"].tolist()
    if options.groups is None:
        with progress_bar("reading files") as progress:
            return groups_of_bytes(listing.source, paths, progress)
    from platform.datasets.cleaning.clean import finished

    folder = AuditFolder(options.groups)
    finished(folder)
    known = folder.images(["path"])["path"]
    if missing := sorted(set(paths) - set(known)):
        raise UserError(f"--groups: {options.groups} knows nothing of {missing[0]}: it is of other data")
    return groups_of_findings(paths, folder.issues())


def _lines(rows: "pd.DataFrame", images: int, groups: int) -> list[str]:
    counts = rows["split"].value_counts()
    classes = rows.groupby("split")["label"].nunique()
    lines = [
        f"  {split:<6}{int(counts[split]):>10,} images  {int(classes[split]):>6,} classes"
        for split in ("train", "val", "test")
        if split in counts
    ]
    return [f"{images:,} images, {images - groups:,} of them copies of another:", *lines]


def _write(config: "DataConfig", listing: "Listing", rows: "pd.DataFrame", out: Path) -> None:
    from platform.datasets.cleaning.manifest_table import as_given, facts_for, write_manifest
    from platform.datasets.sources.source import FolderSource, ManifestSource
    from platform.datasets.tables.spreadsheet_cells import csv_text
    from platform.datasets.tables.table_files import MISSING
    from platform.storage.whole_files import write_whole

    if isinstance(listing.source, ManifestSource):
        raise UserError(f"{config.source}: is a manifest, which has its splits: split what it was made of")
    if out.suffix.lower() == ".csv":
        if not isinstance(listing.source, FolderSource):
            raise UserError(
                f"--out: {config.source} is no folder, so a CSV cannot name its images: .parquet can"
            )
        root = os.path.relpath(listing.source.root, out.absolute().parent)
        table = rows.assign(path=[os.path.normpath(os.path.join(root, path)) for path in rows["path"]])
        write_whole(out, csv_text(table))
        return
    texts = [name for name in ("label", "clean") if name in rows]
    known = rows.assign(
        **{name: rows[name].astype(object).where(rows[name] != MISSING, None) for name in texts}
    )
    facts = facts_for(config.source, out, config.model_dump(mode="json"), "split")
    write_manifest(out, as_given(known), facts)


def _check_out(out: Path) -> None:
    if out.suffix.lower() not in (".parquet", ".pq", ".csv"):
        raise UserError(f"--out: must end in .parquet or .csv, got {out}")
    if not out.absolute().parent.is_dir():
        raise UserError(f"--out: the folder {out.parent} does not exist")


def _next(source: Path) -> str:
    return command_line("platform.search", "SPACE.yaml", "--data", str(source))


def _lay_out(options: argparse.Namespace, shares: "Shares") -> int:
    from platform.datasets.sources.source import FolderSource, open_source
    from platform.datasets.splitting.layout import TABLE, Call, earlier, lay_out, planned

    if options.out is None:
        raise UserError("--materialize: needs --out FOLDER")
    place = os.path.abspath(os.path.expanduser(options.source))
    groups = "" if options.groups is None else str(options.groups)
    source = open_source(options.source)
    root = str(source.root) if isinstance(source, FolderSource) else ""
    call = Call(
        source=place,
        root=root,
        how=options.materialize,
        val=shares.val,
        test=shares.test,
        seed=options.seed,
        groups=groups,
        settings=tuple(options.overrides),
    )
    placed = earlier(options.out, call)
    goes_on = placed is not None
    if placed is None:
        placed = planned(_drawn(options, shares)[2])
    else:
        print(f"{options.out}: going on with {len(placed):,} files")
    if options.materialize == "move" and not options.yes:
        _ask(f"Move {len(placed):,} files of {options.source} into {options.out}?")
    with progress_bar(f"{options.materialize} files") as progress:
        lay_out(source, options.out, call, placed, goes_on=goes_on, progress=progress)
    print(f"{options.out / TABLE}: learn from it with\n  {_next(options.out / TABLE)}")
    if options.materialize == "move":
        undo = command_line("platform.data", "split", "--undo", str(options.out / "moves.jsonl"))
        print(f"to move the files back:\n  {undo}")
    return DONE


def _undo(options: argparse.Namespace) -> int:
    from platform.datasets.splitting.layout import undo

    with progress_bar("moving files back") as progress:
        moved = undo(options.undo, progress)
    print(f"{moved:,} files are back where they were")
    return DONE


def _ask(question: str) -> None:
    """Raise UserError unless somebody at the terminal says yes."""
    if not sys.stdin.isatty():
        raise UserError("--materialize move: takes the files out of their folder: add --yes to do it")
    if input(f"{question} [y/N] ").strip().lower() not in ("y", "yes"):
        raise UserError("nothing was moved")
