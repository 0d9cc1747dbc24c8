"""Labels unlabelled images: ``python -m reports runs/NAME --pseudo-label FOLDER``.

The winner predicts the images, and the most probable predictions become training rows of the next sweep (Lee,
Pseudo-Label, ICML 2013 workshop), beside this sweep's rows. Val and test do not change, so that both sweeps
can be compared and no metric is measured on a pseudo-label.
"""

import io
import math
import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from platform.config.load import load_space
from platform.datasets.data_config import DataConfig
from platform.datasets.errors import listed
from platform.datasets.images.decode import BadImage
from platform.datasets.preparation.unlabelled import image_paths
from platform.datasets.sources.source import FolderSource, Source, open_source
from platform.datasets.tables.spreadsheet_cells import csv_text, read_csv_text
from platform.storage.whole_files import write_whole
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from reports.deploy.chosen import Chosen, load_chosen
from reports.deploy.predict import Count, Say, bad_images, check_writable, predicted, refuse_inside
from reports.deploy.prediction_table import with_probability
from reports.deploy.resumable_output import ResumableOutput
from reports.evaluation.checkpoints import ReportError

FILE = "pseudo_labels.parquet"

Taken = Callable[[pd.DataFrame], pd.DataFrame]
"""Selects the rows (``path``, ``label``, ``probability``) that get their label."""


@dataclass(frozen=True)
class PseudoLabels:
    """A table of pseudo-labels, and counts for the terminal.

    ``labelled`` of the ``images`` have a new label, of ``classes`` classes or identities (``are``); ``known``
    had one before. ``own``: the sweep's own rows in the table; ``notices``: what its user must know;
    ``has_clean``: whether the table has a column of true labels.
    """

    file: Path
    chosen: Chosen
    images: int
    labelled: int
    classes: int
    known: int
    own: int
    bad: tuple[BadImage, ...]
    notices: tuple[str, ...]
    are: Literal["classes", "identities"] = "classes"
    has_clean: bool = False

    @property
    def settings(self) -> str:
        """What the next sweep's command says to train on the table."""
        words = f"--data {shlex.quote(str(self.file))}"
        if self.are == "identities":
            words += " data.identities='{}'"
        return words + " data.clean_label=clean" * self.has_clean


def top_of_classes(count: int) -> Taken:
    """Take each predicted class's ``count`` most probable images; ties go to the first path."""
    return lambda rows: _sorted(rows).groupby("label", sort=False).head(count)


def top_share(share: float) -> Taken:
    """Take this share of each predicted class's images, rounded up; ties go to the first path."""

    def take(rows: pd.DataFrame) -> pd.DataFrame:
        ordered = _sorted(rows)
        by_class = ordered.groupby("label", sort=False)
        counts = by_class["path"].transform("size")
        # 0.3 * 10 is a little more than 3 in floating point
        return ordered[by_class.cumcount() < counts.map(lambda size: math.ceil(share * size - 1e-9))]

    return take


def above(threshold: float) -> Taken:
    """Take all images of at least this probability."""
    return lambda rows: rows[rows["probability"] >= threshold]


def pseudo_label(
    run_folder: Path,
    source: Source,
    take: Taken,
    out: Path | None = None,
    *,
    force: bool = False,
    progress: Say | None = None,
    count: Count | None = None,
) -> PseudoLabels:
    """Write a table for the next sweep's ``data.source``.

    Columns: ``path`` (absolute), ``label``, ``clean`` if any is known, ``split`` and, in pseudo-labelled
    rows, ``probability``. Images that the sweep already has labels for are left out. ``out`` is
    pseudo_labels.parquet in the sweep's folder unless given. A run that was cut short goes on. ``force``:
    even if the winner predicts no better than chance.

    Raises:
        UserError: there are no images, or none gets a label; they are in a zip, in which a table cannot name
            images; the sweep is on identities (:mod:`reports.deploy.pseudo_identities`); there is no winner,
            or it is no better than chance.
    """
    folder = SweepFolder(run_folder)
    config = load_space(folder.space, SweepConfig, fixed=SWEEP_FIELDS).first().data
    refuse_inside(source, out)
    if config.identities is not None:
        raise ReportError(
            "--pseudo-label: the sweep is on identities, and your images show other identities than it learnt"
        )
    root = folder_of(source)
    own, notices = own_rows(folder, config, ["path", "label", "clean", "split"])
    paths = image_paths(source)
    chosen = load_chosen(folder, progress or (lambda _: None))
    if chosen.winner.at_chance is not None and not force:
        raise ReportError(
            f"--pseudo-label: its labels would be guesses. {chosen.winner.at_chance} --force writes them all "
            "the same"
        )
    file = folder.path / FILE if out is None else out
    check_writable(file)
    output = ResumableOutput(file, [chosen.winner.model_dump_json(), "pseudo"])
    parts = list(predicted(chosen, source, paths, with_probability, output, count))
    bad = tuple(one for part in parts for one in part.bad)
    rows = _readable("".join(part.rows for part in parts))
    rows["path"] = [os.path.normpath(f"{root}/{path}") for path in rows["path"]]
    is_known = rows["path"].isin(own["path"][own["label"].notna()])
    taken = take(rows[~is_known])
    if not len(taken):
        why = (
            bad_images(bad) if len(bad) == len(paths) else "none is probable enough, or all have one already"
        )
        raise ReportError(f"{source}: no image gets a label: {why}")
    joined = _joined(own, taken)
    write_table(joined, file)
    output.remove()
    known = int(is_known.sum())
    classes = int(taken["label"].nunique())
    counts = (len(paths), len(taken), classes, known, len(own))
    return PseudoLabels(file, chosen, *counts, bad, tuple(notices), has_clean="clean" in joined)


def folder_of(source: Source) -> str:
    """The folder that the images' paths are relative to."""
    if not isinstance(source, FolderSource):
        raise ReportError(
            f"--pseudo-label: {source} is a zip, in which a table cannot name images; unpack it"
        )
    return os.path.realpath(source.root)


def own_rows(
    folder: SweepFolder, config: DataConfig, columns: Sequence[str]
) -> tuple[pd.DataFrame, list[str]]:
    """The sweep's rows with absolute paths, and notices; no rows if a table cannot name its images."""
    source = open_source(config.source)
    if not isinstance(source, FolderSource):
        empty = pd.DataFrame({name: pd.Series(dtype=object) for name in columns})
        return empty, [
            f"the images of {config.source} are no files in a folder, so the table holds the pseudo-labelled "
            "images alone, and the next sweep takes its val split from them"
        ]
    own = pd.read_parquet(folder.manifest)[list(columns)]
    root = os.path.realpath(source.root)
    own["path"] = [os.path.normpath(os.path.join(root, path)) for path in own["path"]]
    if config.noise is None and config.imbalance == 1:
        return own, []
    return own, ["the table has this sweep's noise and imbalance already; --data adds none"]


def _readable(rows: str) -> pd.DataFrame:
    table = read_csv_text(
        io.StringIO(rows),
        dtype={"path": str, "label": str},
        keep_default_na=False,
        na_values={"probability": ""},
    )
    return table[table["probability"].notna()].reset_index(drop=True)


def _sorted(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.sort_values(["probability", "path"], ascending=[False, True], kind="stable")


def _joined(own: pd.DataFrame, taken: pd.DataFrame) -> pd.DataFrame:
    """The sweep's rows and the pseudo-labelled ones, which replace a row of the same image."""
    left = own[~own["path"].isin(taken["path"])]
    new = taken.assign(split="train").sort_values("path")
    joined = pd.concat([left, new], ignore_index=True) if len(left) else new.assign(clean=None)
    known = ["clean"] if joined["clean"].notna().any() else []
    return joined[["path", "label", *known, "split", "probability"]]


def write_table(table: pd.DataFrame, file: Path) -> None:
    """Write Parquet, or CSV if the file ends in .csv; image paths must be UTF-8."""
    if odd := [path for path in table["path"] if not _is_utf8(path)]:
        named = listed([path.encode("utf-8", "backslashreplace").decode() for path in odd], 3)
        raise ReportError(
            f"--pseudo-label: a table can only name images in UTF-8, but these are not: {named}; rename them"
        )
    is_csv = file.suffix.lower() == ".csv"
    content = csv_text(table) if is_csv else table.to_parquet(index=False)
    write_whole(file, content)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
