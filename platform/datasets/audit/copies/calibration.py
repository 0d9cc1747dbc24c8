"""Thresholds from copies planted among the user's own images, and how often others exceed them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from platform.datasets.arrays import Ints
from platform.datasets.audit.copies.candidates import MOST_NEAR, described
from platform.datasets.audit.copies.comparing.nearest import Index
from platform.datasets.audit.copies.comparing.small_pictures import Floats, SmallPictures, small_pictures
from platform.datasets.audit.copies.evidence import evidence_of_pairs
from platform.datasets.audit.copies.planted import PLANTED
from platform.datasets.audit.record import Notes
from platform.datasets.audit.scan.file_facts import as_thumbnail
from platform.datasets.audit.scan.measures import small
from platform.datasets.geometry import KeptSize
from platform.datasets.sources.image_decoding import UnreadableImage, decode_image
from platform.datasets.sources.source import Source

SAMPLE = 200  # images of which copies are planted
RECALL = 0.99
SCORES = 0.7, 0.9
"""The threshold is not below the first, and not above the second: real copies are worse than planted ones."""
CLOSENESS = 0.8, 0.9
RANDOM_PAIRS, NEAREST_OF = 1000, 500


@dataclass(frozen=True)
class Calibration:
    """What a pair needs to be looked at (``closeness``) and to be a copy (``score``).

    Attributes:
        recall: Kind of planted copy -> share of them with at least this score.
        random_false: Share of random pairs of other classes (or of any images) with at least this score.
        nearest_false: The same of the pairs of other classes that look most alike. Real copies under two
            labels are among them, so it is an upper bound.
    """

    score: float
    closeness: float
    recall: dict[str, float] = field(default_factory=dict)
    random_false: float = 0.0
    nearest_false: float = 0.0
    random_pairs: int = 0
    nearest_pairs: int = 0

    def notes(self) -> Notes:
        """As audit.json has them."""
        found: Notes = {"threshold": round(self.score, 4), "closeness": round(self.closeness, 4)}
        found |= {f"recall of planted: {kind}": round(share, 4) for kind, share in self.recall.items()}
        return found | {
            "false rate of random pairs": round(self.random_false, 6),
            "random pairs": self.random_pairs,
            "false rate of nearest pairs": round(self.nearest_false, 6),
            "nearest pairs": self.nearest_pairs,
        }


def calibrated(
    pictures: SmallPictures, paths: Sequence[str], labels: npt.NDArray[np.object_], reading: "Reading"
) -> Calibration:
    """Plant copies of evenly spaced images, and find the thresholds that keep 99 % of them.

    Args:
        paths: Of all images.
        labels: Of all images; None where there is none.
    """
    usable = np.flatnonzero(~pictures.plain_N)
    some = usable[:: max(len(usable) // SAMPLE, 1)][:SAMPLE]
    kinds, origins, thumbnails = reading.copies(some, [paths[image] for image in some])
    if not thumbnails:
        return Calibration(SCORES[1], CLOSENESS[0])
    planted = small_pictures(thumbnails, len(thumbnails))
    both = pictures.only(np.unique(origins)).with_others(planted)
    copy = len(pictures.plain_N) + np.arange(len(thumbnails))
    found, close = evidence_of_pairs(both, origins, copy)
    score, closest = (np.zeros(len(thumbnails), dtype=np.float32) for _ in range(2))
    score[found.other - len(pictures.plain_N)] = found.score
    closest[found.other - len(pictures.plain_N)] = close
    threshold = float(np.clip(np.quantile(score, 1 - RECALL), *SCORES))
    closeness = float(np.clip(np.quantile(closest, (1 - RECALL) / 2), *CLOSENESS))
    kind_of = np.array(kinds)
    recall = {kind: float((score[kind_of == kind] >= threshold).mean()) for kind in PLANTED}
    random_scores, nearest_scores = (
        _scores(pictures, *pairs)
        for pairs in (_random_pairs(usable, labels), _nearest(pictures, usable, labels))
    )
    return Calibration(
        threshold,
        closeness,
        recall,
        _share(random_scores, threshold),
        _share(nearest_scores, threshold),
        len(random_scores),
        len(nearest_scores),
    )


@dataclass(frozen=True)
class Reading:
    """How the images of a source were read for their thumbnails."""

    source: Source
    kept: KeptSize

    def copies(self, images: Ints, paths: Sequence[str]) -> tuple[list[str], Ints, list[bytes | None]]:
        """Kind, original and thumbnail of each planted copy; without images that are gone by now."""
        kinds, origins = [], []
        thumbnails: list[bytes | None] = []
        for image, path in zip(images, paths, strict=True):
            try:
                picture = decode_image(self.source.read(path, self.kept.max_bytes), self.kept)
            except (OSError, UnreadableImage):
                continue  # the pass over the files names such images
            for place, (kind, planted) in enumerate(PLANTED.items()):
                kinds.append(kind)
                origins.append(int(image))
                copy = planted(picture, np.random.default_rng((int(image), place)))
                thumbnails.append(as_thumbnail(small(copy)))
        return kinds, np.array(origins, dtype=np.int64), thumbnails


def _scores(pictures: SmallPictures, one: Ints, other: Ints) -> Floats:
    return evidence_of_pairs(pictures, one, other)[0].score


def _share(scores: Floats, threshold: float) -> float:
    return float((scores >= threshold).mean()) if len(scores) else 0.0


def _random_pairs(usable: Ints, labels: npt.NDArray[np.object_]) -> tuple[Ints, Ints]:
    random = np.random.default_rng(0)
    one, other = random.choice(usable, RANDOM_PAIRS), random.choice(usable, RANDOM_PAIRS)
    return _of_other_classes(one, other, labels)


def _nearest(pictures: SmallPictures, usable: Ints, labels: npt.NDArray[np.object_]) -> tuple[Ints, Ints]:
    """The pair of another class that looks most alike, of evenly spaced images."""
    views = pictures.of(usable)
    index = Index(described(pictures, views, 0))
    asked = pictures.of(usable[:: max(len(usable) // NEAREST_OF, 1)][:NEAREST_OF])
    near = index.near(described(pictures, asked, 0), 0.0, 10 * MOST_NEAR)
    one, other = pictures.image_E[asked[near.query]], pictures.image_E[views[near.view]]
    one, other = _of_other_classes(one, other, labels)
    first = np.unique(one, return_index=True)[1]
    return one[first], other[first]


def _of_other_classes(one: Ints, other: Ints, labels: npt.NDArray[np.object_]) -> tuple[Ints, Ints]:
    """The pairs of two classes; where there is one class at most, of two images."""
    classes = {label for label in labels if label is not None}
    if len(classes) < 2:
        differ = one != other
    else:
        has_both = np.array(
            [a is not None and b is not None for a, b in zip(labels[one], labels[other], strict=True)], bool
        )
        differ = has_both & (labels[one] != labels[other])
    pairs = np.unique(np.stack([one[differ], other[differ]], axis=1), axis=0)
    return pairs[:, 0], pairs[:, 1]
