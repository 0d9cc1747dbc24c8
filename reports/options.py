"""The command line of ``python -m reports``: what may be asked, and what of it goes together."""

import argparse
from pathlib import Path

ACTIONS = ("predict", "pseudo_label", "export", "ship")
"""Each works with the report as it is; without one of them the report is made again."""
FORMATS = ("csv", "class", "topk", "pairs")
EXPORTS = ("torchscript", "onnx")
_OF_REPORTS = ("top", "max_members", "max_latency")
_OF_PSEUDO_LABELS = ("top_classes", "top_share", "threshold")
_ENDS = {"predict": (".csv",), "pseudo_label": (".parquet", ".csv"), "export": ()}
"""How the file that ``--out`` names may end; of a folder: no matter."""


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m reports",
        description="Rank and ensemble a sweep's trials and write its report page and trials.csv; "
        "or use what the report chose: predict, pseudo-label, export, ship.",
        epilog="exit codes: 0 done; 2 bad usage, no sweep or images there, or MLflow does not answer; "
        "130 interrupted",
    )
    made.add_argument(
        "sweeps",
        type=Path,
        nargs="*",
        metavar="runs/NAME",
        help="the sweep's folder; of several sweeps over the same data one joint report is made",
    )
    made.add_argument(
        "--experiment",
        metavar="NAME",
        help="join the sweeps of this MLflow experiment whose folders are in --runs",
    )
    made.add_argument(
        "--runs", type=Path, metavar="DIR", help="where --experiment looks for folders (default: runs)"
    )
    made.add_argument("--top", type=int, metavar="K", help="best trials to evaluate and ensemble")
    made.add_argument("--max-members", type=int, metavar="M", help="trials that an ensemble may have")
    made.add_argument(
        "--max-latency",
        type=float,
        metavar="MS",
        help="milliseconds an image that an ensemble's members may take together",
    )
    _add_predicting(made)
    _add_shipping(made)
    made.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="where predictions (default: runs/NAME/predictions.csv), pseudo-labels "
        "(runs/NAME/pseudo_labels.parquet; .csv works too), exported networks (the folder "
        "runs/NAME/export) or a joint report (runs/NAME+NAME, or runs/experiment-NAME) go",
    )
    return made


def _add_predicting(made: argparse.ArgumentParser) -> None:
    made.add_argument(
        "--predict",
        metavar="FOLDER",
        help="predict every image below this folder, or in this zip, with the ensemble (or single trial) "
        "that was best on validation; labels are not needed; one that was cut short goes on",
    )
    made.add_argument(
        "--format",
        choices=FORMATS,
        help="of --predict: csv: label, probability and those of all classes (default); class: path and "
        "label only; topk: the five most probable classes with their probabilities; pairs (default, and only "
        "choice, of a sweep on identities): the images most like each, with their cosine similarities",
    )
    made.add_argument(
        "--neighbours", type=int, metavar="K", help="of --format pairs: images to name of each (default: 10)"
    )
    made.add_argument(
        "--pseudo-label",
        metavar="FOLDER",
        help="predict this folder's images and write a table for the next sweep's data.source: this sweep's "
        "own rows, and those of the images that one of the next three options takes; in a sweep on "
        "identities, images that are alike become new identities",
    )
    made.add_argument(
        "--top-classes", type=int, metavar="N", help="of each predicted class the N most probable"
    )
    made.add_argument(
        "--top-share",
        type=float,
        metavar="SHARE",
        help="of each predicted class (of pairs of mutual neighbours) this share, 0 to 1",
    )
    made.add_argument(
        "--threshold",
        type=float,
        metavar="P",
        help="all of at least this probability (pairs: cosine similarity), 0 to 1",
    )


def _add_shipping(made: argparse.ArgumentParser) -> None:
    made.add_argument(
        "--export",
        choices=EXPORTS,
        help="write each network of the winner's members to a file that needs no code of this project, and "
        "check it against the original",
    )
    made.add_argument(
        "--ship",
        action="store_true",
        default=None,
        help="log the winner to MLflow as a model and register it, as champion if it beats the present one",
    )


def action_of(options: argparse.Namespace) -> str | None:
    """The one of ACTIONS that is asked for; None: the report."""
    return next((name for name in ACTIONS if getattr(options, name) is not None), None)


def misuse(options: argparse.Namespace) -> str | None:
    """What is wrong with the arguments, on one line."""
    asked = [name for name in ACTIONS if getattr(options, name) is not None]
    if len(asked) > 1:
        return f"{_flag(asked[1])}: cannot go with {_flag(asked[0])}; one after the other"
    action = asked[0] if asked else None
    return _wrong_value(options) or _wrong_sweeps(options, action) or _wrong_company(options, action)


def _wrong_sweeps(options: argparse.Namespace, action: str | None) -> str | None:
    if options.experiment is None:
        if not options.sweeps:
            return "runs/NAME: name a sweep's folder, several, or --experiment NAME"
        if options.runs is not None:
            return "--runs: needs --experiment NAME, whose sweeps' folders it holds"
    elif options.sweeps:
        return f"--experiment: cannot go with folders of sweeps, got {options.sweeps[0]}"
    elif options.out is None and (not options.experiment.strip(".") or "/" in options.experiment):
        return "--experiment: its name cannot name a folder; say --out FOLDER"
    if action is not None and len(options.sweeps) != 1:
        of_joint = " or that of a joint report" if action in ("predict", "export") else ""
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
    """An option that is not for what is asked."""
    if options.format is not None and action != "predict":
        return "--format: needs --predict FOLDER, whose predictions it lays out"
    if options.neighbours is not None and options.format != "pairs":
        return "--neighbours: needs --format pairs, which names so many of each image"
    chosen = [name for name in _OF_PSEUDO_LABELS if getattr(options, name) is not None]
    if chosen and action != "pseudo_label":
        return f"{_flag(chosen[0])}: needs --pseudo-label FOLDER, of whose images it takes the most probable"
    if action == "pseudo_label" and len(chosen) != 1:
        return "--pseudo-label: needs one of --top-classes N, --top-share SHARE and --threshold P"
    if action is None:
        is_joint = options.experiment is not None or len(options.sweeps) > 1
        for_nothing = "--out: needs --predict FOLDER, whose predictions it is for"
        return None if options.out is None or is_joint else for_nothing
    for name in _OF_REPORTS:
        if getattr(options, name) is not None:
            return (
                f"{_flag(name)}: cannot go with {_flag(action)}, which uses the report as it is; "
                "make the report first"
            )
    return None if options.out is None else _wrong_out(options.out, action)


def _wrong_out(out: Path, action: str) -> str | None:
    if action == "ship":
        return "--out: cannot go with --ship, which writes to MLflow"
    ends = _ENDS[action]
    if ends and out.suffix.lower() not in ends:
        return f"--out: must be a {' or '.join(ends)} file, got {out}"
    return None


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
