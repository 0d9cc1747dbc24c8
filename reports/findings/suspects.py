"""Training images whose given label the finalists reject, from the records of their training.

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
from platform.datasets.tables.spreadsheet_cells import csv_text
from platform.storage.folder import Folder
from platform.storage.whole_files import write_whole
from platform.training.loop.trainer_checkpoints import SAMPLES
from reports.findings.suspect_precision import Caught, caught, is_as_long_as_by_chance
from reports.findings.thumbnails import thumbnail

FILE: Final = "suspect_labels.csv"

SHOWN: Final = 60
"""How many pictures the page shows; the CSV file has all rows."""

_NEEDED = ("path", "label", "clean", "mean_loss", "prediction")


@dataclass(frozen=True)
class Shown:
    """A listed image; ``picture``: a data: URI; ``clean``: the true label, None if unknown."""

    path: str
    label: str
    preferred: str
    preferred_by: int
    clean: str | None
    picture: str


@dataclass(frozen=True)
class Suspects:
    """``table``: one row per image, the most suspect first, with the columns of :func:`suspects`.

    ``labelled``: number of training images with a label; ``trials``: those whose records were read;
    ``unread``: those without a readable record. ``caught``: None if true labels are unknown or none is wrong.
    ``shown``: the first images, with pictures. ``estimate``: the list's precision, estimated on validation;
    None if true labels tell it. ``withheld``: why the list is no better than chance, so that neither page nor
    CSV file has it; "" if they do.
    """

    table: pd.DataFrame
    labelled: int
    trials: tuple[str, ...]
    unread: tuple[str, ...] = ()
    caught: Caught | None = None
    shown: list[Shown] = field(default_factory=list)
    estimate: float | None = None
    withheld: str = ""

    @property
    def sentence(self) -> str:
        """How many labels are suspect, and by how many trials."""
        trials = "1 trial" if len(self.trials) == 1 else f"{len(self.trials)} trials"
        unread = f" No record of {', '.join(self.unread)} could be read." if self.unread else ""
        if self.table.empty:
            none = f"None of the {self.labelled:,} given training labels"
            return f"{none} is rejected by more than half of {trials}.{unread}"
        share = len(self.table) / self.labelled
        return (
            f"{len(self.table):,} of {self.labelled:,} labelled training images ({share:.1%}) are predicted "
            f"as one other class by more than half of {trials} at the end of training.{unread}"
        )

    def write(self, folder: Path) -> None:
        """Write the whole list to suspect_labels.csv; delete an earlier one if the list is withheld."""
        if self.withheld:
            (folder / FILE).unlink(missing_ok=True)
        else:
            write_whole(folder / FILE, csv_text(self.table))


def suspects(checkpoints: Sequence[tuple[str, Folder]]) -> Suspects | None:
    """Images for which more than half of the finalists end with one other label.

    Columns: ``path``; ``label``, which was given; ``preferred``, what most finalists predict instead;
    ``preferred_by``, how many of the ``finalists`` do; ``rejection`` in [0, 1], by which the rows are sorted
    among equally many: the share of the training images whose labels' margins are higher, mean over finalists
    (margins of different methods cannot be compared, their order can), or whose losses are lower in records
    of versions that kept no margins; ``dropped``, the mean share of times in which a method left the image
    out; and ``clean``, where true labels are known.

    The finalists trained on these images; each prediction was made before the step that used the image. A
    network that has memorised a wrong label does not reject it. None if no record can be read.
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
    images = [table[labelled] for table in tables.values()]
    listed = _listed(images)
    found = caught(listed, first[labelled])
    withheld = _no_better_than_chance(found, images)
    return Suspects(listed, int(labelled.sum()), tuple(tables), tuple(unread), found, withheld=withheld)


def _no_better_than_chance(found: Caught | None, images: Sequence[pd.DataFrame]) -> str:
    """Why the list is worth nothing, by the true labels or by its length; "" if it is worth something."""
    if found is not None:
        if not found.is_chance:
            return ""
        return (
            f"By the true labels {found.precision:.1%} of them are wrong, as many as among images drawn at "
            f"random ({found.wrong / found.images:.1%} of all training labels are)"
        )
    given = images[0]["label"].tolist()
    predictions = zip(*(_names(table["prediction"]) for table in images), strict=True)
    agreed = [
        _agreed(Counter(label for label in own if label is not None), len(images)) for own in predictions
    ]
    if not is_as_long_as_by_chance(agreed, given):
        return ""
    return "The list would be as short if the given labels were shuffled among the images"


def _agreed(counts: "Counter[str]", finalists: int) -> str | None:
    """What more than half of the finalists predict."""
    label, count = counts.most_common(1)[0] if counts else (None, 0)
    return label if count * 2 > finalists else None


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
            "rejection": np.mean([_rejection(table) for table in tables], axis=0),
            "dropped": np.mean([table["dropped"].fillna(0) for table in tables], axis=0),
        }
    )
    if first["clean"].notna().all():
        listed["clean"] = first["clean"].to_numpy(dtype=object)
    listed = listed[listed["preferred_by"] * 2 > len(tables)]
    order = ["preferred_by", "rejection", "path"]
    return listed.sort_values(order, ascending=[False, False, True], ignore_index=True)


def with_pictures(found: Suspects, data: Data) -> Suspects:
    """Add pictures of the first :data:`SHOWN` images that can still be read."""
    if found.withheld:
        return found
    rows = {path: row for row, path in enumerate(data.manifest["path"])}
    shown = []
    for one in found.table.head(SHOWN).to_dict("records"):
        picture = thumbnail(data.images, rows[one["path"]]) if one["path"] in rows else None
        if picture is not None:
            labels = (one["label"], one["preferred"], one["preferred_by"], one.get("clean"))
            shown.append(Shown(one["path"], *labels, picture))
    return replace(found, shown=shown)


def _names(labels_N: "pd.Series[str]") -> npt.NDArray[np.object_]:
    """Labels as objects, None where missing."""
    return np.array([None if pd.isna(label) else label for label in labels_N], dtype=object)


def _preferred(
    predictions_FN: npt.NDArray[np.object_], given_N: npt.NDArray[np.object_]
) -> tuple[list[str | None], list[int]]:
    """Each image's other label with the most finalists, and their number; ties go to the best trial."""
    preferred: list[str | None] = []
    votes: list[int] = []
    for own, given in zip(predictions_FN.T, given_N, strict=True):
        counts = Counter(label for label in own if label is not None and label != given)
        label, count = counts.most_common(1)[0] if counts else (None, 0)
        preferred.append(label)
        votes.append(count)
    return preferred, votes


def _rejection(table: pd.DataFrame) -> npt.NDArray[np.float64]:
    """The share of images with a higher margin, else with a lower loss; 0 for images never seen.

    The margin finds more (LOG.md, 2026-11-30).
    """
    has_margin = "mean_margin" in table and table["mean_margin"].notna().any()
    suspicion_N = -table["mean_margin"] if has_margin else table["mean_loss"]
    ranks_N = (suspicion_N.rank(method="min") - 1) / max(len(suspicion_N) - 1, 1)
    return np.asarray(ranks_N.fillna(0), dtype=np.float64)
