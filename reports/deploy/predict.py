"""What the report chose, on images of the user's: ``python -m reports runs/NAME --predict FOLDER``.

The CSV has a row an image (of pairs, a row a pair), sorted by path: ``path`` (relative to the folder), then
what ``--format`` says. An image that cannot be read has its row, with nothing but the path, and a row in
FILE.bad.csv with the reason.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import pandas as pd

from platform.datasets.preparation import unlabelled
from platform.datasets.images.decode import BadImage
from platform.datasets.errors import listed
from platform.datasets.sources.source import FolderSource, Source
from platform.datasets.preparation.unlabelled import image_paths, read_blocks
from platform.tuning.folder.sweep_folder import SweepFolder
from reports.deploy.chosen import Chosen, load_chosen
from reports.evaluation.checkpoints import ReportError
from reports.deploy.neighbours import NEIGHBOURS, PAIRS, embed, pair_rows
from reports.deploy.resumable_output import Part, Parts
from reports.deploy.prediction_table import FORMATS, Format
from reports.build.winner import Winner

FILE = "predictions.csv"

Say = Callable[[str], None]
Count = Callable[[int, int], None]
"""Told (images done, images in all)."""


@dataclass(frozen=True)
class Predictions:
    """``made``: the report's page, where there was no report and it was built first.

    ``bad_file``: names the images that cannot be read, and why; None where all can.
    """

    file: Path
    winner: Winner
    images: int
    bad: tuple[BadImage, ...]
    made: Path | None
    bad_file: Path | None = None


def predict_images(
    run_folder: Path,
    source: Source,
    out: Path | None = None,
    *,
    layout: str | None = None,
    neighbours: int = NEIGHBOURS,
    progress: Say | None = None,
    count: Count | None = None,
) -> Predictions:
    """Write what the report of the sweep in ``run_folder`` chose to say of every image of ``source``.

    ``out`` is predictions.csv in the sweep's folder unless given, and is replaced as a whole; ``layout`` is
    one of FORMATS (``csv`` unless given), of a sweep on identities PAIRS: the ``neighbours`` most similar
    images of each. Where there is no report yet, it is built. Images are decoded once, however many members
    there are. What is done of a prediction that is cut short lies beside ``out``: the next goes on with it.

    Raises:
        UserError: no images, or none that can be read; no trial or no checkpoint to predict with; ``out``
            cannot be written, or lies in the folder of the images; ``layout`` is not for such a sweep.
    """
    folder = SweepFolder(run_folder)
    paths = image_paths(source)
    refuse_inside(source, out)
    chosen = load_chosen(folder, progress or (lambda _: None))
    file = folder.path / FILE if out is None else out
    check_writable(file)
    layout = _layout(chosen.winner, layout, run_folder)
    parts = Parts(file, [chosen.winner.model_dump_json(), layout])
    if layout == PAIRS:
        found = embed(chosen, source, paths, parts, count)
        bad, rows = found.bad, pair_rows(found, paths, neighbours)
    else:
        made = predicted(chosen, source, paths, FORMATS[layout], parts, count)
        bad = tuple(one for part in made for one in part.bad)
        rows = (part.rows for part in predicted(chosen, source, paths, FORMATS[layout], parts))
    if len(bad) == len(paths):
        parts.remove()
        raise ReportError(f"{source}: no image can be read: {bad_images(bad)}")
    with written_whole(file) as stream:  # only now, so that one that is killed leaves no draft behind
        for some in rows:
            stream.write(some)
    parts.remove()
    return Predictions(file, chosen.winner, len(paths), bad, chosen.made, _write_bad(file, bad))


def _layout(winner: Winner, asked: str | None, run_folder: Path) -> str:
    """The one asked for, else what suits the sweep."""
    if not winner.is_retrieval:
        if asked == PAIRS:
            raise ReportError(
                f"--format {PAIRS}: {run_folder} is no sweep on identities (data.identities), whose "
                f"embeddings could be compared; choose from {', '.join(FORMATS)}"
            )
        return asked or "csv"
    if asked not in (None, PAIRS):
        raise ReportError(
            f"--format {asked}: {run_folder} is a sweep on identities, and other images show others than it "
            f"learnt: say --format {PAIRS}"
        )
    return PAIRS


def predicted(
    chosen: Chosen,
    source: Source,
    paths: Sequence[str],
    layout: Format,
    parts: Parts,
    count: Count | None = None,
) -> Iterator[Part]:
    """A part a block of images, read where it is kept already, else made and kept."""
    classes = chosen.winner.classes
    if count is not None:
        count(0, len(paths))
    for start in range(0, len(paths), unlabelled.BLOCK):
        some = paths[start : start + unlabelled.BLOCK]
        file = parts.file(source, some, is_first=not start)
        part = parts.read(file)
        if part is None:
            [block] = read_blocks(source, some, chosen.winner.kept, classes)
            table = layout(block, chosen.probabilities(block), classes)
            part = Part(table.to_csv(index=False, header=not start), block.bad)
            parts.write(file, part)
        if count is not None:
            count(start + len(some), len(paths))
        yield part


def bad_images(bad: Sequence[BadImage]) -> str:
    """The first of them, each with its reason, on one line."""
    return " ".join(listed([f"{image.path} ({image.reason})" for image in bad], 3).split())


def refuse_inside(source: Source, out: Path | None) -> None:
    """Nothing is written among the user's images, even if asked to: the file might be one of theirs."""
    if out is None or not isinstance(source, FolderSource):
        return
    if out.resolve().is_relative_to(source.root.resolve()):
        raise ReportError(f"--out: {out} lies in {source}, where nothing is written")


def check_writable(file: Path) -> None:
    """Raises ReportError, before the long part, where a file of that name could not be written at its end."""
    try:
        if file.is_dir():
            raise IsADirectoryError(None, "it is a folder")
        file.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(file.parent, os.W_OK):
            raise PermissionError(None, "its folder takes no new files")
    except OSError as error:
        raise ReportError(f"{file}: cannot be written ({error.strerror})") from error


@contextmanager
def written_whole(file: Path) -> Iterator[TextIO]:
    """A stream to a file that takes its name when all is written; names keep bytes that are no UTF-8."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        stream = draft.open("w", encoding="utf-8", errors="surrogateescape", newline="")
    except OSError as error:
        raise ReportError(f"{file}: cannot be written ({error.strerror})") from error
    try:
        with stream:
            yield stream
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def _write_bad(file: Path, bad: Sequence[BadImage]) -> Path | None:
    """The list beside the predictions; that of earlier ones goes where nothing is bad any more."""
    named = file.with_name(f"{file.stem}.bad.csv")
    if not bad:
        named.unlink(missing_ok=True)
        return None
    with written_whole(named) as stream:
        pd.DataFrame({"path": [one.path for one in bad], "reason": [one.reason for one in bad]}).to_csv(
            stream, index=False
        )
    return named
