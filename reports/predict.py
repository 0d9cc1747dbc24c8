"""What the report chose, on images of the user's: ``python -m reports runs/NAME --predict FOLDER``.

The CSV has a row an image, sorted by path: ``path`` (relative to the folder), ``label`` (the most probable
class), ``probability`` (its own) and, up to MOST_COLUMNS classes, ``p_CLASS`` for each class. An image that
cannot be read has its row, with nothing but the path. N: images, K: readable ones, M: members, C: classes.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
import pandas as pd

from platform.datasets.decode import BadImage
from platform.datasets.errors import counted, listed
from platform.datasets.sources import FolderSource, Source
from platform.datasets.unlabelled import SPLIT, Block, image_paths, read_blocks
from platform.training.description import DESCRIPTION
from platform.training.evaluation import Probabilities
from platform.training.folder import Folder
from platform.training.loading import load_predictor
from platform.training.prediction import Predictor
from platform.tuning.sweep_folder import SweepFolder
from reports.ensemble import logits_of, probabilities_of
from reports.evaluate import ReportError, checkpoint_digest, device
from reports.selection import Ensemble
from reports.winner import Member, Winner, ensemble_of, read_winner

FILE = "predictions.csv"
MOST_COLUMNS = 100  # classes up to which each has a column: beyond, the file would be mostly zeros


@dataclass(frozen=True)
class Predictions:
    """``made``: the report's page, where there was no report and it was built first."""

    file: Path
    winner: Winner
    images: int
    bad: tuple[BadImage, ...]
    made: Path | None


def predict_images(
    run_folder: Path,
    source: Source,
    out: Path | None = None,
    *,
    progress: Callable[[str], None] | None = None,
) -> Predictions:
    """Write what the report of the sweep in ``run_folder`` chose to say of every image of ``source``.

    ``out`` is predictions.csv in the sweep's folder unless given, and is replaced as a whole. Where there is
    no report yet, it is built. Images are decoded once, however many members there are.

    Raises:
        UserError: no images, or none that can be read; no trial or no checkpoint to predict with; ``out``
            cannot be written, or lies in the folder of the images.
    """
    say = progress or (lambda _: None)
    folder = SweepFolder(run_folder)
    paths = image_paths(source)
    _refuse_inside(source, out)
    winner, made = _winner(folder, say)
    say("loading the checkpoints")
    predictors = [_load(folder, member) for member in winner.members]
    ensemble = ensemble_of(winner, folder.report)
    file = folder.path / FILE if out is None else out
    bad: list[BadImage] = []
    done = 0
    with _written_whole(file) as stream:
        say(f"predicting {counted(len(paths), 'image')}")
        for block in read_blocks(source, paths, winner.kept, winner.classes):
            table = _table(block, _predict(predictors, winner, ensemble, block), winner.classes)
            table.to_csv(stream, index=False, header=not done)
            bad += block.bad
            done += len(block.paths)
            say(f"predicting {counted(len(paths), 'image')}: {done:,} done")
        if len(bad) == len(paths):
            raise ReportError(f"{source}: no image can be read: {bad_images(bad)}")
    return Predictions(file, winner, len(paths), tuple(bad), made)


def bad_images(bad: Sequence[BadImage]) -> str:
    """The first of them, each with its reason, on one line."""
    return " ".join(listed([f"{image.path} ({image.reason})" for image in bad], 3).split())


def _winner(folder: SweepFolder, say: Callable[[str], None]) -> tuple[Winner, Path | None]:
    winner = read_winner(folder.report)
    if winner is not None:
        return winner, None
    from reports.build import build_report  # here: with its record at hand, no MLflow is needed

    made = build_report(folder.path, progress=say).page
    winner = read_winner(folder.report)
    if winner is None:
        raise ReportError(f"{folder.path}: no trial has a checkpoint to predict with; {made} says why")
    return winner, made


def _load(folder: SweepFolder, member: Member) -> Predictor:
    checkpoint = Folder.of(folder.path).at(member.checkpoint)
    remedy = f"run `python -m reports {folder.path}` to choose again"
    if not checkpoint.has(DESCRIPTION):
        raise ReportError(f"{checkpoint}: the checkpoint that the report chose is gone: {remedy}")
    if checkpoint_digest(checkpoint.fetched()) != member.digest:
        raise ReportError(f"{checkpoint}: the checkpoint is not what the report chose any more: {remedy}")
    return load_predictor(checkpoint.fetched(), device())


def _predict(
    predictors: Sequence[Predictor], winner: Winner, ensemble: Ensemble | None, block: Block
) -> Probabilities:
    """[K, C]; each member sees the images as its own trial did."""
    if not len(block.good):
        return np.empty((0, len(winner.classes)), dtype=np.float32)
    said = [one.probabilities(one.loader(block.data, SPLIT)) for one in predictors]
    logits_MKC = np.stack(
        [
            logits_of(one) / np.float32(member.temperature)
            for one, member in zip(said, winner.members, strict=True)
        ]
    )
    return ensemble.combine(logits_MKC) if ensemble else probabilities_of(logits_MKC[0]).astype(np.float32)


def _table(block: Block, probabilities_KC: Probabilities, classes: tuple[str, ...]) -> pd.DataFrame:
    """N rows; those of images that cannot be read are empty but for the path."""
    columns: dict[str, object] = {
        "label": np.array(classes, dtype=object)[probabilities_KC.argmax(axis=1)],
        "probability": probabilities_KC.max(axis=1),
    }
    if len(classes) <= MOST_COLUMNS:
        columns |= {f"p_{name}": probabilities_KC[:, place] for place, name in enumerate(classes)}
    table = pd.DataFrame(columns, index=block.good).reindex(range(len(block.paths)))
    table.insert(0, "path", pd.Series(block.paths, dtype=object))
    return table


def _refuse_inside(source: Source, out: Path | None) -> None:
    """Nothing is written among the user's images, even if asked to: the file might be one of theirs."""
    if out is None or not isinstance(source, FolderSource):
        return
    if out.resolve().is_relative_to(source.root.resolve()):
        raise ReportError(f"--out: {out} lies in {source}, where nothing is written")


@contextmanager
def _written_whole(file: Path) -> Iterator[TextIO]:
    """A stream to a file that takes its name when all is written; names keep bytes that are no UTF-8."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        if file.is_dir():
            raise IsADirectoryError(None, "it is a folder")
        file.parent.mkdir(parents=True, exist_ok=True)
        stream = draft.open("w", encoding="utf-8", errors="surrogateescape", newline="")
    except OSError as error:
        raise ReportError(f"{file}: cannot be written ({error.strerror})") from error
    try:
        with stream:
            yield stream
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
