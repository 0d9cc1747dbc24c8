"""``python -m platform.data clean AUDIT --policy POLICY.yaml``: findings become a manifest, images stay."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from platform.config.errors import UserError
from platform.config.help_text import HelpFormatter, help_end
from platform.config.invocation import command_line, shipped_file
from platform.data.exit_codes import DONE, EXIT_CODES

if TYPE_CHECKING:
    from platform.datasets.cleaning.manifest_table import ManifestTable

OUT = "clean.parquet"


def parser_of_clean() -> argparse.ArgumentParser:
    command = command_line("platform.data", "clean")
    parser = argparse.ArgumentParser(
        prog=command,
        description="Decide by a policy what happens to each image of an audit, and write it as a manifest, "
        "which data.source takes in place of the images. No image is touched.",
        epilog=help_end(EXIT_CODES, f"{command} audit/photos --policy search_spaces/policies/careful.yaml"),
        formatter_class=HelpFormatter,
    )
    parser.add_argument(
        "audit", nargs="?", type=Path, metavar="AUDIT", help="folder of an audit, or a manifest to compare"
    )
    parser.add_argument("--policy", type=Path, metavar="POLICY.yaml", help="which findings lead to what")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help=f"the manifest to write (default: AUDIT/{OUT})"
    )
    parser.add_argument(
        "--diff", type=Path, metavar="OTHER.parquet", help="say what changes against another manifest"
    )
    parser.add_argument(
        "--merge",
        nargs=2,
        type=Path,
        metavar="MANIFEST",
        help="write two manifests of the same images as one: a person's answer beats scores, then the later "
        "round counts, then the higher score",
    )
    return parser


def run(options: argparse.Namespace) -> int:
    if options.merge is not None:
        return _merge(options)
    if options.audit is None:
        raise UserError("AUDIT is missing: name the folder of an audit, such as audit/photos")
    if options.policy is None and options.diff is not None and options.audit.is_file():
        return _compare(options)
    if options.policy is None:
        policy = shipped_file("search_spaces/policies/careful.yaml")
        raise UserError(f"--policy is missing: {policy} is one with comments")
    return _clean(options)


def _clean(options: argparse.Namespace) -> int:
    from platform.datasets.audit.folder import AuditFolder
    from platform.datasets.cleaning.clean import clean
    from platform.datasets.cleaning.manifest_table import read_manifest
    from platform.datasets.cleaning.words import lines

    out = _checked(options.out or options.audit / OUT)
    other = None if options.diff is None else read_manifest(options.diff)
    done = clean(AuditFolder(options.audit), options.policy, out)
    table = done.write(out)
    print(*lines(done), sep="\n")
    _say_difference(other, table, options.diff)
    _say_next(table, out)
    return DONE


def _merge(options: argparse.Namespace) -> int:
    from platform.datasets.cleaning.manifest_table import read_manifest, write_manifest
    from platform.datasets.cleaning.merged import merged, placed

    if options.audit is not None or options.policy is not None:
        raise UserError("--merge: takes two manifests alone, without AUDIT and --policy")
    if options.out is None:
        raise UserError("--merge: needs --out FILE.parquet")
    out = _checked(options.out)
    first, second = (read_manifest(file) for file in options.merge)
    names = (str(options.merge[0]), str(options.merge[1]))
    table, differ = merged(first, second, names)
    other = None if options.diff is None else read_manifest(options.diff)
    table = write_manifest(out, table.rows, placed(table.facts, options.merge[0], out))
    print(f"{len(table.rows):,} images; the two differ on {differ:,}")
    _say_difference(other, table, options.diff)
    _say_next(table, out)
    return DONE


def _compare(options: argparse.Namespace) -> int:
    from platform.datasets.cleaning.manifest_table import read_manifest

    if options.out is not None:
        raise UserError("--out: two manifests are only compared; --merge writes both as one")
    _say_difference(read_manifest(options.diff), read_manifest(options.audit), options.diff)
    return DONE


def _say_difference(other: "ManifestTable | None", table: "ManifestTable", file: Path) -> None:
    from platform.datasets.cleaning.difference import difference, in_lines

    if other is not None:
        print(*in_lines(difference(other, table), str(file)), sep="\n")


def _say_next(table: "ManifestTable", out: Path) -> None:
    from platform.datasets.cleaning.words import has_unlabelled, next_command

    print(f"{out}: learn from it with\n  {next_command(table, out)}")
    if has_unlabelled(table):
        print("(supcon learns from images without a label; for other methods: data.unlabelled=leave_out)")


def _checked(out: Path) -> Path:
    if out.suffix.lower() not in (".parquet", ".pq"):
        raise UserError(f"--out: must end in .parquet, got {out}")
    if not out.absolute().parent.is_dir():
        raise UserError(f"--out: the folder {out.parent} does not exist")
    return out
