"""``python -m platform.data VERB``: see, audit, clean and split data; one file a verb."""

import argparse
import sys
from collections.abc import Callable

from platform.config.errors import UserError
from platform.config.help_text import HelpFormatter, help_end
from platform.config.invocation import command_line, missing_packages
from platform.data import audit, clean, labels, look, preview, search, split
from platform.data.exit_codes import BAD_USAGE, EXIT_CODES, INTERRUPTED

VERBS: dict[str, tuple[Callable[[], argparse.ArgumentParser], Callable[[argparse.Namespace], int]]] = {
    "audit": (audit.parser_of_audit, audit.run),
    "look": (look.parser_of_look, look.run),
    "preview": (preview.parser_of_preview, preview.run),
    "clean": (clean.parser_of_clean, clean.run),
    "split": (split.parser_of_split, split.run),
    "search": (search.parser_of_search, search.run),
    "labels": (labels.parser_of_labels, labels.run),
}
"""Each verb's parser, and what runs it."""


def main(arguments: list[str] | None = None) -> int:
    if missing := missing_packages():
        print(missing, file=sys.stderr)
        return BAD_USAGE
    words = sys.argv[1:] if arguments is None else arguments
    verb = words[0] if words else ""
    if verb not in VERBS:
        _parser().parse_args(words[:1])
        return BAD_USAGE
    make_parser, run = VERBS[verb]
    options = make_parser().parse_intermixed_args(words[1:])
    try:
        return run(options)
    except UserError as error:
        print(error, file=sys.stderr)
        return BAD_USAGE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command, by its first word."""
    return {verb: make_parser() for verb, (make_parser, _) in VERBS.items()}


def _parser() -> argparse.ArgumentParser:
    """Of the first word; each command has a parser of its own for the others."""
    parser = argparse.ArgumentParser(
        prog=command_line("platform.data"),
        description="See data before learning from them, and clean them. look: what a folder, zip or table "
        "holds; preview: training images, augmented as a trial does it; audit: what is wrong with images "
        "and labels; clean: do something about it, by a policy; split: val and test; search: images like "
        "examples of noise; labels: a page on which you say which labels are right. Each has its own --help.",
        epilog=help_end(EXIT_CODES, command_line("platform.data", "look", "photos")),
        formatter_class=HelpFormatter,
    )
    parser.add_argument("command", choices=list(VERBS), metavar="VERB")
    return parser


if __name__ == "__main__":
    sys.exit(main())
