"""``python -m platform.data labels audit/NAME``: say which labels are right, on a page in your browser."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from platform.config.errors import UserError
from platform.config.help_text import HelpFormatter, help_end
from platform.config.invocation import command_line
from platform.data.exit_codes import DONE, EXIT_CODES

if TYPE_CHECKING:
    from platform.datasets.review.session import Review

KINDS = ("wrong_label", "conflicting_labels", "off_topic", "sample")
MOST = 200


def parser_of_labels() -> argparse.ArgumentParser:
    audit = Path("audit/photos")
    parser = argparse.ArgumentParser(
        prog=f"{command_line('platform.data')} labels",
        description="Say by keyboard which labels of an audit are right, the most valuable images first. The "
        "page is on this machine only; Ctrl-C ends it. Each answer is saved at once in answers.jsonl of the "
        "audit, where the next audit and clean find it.",
        epilog=help_end(
            EXIT_CODES,
            command_line("platform.data", "labels", audit),
            command_line("platform.data", "labels", audit, "--file", "review.html"),
            command_line("platform.data", "labels", audit, "--take", "answers.jsonl"),
        ),
        formatter_class=HelpFormatter,
    )
    parser.add_argument("audit", type=Path, metavar="audit/NAME", help="the folder of the audit")
    parser.add_argument(
        "--port", type=int, default=0, help="the page's port; 0: any that is free (default: 0)"
    )
    parser.add_argument(
        "--most", type=int, default=MOST, metavar="N", help=f"review at most N images (default: {MOST})"
    )
    parser.add_argument(
        "--kind",
        choices=KINDS,
        metavar="KIND",
        help="only these findings: wrong_label, conflicting_labels or off_topic; or sample: images drawn at "
        "random (default: the three in turn; a sample where there are none)",
    )
    other = parser.add_mutually_exclusive_group()
    other.add_argument(
        "--file",
        type=Path,
        metavar="FILE",
        help="write the page into one HTML file for somebody else's browser, pictures included",
    )
    other.add_argument(
        "--take", type=Path, metavar="FILE", help="add answers.jsonl, which such a page has given"
    )
    return parser


def run(options: argparse.Namespace) -> int:
    _check(options)
    if options.take is not None:
        return _take(options.audit, options.take)

    from platform.datasets.review.session import open_review

    review = open_review(options.audit, options.kind, options.most)
    if options.file is not None:
        return _write(review, options)
    return _serve(review, options)


def _check(options: argparse.Namespace) -> None:
    if options.most < 1:
        raise UserError(f"--most: must be at least 1, got {options.most}")
    if not 0 <= options.port <= 65535:
        raise UserError(f"--port: must be between 0 and 65535, got {options.port}")
    if options.file is not None:
        if options.file.suffix.lower() not in (".html", ".htm"):
            raise UserError(f"--file: must end in .html, got {options.file}")
        if not options.file.parent.is_dir():
            raise UserError(f"--file: the folder {options.file.parent} does not exist")


def _serve(review: "Review", options: argparse.Namespace) -> int:
    from platform.datasets.review.serve import serve

    _say_what_is_asked(review, options)

    def ready(address: str) -> None:
        print(f"open {address}")
        print(f"each answer is saved at once in {review.file}; Ctrl-C ends the page", flush=True)

    serve(review, options.port, ready)
    print(*review.end(), sep="\n", flush=True)
    return DONE


def _write(review: "Review", options: argparse.Namespace) -> int:
    from platform.datasets.review.page import file_page
    from platform.datasets.review.pictures import Pictures
    from platform.storage.disk import size
    from platform.storage.whole_files import write_whole

    _say_what_is_asked(review, options)
    file: Path = options.file
    html, remarks = file_page(review, Pictures(review.audited, review.rows))
    write_whole(file, html)
    taken = command_line("platform.data", "labels", review.audited.folder.path, "--take", "answers.jsonl")
    print(*remarks, f"{file}: {size(file.stat().st_size)}", sep="\n")
    print(f"open it in a browser, download its answers, then run: {taken}")
    return DONE


def _take(audit: Path, file: Path) -> int:
    from platform.datasets.audit.answers import latest, read_answers
    from platform.datasets.errors import counted
    from platform.datasets.review.audited import open_audit
    from platform.datasets.review.summary import Counts, lines
    from platform.datasets.review.take import take

    audited = open_audit(audit)
    taken = take(audited, file)
    more = [f"{taken.known:,} were there already"] if taken.known else []
    more += [f"{taken.older:,} are older than an answer that was there"] if taken.older else []
    print("; ".join([f"added {counted(taken.new, 'answer')} of {file}", *more]))
    said = latest(read_answers(audited.folder.answers_file))
    print(*lines(audited, Counts.of(said.values())), sep="\n")
    return DONE


def _say_what_is_asked(review: "Review", options: argparse.Namespace) -> None:
    from platform.datasets.errors import counted
    from platform.datasets.review.session import counts_by_kind
    from platform.datasets.review.summary import ordered_as

    kinds = counts_by_kind(review.questions)
    parts = ", ".join(f"{number:,} {kind}" for kind, number in kinds.items())
    print(f"{counted(len(review.questions), 'image')} to review: {parts}")
    if options.kind is None and list(kinds) == ["sample"]:
        print(f"{options.audit} has no scores of labels and no findings about them: this is a random sample")
    for line in ordered_as(kinds):
        print(line)
