"""Which training images an epoch shows, and how often: the setting ``sampler``.

R: training images, C: classes.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from platform.datasets.arrays import Ints
from platform.datasets.preparation.class_codes import UNKNOWN

SamplerName = Literal["instance", "class_balanced", "square_root", "progressive"]


@dataclass(frozen=True)
class Sampler:
    """Orders the R training images of each epoch, as a function of (seed, epoch) alone.

    A class with n_c of N labelled images has the share p_c of an epoch:

    - ``instance``: n_c / N, each image once
    - ``class_balanced``: 1 / C, of the classes that occur
    - ``square_root``: √n_c / Σ_k √n_k
    - ``progressive``: (1 - t/T) · n_c / N + t/T · 1 / C, in the epoch t (from 0) of the T ``epochs`` from
      ``first_epoch`` on

    Whatever the sampler, an epoch has R places, of which images without a label have one each. A class's
    images take turns: none is shown k + 1 times before all are shown k times, so the counts are exact but for
    rounding. Which class is rounded up, and which image has the odd turn, changes from epoch to epoch.

    Kang et al., Decoupling Representation and Classifier for Long-Tailed Recognition, ICLR 2020
    (arXiv 1910.09217), section 3; they draw at random with replacement.
    """

    name: SamplerName = "instance"
    first_epoch: int = 0
    epochs: int = 1

    def order(self, labels_R: Ints, seed: int, epoch: int) -> tuple[Ints, Ints]:
        """Of each of the epoch's R places the image, an index into ``labels_R``, and its turn, from 0.

        An image is augmented differently in each turn.
        """
        random = np.random.default_rng([seed, epoch])
        if self.name == "instance":
            return random.permutation(len(labels_R)), np.zeros(len(labels_R), dtype=np.int64)
        labelled = np.flatnonzero(labels_R != UNKNOWN)
        _, class_of, counts_C = np.unique(labels_R[labelled], return_inverse=True, return_counts=True)
        by_class = np.split(labelled[np.argsort(class_of, kind="stable")], np.cumsum(counts_C)[:-1])
        places_C = _whole(self._shares(counts_C, epoch) * len(labelled), random)
        parts = [_turns(rows, places, random) for rows, places in zip(by_class, places_C, strict=False)]
        unlabelled = np.flatnonzero(labels_R == UNKNOWN)
        images_R = np.concatenate([unlabelled, *(images for images, _ in parts)])
        turns_R = np.concatenate([np.zeros_like(unlabelled), *(turns for _, turns in parts)])
        shuffled = random.permutation(len(images_R))
        return images_R[shuffled], turns_R[shuffled]

    def _shares(self, counts_C: Ints, epoch: int) -> npt.NDArray[np.float64]:
        of_images: npt.NDArray[np.float64] = counts_C / counts_C.sum()
        of_classes = np.full(len(counts_C), 1 / max(len(counts_C), 1))
        if self.name == "class_balanced":
            return of_classes
        if self.name == "square_root":
            of_roots: npt.NDArray[np.float64] = np.sqrt(counts_C) / np.sqrt(counts_C).sum()
            return of_roots
        done = min(max(epoch - self.first_epoch, 0) / self.epochs, 1.0)
        mixed: npt.NDArray[np.float64] = (1 - done) * of_images + done * of_classes
        return mixed


def _whole(places_C: npt.NDArray[np.float64], random: np.random.Generator) -> Ints:
    """Whole numbers with the same sum, each the number rounded up or down.

    Systematic sampling in a random order of the classes: each is rounded up with the probability of its rest.
    """
    if not len(places_C):
        return np.zeros(0, dtype=np.int64)
    order = random.permutation(len(places_C))
    ends = np.floor(np.cumsum(places_C[order]) + random.random())
    ends[-1] = round(float(places_C.sum()))
    whole = np.empty(len(places_C), dtype=np.int64)
    whole[order] = np.diff(ends, prepend=0.0)
    return whole


def _turns(rows: Ints, places: int, random: np.random.Generator) -> tuple[Ints, Ints]:
    """The images of a class for so many places, and the turn of each."""
    turn = np.arange(places) // len(rows)
    shown = random.permutation(rows)[np.arange(places) % len(rows)]
    return shown, turn.astype(np.int64)
