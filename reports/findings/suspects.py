"""Training images whose given label the finalists reject, from what each wrote down while it trained.

Shapes: F finalists, N training images.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from platform.datasets.preparation.data import Data
from platform.training.loop.trainer_checkpoints import SAMPLES
from platform.storage.folder import Folder
from platform.storage.whole_files import write_whole
from reports.findings.thumbnails import thumbnail

FILE: Final = "suspect_labels.csv"

SHOWN: Final = 60
"""Pictures on the page; the CSV has all rows."""

_NEEDED = ("path", "label", "clean", "mean_loss", "prediction")


@dataclass(frozen=True)
class Caught:
    """What a list of suspects is worth against true labels: ``right`` of ``listed`` are wrong labels.

    ``wrong``: wrong labels there are; ``corrected``: listed ones whose preferred label is the true one.
    """

    listed: int
    right: int
    wrong: int
    corrected: int

    @property
    def precision(self) -> float:
        return self.right / self.listed

    @property
    def recall(self) -> float:
        return self.right / self.wrong


@dataclass(frozen=True)
class Shown:
    """An image of the list; ``picture``: a data: URI; ``clean``: its true label, None where not known."""

    path: str
    label: str
    preferred: str
    preferred_by: int
    clean: str | None
    picture: str


@dataclass(frozen=True)
class Suspects:
    """``table``: one row an image, the most suspect first, with the columns that :func:`suspects` says.

    ``labelled``: training images that have a label; ``trials``: whose records were read; ``unread``: trials
    that have none, or one that cannot be read. ``caught``: None where true labels are not known, or none is
    wrong. ``shown``: the first of them, with their pictures.
    """

    table: pd.DataFrame
    labelled: int
    trials: tuple[str, ...]
    unread: tuple[str, ...] = ()
    caught: Caught | None = None
    shown: list[Shown] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        """How many, according to whom."""
        trials = "1 trial" if len(self.trials) == 1 else f"{len(self.trials)} trials"
        unread = f" Of {', '.join(self.unread)} no record can be read." if self.unread else ""
        if self.table.empty:
            return f"Most of {trials} reject none of the {self.labelled:,} given training labels.{unread}"
        share = len(self.table) / self.labelled
        return (
            f"{len(self.table):,} of {self.labelled:,} labelled training images ({share:.1%}) are taken for "
            f"one other class by more than half of {trials} at the end of training.{unread}"
        )

    def write(self, folder: Path) -> None:
        """The whole list as CSV."""
        write_whole(folder / FILE, self.table.to_csv(index=False))


def suspects(checkpoints: Sequence[tuple[str, Folder]]) -> Suspects | None:
    """Where more than half of the finalists end up with one other label; (trial, checkpoint) of each.

    Columns: ``path``; ``label``, which was given; ``preferred``, what most finalists predict instead;
    ``preferred_by``, how many of the ``finalists`` do; ``rejection`` in [0, 1], by which the rows are sorted
    among equally many: the share of the training images whose labels' losses are lower, mean over finalists
    (losses of different methods cannot be compared, their order can); ``dropped``, the mean share of times
    in which a method left the image out; and ``clean``, where true labels are known.

    The predictions are of images that the finalists learnt from, each made before the step that learnt it
    (again): a network that has memorised a wrong label rejects it no more. None where no record can be read.
    """
    tables, unread = {}, []
    for trial, checkpoint in checkpoints:
        table = _record(checkpoint)
        if table is None:
            unread.append(trial)
        else:
            tables[trial] = table
    if not tables:
        return None
    first = next(iter(tables.values()))
    labelled = first["label"].notna().to_numpy()
    listed = _listed([table[labelled] for table in tables.values()])
    return Suspects(
        listed, int(labelled.sum()), tuple(tables), tuple(unread), _caught(listed, first[labelled])
    )


def _record(checkpoint: Folder) -> pd.DataFrame | None:
    try:
        table = pd.read_parquet(BytesIO(checkpoint.read(SAMPLES)))
    except (OSError, pa.ArrowInvalid):
        return None
    if not set(_NEEDED) <= set(table.columns):
        return None
    return table.sort_values("path", ignore_index=True)


def _listed(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    first = tables[0]
    given_N = first["label"].to_numpy(dtype=object)
    predictions_FN = np.stack([_names(table["prediction"]) for table in tables])
    preferred_N, votes_N = _preferred(predictions_FN, given_N)
    listed = pd.DataFrame(
        {
            "path": first["path"].to_numpy(dtype=object),
            "label": given_N,
            "preferred": preferred_N,
            "preferred_by": votes_N,
            "finalists": len(tables),
            "rejection": np.mean([_ranks(table["mean_loss"]) for table in tables], axis=0),
            "dropped": np.mean([table["dropped"].fillna(0) for table in tables], axis=0),
        }
    )
    if first["clean"].notna().all():
        listed["clean"] = first["clean"].to_numpy(dtype=object)
    listed = listed[listed["preferred_by"] * 2 > len(tables)]
    order = ["preferred_by", "rejection", "path"]
    return listed.sort_values(order, ascending=[False, False, True], ignore_index=True)


def with_pictures(found: Suspects, data: Data) -> Suspects:
    """With pictures of the first :data:`SHOWN`, but for those that cannot be read any more."""
    rows = {path: row for row, path in enumerate(data.manifest["path"])}
    shown = []
    for one in found.table.head(SHOWN).to_dict("records"):
        picture = thumbnail(data.images, rows[one["path"]]) if one["path"] in rows else None
        if picture is not None:
            told = (one["label"], one["preferred"], one["preferred_by"], one.get("clean"))
            shown.append(Shown(one["path"], *told, picture))
    return replace(found, shown=shown)


def _names(labels_N: "pd.Series[str]") -> npt.NDArray[np.object_]:
    """As objects, None for none."""
    return np.array([None if pd.isna(label) else label for label in labels_N], dtype=object)


def _preferred(
    predictions_FN: npt.NDArray[np.object_], given_N: npt.NDArray[np.object_]
) -> tuple[list[str | None], list[int]]:
    """The other label that most finalists predict of each image, and how many; ties to the best trial's."""
    preferred: list[str | None] = []
    votes: list[int] = []
    for own, given in zip(predictions_FN.T, given_N, strict=True):
        counts = Counter(label for label in own if label is not None and label != given)
        label, count = counts.most_common(1)[0] if counts else (None, 0)
        preferred.append(label)
        votes.append(count)
    return preferred, votes


def _ranks(losses_N: "pd.Series[float]") -> npt.NDArray[np.float64]:
    """The share of images with a lower loss; 0 of one that was never seen."""
    ranks_N = (losses_N.rank(method="min") - 1) / max(len(losses_N) - 1, 1)
    return np.asarray(ranks_N.fillna(0), dtype=np.float64)


def _caught(listed: pd.DataFrame, images: pd.DataFrame) -> Caught | None:
    wrong = int((images["label"] != images["clean"]).sum()) if images["clean"].notna().all() else 0
    if not wrong or listed.empty:
        return None
    right = int((listed["label"] != listed["clean"]).sum())
    corrected = int((listed["preferred"] == listed["clean"]).sum())
    return Caught(len(listed), right, wrong, corrected)
