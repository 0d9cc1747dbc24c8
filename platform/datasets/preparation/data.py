"""A data set that is ready to be learnt from. N: images, C: classes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from platform.datasets.preparation.manifest import UNKNOWN
from platform.datasets.images.decode import BadImage
from platform.datasets.tables.identity_layout import ROLES
from platform.datasets.images.image_stores import Images
from platform.datasets.images.normalise import Colour
from platform.datasets.splits import SPLITS, Ints


@dataclass(frozen=True, eq=False)
class Data:
    """Images with their labels and splits; row i of the manifest belongs to image i.

    Attributes:
        manifest: columns ``path``, ``label`` (given label, a place in ``classes``; -1 of training images
            without one), ``clean`` (true label, or -1 where it is not known), ``split``, ``camera`` (-1 where
            not known) and ``role`` (of identities that are held out ``query`` or ``gallery``, else '');
            sorted by path.
        classes: names, sorted; of identities those that are learnt.
        images: N images, uint8 RGB.
        bad: the files that were left out.
        digest: SHA-256 of classes, manifest and the files' contents, in hexadecimal.
        mean, std: of the training images' channels, of values in [0, 1].
        val_label: which labels ``val/…`` metrics compare with.
        shots: training images above which a class is many-shot, and below which it is few-shot.
        held_out: names of the identities in val and test, sorted. Their labels are places in
            ``identities``, so len(classes) and more; that of junk, which is in no metric, is -1.
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

    @property
    def identities(self) -> tuple[str, ...]:
        """All names that labels are places in: first those that are learnt, then those that are held out."""
        return self.classes + self.held_out

    @property
    def is_retrieval(self) -> bool:
        """Whether val and test are queries and galleries of identities that are not learnt."""
        return bool(self.held_out)

    @property
    def splits(self) -> tuple[str, ...]:
        """Those that have rows."""
        return tuple(split for split in SPLITS if len(self.rows(split)))

    def rows(self, split: str) -> Ints:
        """The manifest rows of ``train``, ``val`` or ``test``, ascending."""
        if split not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
        return np.flatnonzero((self.manifest["split"] == split).to_numpy())

    def given(self, split: str) -> Ints:
        """The labels that a method sees; -1 for none, as unlabelled training images and junk have it."""
        return self._column("label", split)

    def clean(self, split: str) -> Ints:
        """The true labels, -1 where not known. For evaluation only."""
        return self._column("clean", split)

    def clean_known(self, split: str) -> bool:
        """Whether the split has rows with a given label and of each of these the true one is known."""
        clean = self.clean(split)[self.given(split) != UNKNOWN]
        return len(clean) > 0 and bool((clean != UNKNOWN).all())

    def evaluation_labels(self, split: str) -> Ints:
        """What metrics compare with: val's by ``val_label``; test's true ones where known, else given."""
        if split == "test":
            clean = self.clean(split)
            return np.where(clean != UNKNOWN, clean, self.given(split))
        return self.clean(split) if split == "val" and self.val_label == "clean" else self.given(split)

    def cameras(self, split: str) -> Ints:
        """Which camera took each image, -1 where not known."""
        return self._column("camera", split)

    def is_role(self, split: str, role: str) -> npt.NDArray[np.bool_]:
        """Which of the split's rows, in their order, are its ``query`` or its ``gallery``."""
        if role not in ROLES:
            raise ValueError(f"role must be one of {', '.join(ROLES)}, got {role!r}")
        return np.asarray((self.manifest["role"] == role).to_numpy()[self.rows(split)], dtype=np.bool_)

    def class_counts(self) -> torch.Tensor:
        """[C] int64: training rows of each given label."""
        given = self.given("train")
        counts = np.bincount(given[given != UNKNOWN], minlength=len(self.classes))
        return torch.from_numpy(counts.astype(np.int64))

    @property
    def unlabelled(self) -> int:
        """Training images without a given label."""
        return int((self.given("train") == UNKNOWN).sum())

    def manifest_frame(self) -> pd.DataFrame:
        """The manifest with names in place of codes: ``label`` and ``clean`` are null where it says -1."""
        names = np.array([*self.identities, None], dtype=object)  # the code -1 takes the last one
        named = {column: names[self.manifest[column].to_numpy()] for column in ("label", "clean")}
        return self.manifest.assign(**{column: pd.array(v, dtype="string") for column, v in named.items()})

    def _column(self, column: str, split: str) -> Ints:
        values: npt.NDArray[np.int64] = self.manifest[column].to_numpy(dtype=np.int64)
        return values[self.rows(split)]


@dataclass(frozen=True)
class Summary:
    """What a data section leads to, as far as that is known without decoding images.

    ``rows`` are the images of each split, ``unlabelled`` how many of train have no label.
    """

    source: str
    reader: str
    classes: tuple[str, ...]
    rows: Mapping[str, int]
    unlabelled: int = 0
