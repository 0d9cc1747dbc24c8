"""``python -m platform.data audit SOURCE``: what is wrong with images and labels, as tables and a page."""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from platform.config.errors import UserError
from platform.config.help_text import HelpFormatter, help_end
from platform.config.invocation import command_line
from platform.data.exit_codes import BAD_USAGE, DONE, INTERRUPTED
from platform.data.look import progress_bar
from platform.data.source_argument import data_of, name_of

if TYPE_CHECKING:
    from platform.data.audit_stages import Audited
    from platform.datasets.audit.page.page import Next
    from platform.datasets.audit.record import AuditRecord

BY_SWEEP = "sweep"
EXIT_CODES = {
    DONE: "done, whatever was found",
    BAD_USAGE: "a mistake in the command, the YAML or the data",
    INTERRUPTED: "interrupted; the same command goes on",
}


def parser_of_audit() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{command_line('platform.data')} audit",
        description="Find what is wrong with images and labels: tables and a page in audit/NAME. Nothing of "
        "yours is changed. Interrupted or killed, the same command goes on; given again, it does only "
        "what has changed.",
        epilog=help_end(EXIT_CODES, command_line("platform.data", "audit", "photos")),
        formatter_class=HelpFormatter,
    )
    parser.add_argument("source", metavar="SOURCE|SPACE.yaml", help="a folder, zip, table, or search space")
    parser.add_argument(
        "overrides", nargs="*", metavar="data.key=value", help="a setting of the section data"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="the audit's folder (default: audit/NAME of the source)"
    )
    parser.add_argument(
        "--min-side",
        type=int,
        metavar="PX",
        help="images with a shorter side are tiny (default: 48, unless most images are so small)",
    )
    parser.add_argument(
        "--sweep", type=Path, metavar="runs/NAME", help="a sweep that learnt from these data: judge labels"
    )
    parser.add_argument(
        "--embedding",
        metavar="sweep|FILE|none",
        help="what images are compared by: the sweep's best network (default with --sweep), a file of timm "
        "weights (FILE, or BACKBONE=FILE), or nothing",
    )
    parser.add_argument(
        "--folds",
        type=int,
        default=0,
        metavar="N",
        help="train N networks of the sweep's best settings, each on other images, for surer judgements",
    )
    parser.add_argument(
        "--json", action="store_true", help="print JSON in the end; what is said meanwhile goes to stderr"
    )
    return parser


def run(options: argparse.Namespace) -> int:
    _check(options)
    from platform.data.audit_advice import following
    from platform.data.audit_stages import alone_in
    from platform.datasets.audit.page.page import write_page
    from platform.datasets.audit.record import write_audit

    def say(line: str) -> None:
        print(line, file=sys.stderr if options.json else sys.stdout, flush=True)

    audited, said = _opened(options)
    folder = audited.folder
    folder.path.mkdir(parents=True, exist_ok=True)
    with alone_in(folder):
        for line in said:
            say(line)
        write_audit(folder, audited.record)
        try:
            audited = _through_the_stages(audited, say)
            commands = following(audited, folder.issues())
            write_page(folder, audited.record, commands)
        except KeyboardInterrupt:
            again = command_line("platform.data", "audit", *_given(options))
            print(f"interrupted; what is done is kept, go on with: {again}", file=sys.stderr)
            return INTERRUPTED
    _say_end(audited, commands, as_json=options.json)
    return DONE


def _say_end(audited: "Audited", commands: "list[Next]", *, as_json: bool) -> None:
    import json

    from platform.data import audit_summary

    if as_json:
        print(json.dumps(audit_summary.as_json(audited, commands), indent=1, ensure_ascii=False))
        return
    print(f"findings: {audited.folder.issues_file}", f"page: {audited.folder.page}", sep="\n")
    for one in commands[:1]:
        print(f"next: {one.command}")


def _check(options: argparse.Namespace) -> None:
    if options.min_side is not None and options.min_side < 1:
        raise UserError(f"--min-side: must be at least 1, got {options.min_side}")
    if options.folds == 1 or options.folds < 0:
        raise UserError(f"--folds: must be at least 2, got {options.folds}")
    for given, name in ((options.folds, "--folds"), (options.embedding == BY_SWEEP, "--embedding sweep")):
        if given and options.sweep is None:
            raise UserError(f"{name}: needs a sweep: add --sweep runs/NAME")


def _through_the_stages(audited: "Audited", say: Callable[[str], None]) -> "Audited":
    from platform.data.audit_stages import carried_out, steps_of
    from platform.data.audit_summary import stage_in_words

    for step in steps_of(audited):
        how = "done before"
        if not step.is_done(audited):
            started = time.monotonic()
            with progress_bar(step.stage) as progress:
                audited = carried_out(step, audited, progress)
            how = f"{time.monotonic() - started:.0f} s"
        notes = audited.record.notes.get(step.stage, {})
        for line in stage_in_words(audited.folder, step.stage, notes, how):
            say(line)
    return audited


def _opened(options: argparse.Namespace) -> tuple["Audited", list[str]]:
    """Read the labels and what there is of the audit, and what to say of both; writes nothing."""
    from platform.data.audit_stages import Audited, Knowledge, reporter
    from platform.datasets.audit.folder import AuditFolder
    from platform.datasets.audit.record import AuditRecord, Embedding, platform_version, read_audit
    from platform.datasets.audit.scan.scan import ScanOptions, plan_scan
    from platform.datasets.errors import counted
    from platform.datasets.preparation.listing import list_images

    config = data_of(options.source, options.overrides)
    folder = AuditFolder(options.out or Path("audit") / name_of(config.source))
    before = read_audit(folder)
    if before is not None and _place(before.source) != _place(config.source):
        raise UserError(f"{folder.path}: is an audit of {before.source}: choose another --out")
    # Images that are missing are what an audit looks for: it is not refused because of them.
    listing = list_images(config.model_copy(update={"max_bad": 1.0}))
    sweep, embedding, folds = _knowledge_of(options, before)
    knowledge = Knowledge(folder, config, sweep, embedding, folds, reporter())
    knowledge.check(listing)
    plan = plan_scan(folder, listing, config, ScanOptions(options.min_side))
    record = AuditRecord(
        source=config.source,
        data=config.model_dump(mode="json"),
        images=plan.images,
        listing=plan.digest,
        min_side=options.min_side,
        sweep=None if sweep is None else str(sweep),
        folds=folds or None,
        embedding=before.embedding if before else Embedding(),
        stages=before.stages if before else {},
        notes=before.notes if before else {},
        remarks=tuple(listing.remarks.sentences()),
        version=platform_version(),
    )
    classes = counted(int(listing.rows["label"].nunique()), "class", "classes")
    said = [f"{config.source}: {counted(plan.images, 'image')} of {classes}"]
    if before is not None:
        said += _what_changed(before, record, plan.images_done)
    if sweep is not None and options.sweep is None:
        said.append(f"labels are judged by {sweep}, as before; --embedding none: by nothing")
    return Audited(folder, listing, config, plan, record, knowledge), said


def _knowledge_of(
    options: argparse.Namespace, before: "AuditRecord | None"
) -> tuple[Path | None, str | None, int]:
    """Sweep, embedding and folds: as given, or those of the audit before if none was given."""
    embedding = None if options.embedding == BY_SWEEP else options.embedding
    if before is None or options.sweep is not None or options.embedding is not None:
        return options.sweep, embedding, options.folds
    if before.embedding.kind == "timm":
        embedding = before.embedding.name
    return Path(before.sweep) if before.sweep else None, embedding, before.folds or 0


def _what_changed(before: "AuditRecord", now: "AuditRecord", done: int) -> list[str]:
    left = f"{now.images - done:,} of {now.images:,} images are to be read"
    if before.listing != now.listing:
        return [f"images, labels or settings have changed since the last audit: {left}"]
    if "files" in before.stages:
        return []
    return [f"going on with an audit that was ended early: {left}"]


def _place(source: str) -> Path:
    return Path(source).expanduser().absolute()


def _given(options: argparse.Namespace) -> list[str]:
    """The command's words, to be given again."""
    words = [options.source, *options.overrides]
    for name in ("out", "min_side", "sweep", "embedding", "folds"):
        if value := getattr(options, name):
            words += [f"--{name.replace('_', '-')}", str(value)]
    return words + (["--json"] if options.json else [])
