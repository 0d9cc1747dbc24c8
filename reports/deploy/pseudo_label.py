"""Labels for images that have none: ``python -m reports runs/NAME --pseudo-label FOLDER``.

What the report chose predicts them, and the surest become training rows of the next sweep (Lee,
Pseudo-Label, ICML 2013 workshop), beside the rows of this one: val and test stay what they were, so that the
two sweeps can be compared and no pseudo-label is ever measured against.
"""

import io
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from platform.config.load import load_space
from platform.datasets.data_config import DataConfig
from platform.datasets.images.decode import BadImage
from platform.datasets.errors import listed
from platform.datasets.sources.source import FolderSource, Source, open_source
from platform.datasets.preparation.unlabelled import image_paths
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from platform.tuning.folder.sweep_folder import SweepFolder
from reports.deploy.chosen import Chosen, load_chosen
from reports.evaluation.checkpoints import ReportError
from platform.storage.whole_files import write_whole
from reports.deploy.resumable_output import Parts
from reports.deploy.predict import Count, Say, bad_images, check_writable, predicted, refuse_inside
from reports.deploy.prediction_table import with_probability

FILE = "pseudo_labels.parquet"

Taken = Callable[[pd.DataFrame], pd.DataFrame]
"""Of rows ``path``, ``label``, ``probability`` those that get their label."""


@dataclass(frozen=True)
class PseudoLabels:
    """``labelled`` of ``images`` have a label now, of ``classes`` classes (or identities, as ``are`` says);
    ``known`` had one before.

    ``own``: rows of the sweep itself in the table; ``notices``: what a reader of it must know.
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


def top_of_classes(count: int) -> Taken:
    """Of each predicted class the ``count`` most probable; of equals the first by path."""
    return lambda rows: _sorted(rows).groupby("label", sort=False).head(count)


def top_share(share: float) -> Taken:
    """Of each predicted class this share of its images, rounded up; of equals the first by path."""

    def take(rows: pd.DataFrame) -> pd.DataFrame:
        ordered = _sorted(rows)
        by_class = ordered.groupby("label", sort=False)
        counts = by_class["path"].transform("size")
        # 0.3 * 10 is a little more than 3 in floating point
        return ordered[by_class.cumcount() < counts.map(lambda size: math.ceil(share * size - 1e-9))]

    return take


def above(threshold: float) -> Taken:
    """All of at least this probability."""
    return lambda rows: rows[rows["probability"] >= threshold]


def pseudo_label(
    run_folder: Path,
    source: Source,
    take: Taken,
    out: Path | None = None,
    *,
    progress: Say | None = None,
    count: Count | None = None,
) -> PseudoLabels:
    """Write a table for ``data.source``: ``path`` (absolute), ``label``, ``clean``, ``split`` and, of
    pseudo-labelled rows, ``probability``. Images that the sweep has labels for already are left out.

    ``out`` is pseudo_labels.parquet in the sweep's folder unless given. Goes on where it was cut short.

    Raises:
        UserError: no images, or none that a label is given to; images in a zip, which a table cannot name;
            identities (:mod:`reports.deploy.pseudo_identities`); no trial or no checkpoint to predict with.
    """
    folder = SweepFolder(run_folder)
    config = load_space(folder.space, SweepConfig, fixed=SWEEP_FIELDS).first().data
    refuse_inside(source, out)
    if config.identities is not None:
        raise ReportError(
            "--pseudo-label: the sweep is on identities: other images show others than it learnt"
        )
    root = folder_of(source)
    own, notices = own_rows(folder, config, ["path", "label", "clean", "split"])
    paths = image_paths(source)
    chosen = load_chosen(folder, progress or (lambda _: None))
    file = folder.path / FILE if out is None else out
    check_writable(file)
    parts = Parts(file, [chosen.winner.model_dump_json(), "pseudo"])
    made = list(predicted(chosen, source, paths, with_probability, parts, count))
    bad = tuple(one for part in made for one in part.bad)
    rows = _readable("".join(part.rows for part in made))
    rows["path"] = [os.path.normpath(f"{root}/{path}") for path in rows["path"]]
    is_known = rows["path"].isin(own["path"][own["label"].notna()])
    taken = take(rows[~is_known])
    if not len(taken):
        why = bad_images(bad) if len(bad) == len(paths) else "none is probable enough, or all have labels"
        raise ReportError(f"{source}: no image gets a label: {why}")
    write_table(_joined(own, taken), file)
    parts.remove()
    known = int(is_known.sum())
    classes = int(taken["label"].nunique())
    return PseudoLabels(file, chosen, len(paths), len(taken), classes, known, len(own), bad, tuple(notices))


def folder_of(source: Source) -> str:
    """The folder that the images' paths are relative to."""
    if not isinstance(source, FolderSource):
        raise ReportError(
            f"--pseudo-label: {source} is a zip, in which a table cannot name images: unpack it"
        )
    return os.path.realpath(source.root)


def own_rows(
    folder: SweepFolder, config: DataConfig, columns: Sequence[str]
) -> tuple[pd.DataFrame, list[str]]:
    """The sweep's rows, and what there is to say of them: none where no table can name its images."""
    source = open_source(config.source)
    if not isinstance(source, FolderSource):
        empty = pd.DataFrame({name: pd.Series(dtype=object) for name in columns})
        return empty, [
            f"the images of {config.source} are no files in a folder, which a table could name: it holds the "
            "pseudo-labelled images alone, and the next sweep's val is held out of these"
        ]
    own = pd.read_parquet(folder.manifest)[list(columns)]
    root = os.path.realpath(source.root)
    own["path"] = [os.path.normpath(os.path.join(root, path)) for path in own["path"]]
    if config.noise is None and config.imbalance == 1:
        return own, []
    return own, [
        "its labels have this sweep's noise and imbalance already: leave data.noise and data.imbalance out"
    ]


def _readable(rows: str) -> pd.DataFrame:
    table = pd.read_csv(
        io.StringIO(rows),
        dtype={"path": str, "label": str},
        keep_default_na=False,
        na_values={"probability": ""},
    )
    return table[table["probability"].notna()].reset_index(drop=True)


def _sorted(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.sort_values(["probability", "path"], ascending=[False, True], kind="stable")


def _joined(own: pd.DataFrame, taken: pd.DataFrame) -> pd.DataFrame:
    """Own rows without a label stay unlabelled unless they have one now."""
    left = own[~own["path"].isin(taken["path"])]
    new = taken.assign(split="train").sort_values("path")
    joined = pd.concat([left, new], ignore_index=True) if len(left) else new.assign(clean=None)
    known = ["clean"] if joined["clean"].notna().any() else []
    return joined[["path", "label", *known, "split", "probability"]]


def write_table(table: pd.DataFrame, file: Path) -> None:
    """As Parquet, or CSV where the file is called so; its names must be UTF-8."""
    if odd := [path for path in table["path"] if not _is_utf8(path)]:
        named = listed([path.encode("utf-8", "backslashreplace").decode() for path in odd], 3)
        raise ReportError(
            f"--pseudo-label: a table holds UTF-8, but these names are not: {named}; rename them"
        )
    is_csv = file.suffix.lower() == ".csv"
    content = table.to_csv(index=False) if is_csv else table.to_parquet(index=False)
    try:
        write_whole(file, content)
    except OSError as error:
        raise ReportError(f"{file}: cannot be written ({error.strerror})") from error


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
