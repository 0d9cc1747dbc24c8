"""All copies of a set of images by groups: what each is a copy of, what kind, who is kept. N: images."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from platform.datasets.arrays import Ints
from platform.datasets.audit.copies.comparing.small_pictures import SmallPictures
from platform.datasets.audit.copies.groups import Stars
from platform.datasets.audit.copies.kinds import words_of_pairs

GROUP = "copies-{:06d}"


@dataclass(frozen=True, slots=True)
class Copy:
    """An image of a group.

    Attributes:
        image: Its row in images.parquet, as are ``centre``, ``equal`` and ``keep``.
        centre: The image in the middle of the group, the best of all.
        equal: The best image with the same pixels, or itself.
        score: Of the proof that it is a copy of the centre; 1 where the pixels are equal.
        kind: What was done to the picture; ``same pixels`` where there is no other proof.
        keep: The best image of the group in the same split.
    """

    image: int
    path: str
    label: str | None
    split: str
    group: str
    centre: int
    equal: int
    score: float
    kind: str
    keep: int


def copy_groups(
    images: pd.DataFrame, equal_N: Ints, found: Stars, pictures: SmallPictures, rank_N: Ints
) -> list[list[Copy]]:
    """The groups, numbered by the path of their centres; in each the centre first, then by rank.

    ``equal_N``: :func:`~platform.datasets.audit.copies.exact.kept_of_equals`.
    """
    centre_N = found.centre_N[equal_N]
    sizes_N = np.bincount(centre_N, minlength=len(images))
    image = np.flatnonzero(sizes_N[centre_N] > 1)
    image = image[np.lexsort((rank_N[image], centre_N[image]))]
    centre, equal = centre_N[image], equal_N[image]
    number = np.unique(centre, return_inverse=True)[1]
    score, kind = _proofs(found, found.proof_N[equal], pictures, images)
    path, label, split = (images[name].to_numpy(object)[image] for name in ("path", "label", "split"))
    groups: list[list[Copy]] = [[] for _ in range(int(number.max(initial=-1)) + 1)]
    keep: dict[str, int] = {}
    for row, place in enumerate(number.tolist()):
        keep = keep if groups[place] else {}
        kept = keep.setdefault(split[row], int(image[row]))
        groups[place].append(
            Copy(
                int(image[row]),
                path[row],
                None if pd.isna(label[row]) else label[row],
                split[row],
                GROUP.format(place + 1),
                int(centre[row]),
                int(equal[row]),
                float(score[row]),
                kind[row],
                kept,
            )
        )
    return groups


def _proofs(
    found: Stars, proof: Ints, pictures: SmallPictures, images: pd.DataFrame
) -> tuple[npt.NDArray[np.float64], list[str]]:
    """Score and kind of copy of each image against its centre; 1 and ``same pixels`` without a proof."""
    has_proof = proof >= 0
    used, place = np.unique(proof[has_proof], return_inverse=True)
    words = np.array(words_of_pairs(pictures, found.proofs.laid.at(used), images), dtype=object)
    score = np.ones(len(proof))
    score[has_proof] = found.proofs.score[proof[has_proof]].astype(np.float64).round(4)
    kinds = np.full(len(proof), "same pixels", dtype=object)
    kinds[has_proof] = words[place] if len(words) else []
    return score, kinds.tolist()
