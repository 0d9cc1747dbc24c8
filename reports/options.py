"""The command line of ``python -m reports``: its options, and which of them exclude each other."""

import argparse
from pathlib import Path

from platform.config.help_text import HelpFormatter, help_end
from platform.config.invocation import command_line

DONE, BAD_USAGE, INTERRUPTED = 0, 2, 130
EXIT_CODES = {
    DONE: "done",
    BAD_USAGE: "a mistake in the command, no sweep or images found, or MLflow does not answer",
    INTERRUPTED: "interrupted; nothing is half written",
}

ACTIONS = ("predict", "pseudo_label", "export", "ship")
"""Options that use the report as it is; without one of them the report is made again."""
FORMATS = ("csv", "class", "topk", "pairs")
EXPORTS = ("torchscript",)
_SOURCE = "data.source="
_OF_REPORTS = ("top", "max_members", "max_latency")
_OF_PSEUDO_LABELS = ("top_classes", "top_share", "threshold")
_SUFFIXES = {"predict": (".csv",), "pseudo_label": (".parquet", ".csv"), "export": ()}
"""The suffixes that the file of ``--out`` may have; none for a folder."""


def parser() -> argparse.ArgumentParser:
    command = argparse.ArgumentParser(
        prog=command_line("reports"),
        description="Rank and ensemble a sweep's trials and write its report page and trials.csv; "
        "or use the winner that the report chose: predict, pseudo-label, export, ship.",
        epilog=help_end(
            EXIT_CODES,
            command_line("reports", "runs/peer"),
            command_line("reports", "runs/peer", "runs/supcon"),
            command_line("reports", "runs/peer", "--predict", "photos"),
        ),
        formatter_class=HelpFormatter,
    )
    command.add_argument(
        "sweeps",
        type=_folder_or_setting,
        nargs="*",
        metavar="runs/NAME",
        help="the sweep's folder; several sweeps on the same data get one joint report; "
        "data.source=PATH beside it says where the sweep's images are now",
    )
    command.add_argument(
        "--experiment",
        metavar="NAME",
        help="make a joint report of the sweeps of this MLflow experiment whose folders are in --runs",
    )
    command.add_argument(
        "--runs",
        type=Path,
        metavar="DIR",
        help="the folder in which --experiment looks for sweeps (default: runs)",
    )
    command.add_argument(
        "--top", type=int, metavar="K", help="number of best trials to evaluate and ensemble"
    )
    command.add_argument(
        "--max-members", type=int, metavar="M", help="largest number of members of an ensemble"
    )
    command.add_argument(
        "--max-latency",
        type=float,
        metavar="MS",
        help="largest time of an ensemble's members together, in milliseconds an image",
    )
    _add_predicting(command)
    _add_shipping(command)
    command.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="where to write predictions (default: runs/NAME/predictions.csv), pseudo-labels "
        "(runs/NAME/pseudo_labels.parquet; .csv works, too), exported networks (the folder "
        "runs/NAME/export) or a joint report (runs/NAME+NAME, or runs/experiment-NAME)",
    )
    return command


def _add_predicting(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--predict",
        metavar="FOLDER",
        help="predict every image below this folder or in this zip, or this image, with the winner, which "
        "was best on validation; needs no labels; run it again to go on after an interruption",
    )
    command.add_argument(
        "--format",
        choices=FORMATS,
        help="layout of --predict: csv (default): label, its probability and each class's; class: label; "
        "topk: the five most probable classes with their probabilities; pairs (default, and only choice, for "
        "sweeps on identities): the most similar images of each, with their cosine similarities",
    )
    command.add_argument(
        "--neighbours",
        type=int,
        metavar="K",
        help="how many similar images --format pairs lists for each (default: 10)",
    )
    command.add_argument(
        "--pseudo-label",
        metavar="FOLDER",
        help="predict this folder's images and write a table for the next sweep's data.source: this sweep's "
        "rows, and the images that one of the next three options selects; in a sweep on identities, similar "
        "images become new identities",
    )
    command.add_argument(
        "--top-classes", type=int, metavar="N", help="select each predicted class's N most probable images"
    )
    command.add_argument(
        "--top-share",
        type=float,
        metavar="SHARE",
        help="select this share, 0 to 1, of each predicted class (identities: of mutual neighbours)",
    )
    command.add_argument(
        "--force",
        action="store_true",
        help="pseudo-label even if the winner predicts no better than chance",
    )
    command.add_argument(
        "--threshold",
        type=float,
        metavar="P",
        help="select all of at least this probability (for identities: cosine similarity), 0 to 1",
    )


def _add_shipping(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--export",
        choices=EXPORTS,
        help="write each network of the winner to a file that needs no code of this project, and check it "
        "against the original",
    )
    command.add_argument(
        "--ship",
        action="store_true",
        default=None,
        help="register the winner in MLflow as a model: champion if it beats the present one",
    )
    command.add_argument(
        "--allow-paths",
        action="store_true",
        help="with --ship: the model also reads files of its server whose paths a request names",
    )


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The options; ``data_source`` is where the sweep's images are now, None if that was not given."""
    options = parser().parse_args(arguments)
    settings = [one for one in options.sweeps if isinstance(one, str)]
    options.sweeps = [one for one in options.sweeps if not isinstance(one, str)]
    options.data_source = settings[-1].removeprefix(_SOURCE) if settings else None
    return options


def _folder_or_setting(text: str) -> Path | str:
    return text if text.startswith(_SOURCE) else Path(text)


def action_of(options: argparse.Namespace) -> str | None:
    """The one of ACTIONS that was given; None: make the report."""
    return next((name for name in ACTIONS if getattr(options, name) is not None), None)


def misuse(options: argparse.Namespace) -> str | None:
    """A line on what is wrong with the arguments; None if nothing is."""
    asked = [name for name in ACTIONS if getattr(options, name) is not None]
    if len(asked) > 1:
        return f"{_flag(asked[1])}: cannot go with {_flag(asked[0])}; run one after the other"
    action = asked[0] if asked else None
    return _wrong_value(options) or _wrong_sweeps(options, action) or _wrong_company(options, action)


def _wrong_sweeps(options: argparse.Namespace, action: str | None) -> str | None:
    if options.experiment is None:
        if not options.sweeps:
            return "runs/NAME: name a sweep's folder, several of them, or --experiment NAME"
        if options.runs is not None:
            return "--runs: needs --experiment NAME, whose sweeps it looks for"
    elif options.sweeps:
        return f"--experiment: cannot go with sweeps' folders, got {options.sweeps[0]}"
    elif options.out is None and (not options.experiment.strip(".") or "/" in options.experiment):
        return "--experiment: its name cannot be a folder's name; add --out FOLDER"
    if options.data_source is not None and (action is not None or len(options.sweeps) != 1):
        return f"{_SOURCE}PATH: goes with the report of one sweep, which records it"
    if action is not None and len(options.sweeps) != 1:
        of_joint = " or a joint report's" if action in ("predict", "export") else ""
        return f"{_flag(action)}: takes one folder, a sweep's{of_joint}"
    return None


def _wrong_value(options: argparse.Namespace) -> str | None:
    for name in ("top", "max_members", "top_classes", "neighbours"):
        value = getattr(options, name)
        if value is not None and value < 1:
            return f"{_flag(name)}: must be at least 1, got {value}"
    if options.max_latency is not None and not options.max_latency > 0:
        return f"--max-latency: must be above 0, got {options.max_latency:g}"
    for name in ("top_share", "threshold"):
        value = getattr(options, name)
        if value is not None and not 0 < value <= 1:
            return f"{_flag(name)}: must be above 0 and at most 1, got {value:g}"
    for name in ("predict", "pseudo_label"):
        if getattr(options, name) == "":
            return f"{_flag(name)}: names no folder"
    return None


def _wrong_company(options: argparse.Namespace, action: str | None) -> str | None:
    """A line on an option that does not go with the action."""
    if options.format is not None and action != "predict":
        return "--format: needs --predict FOLDER, whose table it chooses"
    if options.neighbours is not None and options.format != "pairs":
        return "--neighbours: needs --format pairs, which lists them"
    if options.force and action != "pseudo_label":
        return "--force: needs --pseudo-label FOLDER, which it makes label against the report's advice"
    if options.allow_paths and action != "ship":
        return "--allow-paths: needs --ship, whose model it lets read files"
    chosen = [name for name in _OF_PSEUDO_LABELS if getattr(options, name) is not None]
    if chosen and action != "pseudo_label":
        return f"{_flag(chosen[0])}: needs --pseudo-label FOLDER, whose images it selects"
    if action == "pseudo_label" and len(chosen) != 1:
        return "--pseudo-label: needs one of --top-classes N, --top-share SHARE and --threshold P"
    if action is None:
        is_joint = options.experiment is not None or len(options.sweeps) > 1
        for_nothing = "--out: needs --predict, --pseudo-label, --export or several sweeps"
        return None if options.out is None or is_joint else for_nothing
    for name in _OF_REPORTS:
        if getattr(options, name) is not None:
            return (
                f"{_flag(name)}: cannot go with {_flag(action)}, which uses the report as it is; "
                f"make the report with {_flag(name)} first"
            )
    return None if options.out is None else _wrong_out(options.out, action)


def _wrong_out(out: Path, action: str) -> str | None:
    if action == "ship":
        return "--out: cannot go with --ship, which writes to MLflow"
    suffixes = _SUFFIXES[action]
    if suffixes and out.suffix.lower() not in suffixes:
        return f"--out: must be a {' or '.join(suffixes)} file, got {out}"
    return None


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
