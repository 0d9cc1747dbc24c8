"""A prepared data set: images, labels, splits. N: images, C: classes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from platform.datasets.arrays import Ints
from platform.datasets.image_size import Size
from platform.datasets.images.decode import BadImage
from platform.datasets.images.image_stores import Images
from platform.datasets.images.normalise import Colour
from platform.datasets.preparation.class_codes import UNKNOWN
from platform.datasets.remarks import Remarks
from platform.datasets.sources.manifest_facts import ManifestFacts
from platform.datasets.splits import SPLITS
from platform.datasets.tables.identity_layout import ROLES


@dataclass(frozen=True, eq=False)
class Data:
    """Images with their labels and splits; row i of the manifest belongs to image i.

    Attributes:
        manifest: columns ``path``, ``label`` (given label, an index into ``classes``; -1 for training images
            without one), ``clean`` (true label; -1 if unknown), ``split``, ``camera`` (-1 if unknown) and
            ``role`` (``query`` or ``gallery`` for held-out identities, else ''); sorted by path. ``weight``
            multiplies the image's loss; the column is missing where all are 1.
        classes: names, sorted; for identities, the training identities.
        images: N images, uint8 RGB.
        bad: the files that could not be read.
        digest: SHA-256 of classes, manifest and the files' contents, in hexadecimal.
        mean, std: of the training images' channels, for values in [0, 1].
        val_label: which labels the ``val/…`` metrics compare with.
        shots: number of training images above which a class is many-shot, and below which it is few-shot.
        held_out: names of the identities in val and test, sorted. Their labels are indices into
            ``identities``, so at least len(classes); junk, which no metric counts, has -1.
        injected: one line each on imbalance and noise that are on, with counts.
        remarks: what was passed over or assumed.
        origin: the metadata of the manifest file that is the source, if one is.
    """

    manifest: pd.DataFrame
    classes: tuple[str, ...]
    images: Images
    bad: tuple[BadImage, ...]
    digest: str
    mean: Colour
    std: Colour
    val_label: Literal["given", "clean"] = "given"
    shots: tuple[int, int] = (100, 20)
    held_out: tuple[str, ...] = ()
    injected: tuple[str, ...] = ()
    remarks: Remarks = field(default_factory=Remarks)
    origin: ManifestFacts | None = None

    @property
    def identities(self) -> tuple[str, ...]:
        """All names that labels index: first the training identities, then the held-out ones."""
        return self.classes + self.held_out

    @property
    def is_retrieval(self) -> bool:
        """Whether val and test are queries and galleries of held-out identities."""
        return bool(self.held_out)

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that have rows."""
        return tuple(split for split in SPLITS if len(self.rows(split)))

    def rows(self, split: str) -> Ints:
        """The manifest rows of ``train``, ``val`` or ``test``, ascending."""
        if split not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
        return np.flatnonzero((self.manifest["split"] == split).to_numpy())

    def given(self, split: str) -> Ints:
        """The labels that a method sees; -1 for unlabelled training images and junk."""
        return self._column("label", split)

    def clean(self, split: str) -> Ints:
        """The true labels, -1 if unknown. For evaluation only."""
        return self._column("clean", split)

    def clean_known(self, split: str) -> bool:
        """Whether the split has rows with a given label, and the true label of all of them is known."""
        clean = self.clean(split)[self.given(split) != UNKNOWN]
        return len(clean) > 0 and bool((clean != UNKNOWN).all())

    def evaluation_labels(self, split: str) -> Ints:
        """The labels that metrics compare with: for val by ``val_label``, for test true ones if known."""
        if split == "test":
            clean = self.clean(split)
            return np.where(clean != UNKNOWN, clean, self.given(split))
        return self.clean(split) if split == "val" and self.val_label == "clean" else self.given(split)

    def cameras(self, split: str) -> Ints:
        """The camera of each image, -1 if unknown."""
        return self._column("camera", split)

    def is_role(self, split: str, role: str) -> npt.NDArray[np.bool_]:
        """Which of the split's rows, in order, have the role ``query`` or ``gallery``."""
        if role not in ROLES:
            raise ValueError(f"role must be one of {', '.join(ROLES)}, got {role!r}")
        return np.asarray((self.manifest["role"] == role).to_numpy()[self.rows(split)], dtype=np.bool_)

    def class_counts(self) -> torch.Tensor:
        """[C] int64: number of training rows of each given label."""
        given = self.given("train")
        counts = np.bincount(given[given != UNKNOWN], minlength=len(self.classes))
        return torch.from_numpy(counts.astype(np.int64))

    @property
    def weights(self) -> npt.NDArray[np.float32] | None:
        """[N]: what each image's loss in training is multiplied by; None where all are 1."""
        if "weight" not in self.manifest:
            return None
        return np.asarray(self.manifest["weight"].to_numpy(dtype=np.float32))

    @property
    def unlabelled(self) -> int:
        """Number of training images without a given label."""
        return int((self.given("train") == UNKNOWN).sum())

    def manifest_frame(self) -> pd.DataFrame:
        """The manifest with names in place of codes; ``label`` and ``clean`` are null in place of -1."""
        names = np.array([*self.identities, None], dtype=object)  # the code -1 selects the last element
        named = {column: names[self.manifest[column].to_numpy()] for column in ("label", "clean")}
        return self.manifest.assign(**{column: pd.array(v, dtype="string") for column, v in named.items()})

    def _column(self, column: str, split: str) -> Ints:
        values: npt.NDArray[np.int64] = self.manifest[column].to_numpy(dtype=np.int64)
        return values[self.rows(split)]


@dataclass(frozen=True)
class Summary:
    """What can be known of a data section without decoding images.

    ``rows``: images in each split; ``unlabelled``: training images without a label; ``remarks``: what was
    passed over or assumed; ``injected``: one line each on imbalance and noise that are on; ``class_sizes``:
    training images of each class; ``image_sizes``: sizes of a few images, in px, the smallest area first.
    """

    source: str
    reader: str
    classes: tuple[str, ...]
    rows: Mapping[str, int]
    unlabelled: int = 0
    remarks: Remarks = field(default_factory=Remarks)
    injected: tuple[str, ...] = ()
    class_sizes: tuple[int, ...] = ()
    image_sizes: tuple[Size, ...] = ()
