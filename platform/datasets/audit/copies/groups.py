"""Copies in stars: every image of a group is a proven copy of the group's centre. N: images."""

from dataclasses import dataclass

import numpy as np

from platform.datasets.arrays import Ints
from platform.datasets.audit.copies.candidates import by_look
from platform.datasets.audit.copies.comparing.small_pictures import SmallPictures
from platform.datasets.audit.copies.evidence import Evidence, evidence, evidence_of_pairs

MOST_ROUNDS = 6


@dataclass(frozen=True)
class Stars:
    """``centre_N``: the image that each is a copy of, or itself; ``proof_N``: the pair of ``proofs`` that
    says so, -1 for a centre."""

    centre_N: Ints
    proof_N: Ints
    proofs: Evidence

    def settled(self) -> Ints:
        """The centres that have members."""
        return np.unique(self.centre_N[self.centre_N != np.arange(len(self.centre_N))])


def stars(proofs: Evidence, rank_N: Ints) -> Stars:
    """Groups without chains: the best image takes all its copies, then the best of the rest, and so on.

    A is a copy of B and B of C: with B in the middle that is one group; with A first, C is not in it, unless
    A is a proven copy of C. Single linkage would join a thousand images that have nothing in common.
    """
    count = len(rank_N)
    one, other = np.concatenate([proofs.one, proofs.other]), np.concatenate([proofs.other, proofs.one])
    pair = np.tile(np.arange(len(proofs)), 2)
    order = np.lexsort((rank_N[other], rank_N[one]))
    one, other, pair = one[order], other[order], pair[order]
    starts = np.unique(rank_N[one], return_index=True)[1]
    ends = np.append(starts, len(one))[1:]
    centre_N, proof_N = np.arange(count), np.full(count, -1, dtype=np.int64)
    is_free = np.ones(count, dtype=np.bool_)
    for start, end in zip(starts, ends, strict=True):
        centre = one[start]
        if not is_free[centre]:
            continue
        taken = is_free[other[start:end]]
        members = other[start:end][taken]
        centre_N[members], proof_N[members] = centre, pair[start:end][taken]
        is_free[members] = is_free[centre] = False
    return Stars(centre_N, proof_N, proofs)


def joined(found: Stars, pictures: SmallPictures, rank_N: Ints, closeness: float, threshold: float) -> Stars:
    """Stars whose centres are copies of one another, made one.

    Of many copies of one picture each is compared with the few that are nearest to it, so they first are many
    stars. Their centres are compared again, until no two are copies. The images of a star that ends are
    compared with the new centre; one that is no copy of it is free again.
    """
    centre_N, proof_N, proofs = found.centre_N.copy(), found.proof_N.copy(), found.proofs
    active = found.settled()
    for _ in range(MOST_ROUNDS):
        alike = by_look(pictures, pictures.of(active), closeness)
        between = evidence(pictures, alike.laid).at_least(threshold)
        round_of = stars(between, rank_N)
        absorbed = np.flatnonzero(round_of.centre_N != np.arange(len(rank_N)))
        if not len(absorbed):
            break
        members = np.flatnonzero(np.isin(centre_N, absorbed) & (centre_N != np.arange(len(rank_N))))
        goals = round_of.centre_N[centre_N[members]]
        proven = evidence_of_pairs(pictures, members, goals)[0].at_least(threshold)
        new = between.with_more(proven)
        place = {pair: len(proofs) + row for row, pair in enumerate(zip(new.one, new.other, strict=True))}
        proofs = proofs.with_more(new)
        centre_N[members], proof_N[members] = members, -1
        movers = np.concatenate([absorbed, members])
        for image, goal in zip(movers, np.concatenate([round_of.centre_N[absorbed], goals]), strict=True):
            row = place.get((min(image, goal), max(image, goal)))
            if row is not None:
                centre_N[image], proof_N[image] = goal, row
        freed = members[centre_N[members] == members]
        settled = np.unique(centre_N[centre_N != np.arange(len(rank_N))])
        active = np.union1d(settled, freed)
    return Stars(centre_N, proof_N, proofs)
