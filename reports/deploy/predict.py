"""Predicts your images with the winner: ``python -m reports runs/NAME --predict FOLDER``.

The CSV is sorted by path and has a row for each image (for pairs, for each pair): ``path``, relative to the
folder, then the columns of ``--format``. An image that cannot be read has a row with its path alone, and
FILE.bad.csv has the reason.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import pandas as pd

from platform.datasets.errors import counted, listed
from platform.datasets.images.decode import BadImage
from platform.datasets.preparation import unlabelled
from platform.datasets.preparation.unlabelled import image_paths, read_blocks
from platform.datasets.remarks import by_ending
from platform.datasets.sources.source import FolderSource, Source
from platform.datasets.tables.spreadsheet_cells import csv_text, read_csv_text
from platform.storage.disk import written_to
from platform.storage.whole_files import whole_file
from platform.tuning.folder.sweep_folder import SweepFolder
from reports.build.winner import Winner
from reports.deploy.chosen import Chosen, load_chosen
from reports.deploy.neighbours import NEIGHBOURS, PAIRS, embed, pair_rows
from reports.deploy.prediction_table import FORMATS, Format
from reports.deploy.resumable_output import Part, ResumableOutput
from reports.evaluation.checkpoints import ReportError

FILE = "predictions.csv"

Say = Callable[[str], None]
Count = Callable[[int, int], None]
"""Called with (images done, images in all)."""


@dataclass(frozen=True)
class Predictions:
    """``bad_file`` lists the images that cannot be read, and why; None if all can.

    ``new_report``: its page, if there was no report and it was built first.
    """

    file: Path
    winner: Winner
    images: int
    bad: tuple[BadImage, ...]
    new_report: Path | None
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
    """Predict every image of ``source`` with the winner of the sweep in ``run_folder``, and write a table.

    Images are decoded once for all members. A missing report is built first. A prediction that was cut short
    keeps its finished parts beside ``out``, and the next run goes on from there.

    Args:
        out: predictions.csv in the sweep's folder unless given; it is replaced as a whole.
        layout: one of FORMATS (``csv`` unless given); PAIRS for a sweep on identities.
        neighbours: how many of the most similar images PAIRS names for each.

    Raises:
        UserError: there are no images, or none can be read; there is no winner; ``out`` cannot be written, or
            lies in the folder of the images; ``layout`` does not suit the sweep.
    """
    folder = SweepFolder(run_folder)
    paths = image_paths(source)
    refuse_inside(source, out)
    chosen = load_chosen(folder, progress or (lambda _: None))
    file = folder.path / FILE if out is None else out
    check_writable(file)
    layout = _layout(chosen.winner, layout, run_folder)
    output = ResumableOutput(file, [chosen.winner.model_dump_json(), layout])
    if layout == PAIRS:
        found = embed(chosen, source, paths, output, count)
        bad, rows = found.bad, pair_rows(found, paths, neighbours)
    else:
        parts = predicted(chosen, source, paths, FORMATS[layout], output, count)
        bad = tuple(one for part in parts for one in part.bad)
        rows = (part.rows for part in predicted(chosen, source, paths, FORMATS[layout], output))
    if len(bad) == len(paths):
        output.remove()
        raise ReportError(f"{source}: no image can be read: {bad_images(bad)}")
    with written_whole(file) as stream:  # opened late: a killed run leaves no draft behind
        for some in rows:
            stream.write(some)
    output.remove()
    return Predictions(file, chosen.winner, len(paths), bad, chosen.new_report, _write_bad(file, bad))


def _layout(winner: Winner, asked: str | None, run_folder: Path) -> str:
    """The layout asked for, or the sweep's default."""
    if not winner.is_retrieval:
        if asked == PAIRS:
            raise ReportError(
                f"--format {PAIRS}: {run_folder} is no sweep on identities (data.identities), so it has no "
                f"embeddings to compare; choose from {', '.join(FORMATS)}"
            )
        if asked not in (None, *FORMATS):
            raise ReportError(f"--format {asked}: there is no such layout; choose from {', '.join(FORMATS)}")
        return asked or "csv"
    if asked not in (None, PAIRS):
        raise ReportError(
            f"--format {asked}: {run_folder} is a sweep on identities, and your images show other identities "
            f"than it learnt; use --format {PAIRS}"
        )
    return PAIRS


def predicted(
    chosen: Chosen,
    source: Source,
    paths: Sequence[str],
    layout: Format,
    output: ResumableOutput,
    count: Count | None = None,
) -> Iterator[Part]:
    """Predict block by block; a part that an earlier, killed run kept is read."""
    classes = chosen.winner.classes
    if count is not None:
        count(0, len(paths))
    for start in range(0, len(paths), unlabelled.BLOCK):
        some = paths[start : start + unlabelled.BLOCK]
        file = output.file(source, some, is_first=not start)
        part = output.read(file)
        if part is None:
            [block] = read_blocks(source, some, chosen.winner.kept, classes)
            table = layout(block, chosen.probabilities(block), classes)
            part = Part(csv_text(table, header=not start), block.bad)
            output.write(file, part)
        if count is not None:
            count(start + len(some), len(paths))
        yield part


def first_prediction(file: Path) -> str:
    """ "cat.jpg: cat (0.9731)", of a table's first row."""
    row = read_csv_text(file, nrows=1, dtype=str, keep_default_na=False).iloc[0]
    label = row.get("label", row.get("label_1"))
    probability = row.get("probability", row.get("probability_1"))
    return f"{row['path']}: {label}" + (f" ({float(probability):.4f})" if probability else "")


def bad_images(bad: Sequence[BadImage]) -> str:
    """The first bad images, each with its reason, on one line."""
    return " ".join(listed([f"{image.path} ({image.reason})" for image in bad], 3).split())


def no_images(source: Source) -> str:
    """Files that are neither predicted nor among the bad images, as one sentence; '' if there are none."""
    endings = Counter(one.ending for one in source.kinds.passed_over if not one.is_image)
    if not endings:
        return ""
    files = counted(sum(endings.values()), "file is no image", "files are no images")
    return f"{files} and not predicted: {by_ending(dict(endings.most_common()))}"


def refuse_inside(source: Source, out: Path | None) -> None:
    """Raise ReportError if ``out`` lies among the user's images: it might replace a file of theirs."""
    if out is None or not isinstance(source, FolderSource) or isinstance(source, unlabelled.ImageFile):
        return
    if out.resolve().is_relative_to(source.root.resolve()):
        raise ReportError(
            f"--out: {out} lies in {source}, the folder of your images, where nothing is written"
        )


def check_writable(file: Path) -> None:
    """Raise ReportError, before the long part begins, if the file could not be written at its end."""
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
    """Open a text stream; the file appears under its name once everything is written.

    File names that are not UTF-8 keep their bytes.
    """
    with whole_file(file) as draft:
        with written_to(file):
            stream = draft.open("w", encoding="utf-8", errors="surrogateescape", newline="")
        with stream:
            yield stream


def _write_bad(file: Path, bad: Sequence[BadImage]) -> Path | None:
    """Write the list beside the predictions; without bad images, delete the list of an earlier run."""
    named = file.with_name(f"{file.stem}.bad.csv")
    if not bad:
        named.unlink(missing_ok=True)
        return None
    with written_whole(named) as stream:
        rows = {"path": [one.path for one in bad], "reason": [one.reason for one in bad]}
        stream.write(csv_text(pd.DataFrame(rows)))
    return named
