"""``python -m platform.ui``: MLflow's pages of a database on this machine, with links to your sweeps.

Options that it does not know are handed to ``mlflow ui``.
"""

import argparse
import sys
from pathlib import Path

from platform.config.errors import UserError
from platform.config.help_text import HelpFormatter, help_end
from platform.config.invocation import command_line, missing_packages

DONE, BAD_USAGE = 0, 2
EXIT_CODES = {DONE: "ended by Ctrl-C", BAD_USAGE: "a mistake in the command, or no MLflow to show"}


def main(arguments: list[str] | None = None) -> int:
    if missing := missing_packages():
        print(missing, file=sys.stderr)
        return BAD_USAGE
    options, others = parser_of_ui().parse_known_args(arguments)
    from platform.tuning.watching.local_pages import serve

    try:
        return serve(options.out, options.port, others)
    except UserError as error:
        print(error, file=sys.stderr)
        return BAD_USAGE


def parser_of_ui() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=command_line("platform.ui"),
        description="Show the runs in MLflow, on this machine only: mlflow.db here, or "
        "MLFLOW_TRACKING_URI. Other options are handed to `mlflow ui`; Ctrl-C ends it.",
        epilog=help_end(EXIT_CODES, command_line("platform.ui", "--port", "5001")),
        formatter_class=HelpFormatter,
    )
    parser.add_argument(
        "--port", type=int, default=5000, help="the port, or the next that is free (default: 5000)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("runs"), metavar="DIR", help="folder of all sweeps (default: runs)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
