"""Stars: no chains, the best in the middle."""

import numpy as np

from platform.datasets.audit.copies.comparing.alignment import Laid
from platform.datasets.audit.copies.evidence import Evidence
from platform.datasets.audit.copies.groups import stars


def proofs(pairs: list[tuple[int, int]]) -> Evidence:
    one, other = (np.array(side, dtype=np.int64) for side in zip(*pairs, strict=True))
    laid = Laid(other, one, np.zeros(len(pairs), bool), np.zeros((len(pairs), 4), np.float32))
    return Evidence(one, other, np.full(len(pairs), 0.95, np.float32), laid)


def test_a_chain_is_no_group():
    chain = proofs([(0, 1), (1, 2), (2, 3), (3, 4)])
    found = stars(chain, np.arange(5))
    assert found.centre_N.tolist() == [0, 0, 2, 2, 4]
    assert found.proof_N.tolist() == [-1, 0, -1, 2, -1]


def test_the_best_image_is_in_the_middle():
    found = stars(proofs([(0, 1), (1, 2)]), np.array([2, 0, 1]))
    assert found.centre_N.tolist() == [1, 1, 1]
    assert found.settled().tolist() == [1]


def test_without_proofs_every_image_is_alone():
    none = proofs([(0, 1)]).at_least(1.0)
    assert stars(none, np.arange(3)).centre_N.tolist() == [0, 1, 2]
