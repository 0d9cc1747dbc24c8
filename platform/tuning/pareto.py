"""Several goals at once: which points are not beaten in all of them, and which few stand for the others.

Shapes: N points, F of them on the front, G goals. Points are gains: in every goal more is better.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Gains = Sequence[Sequence[float]]


def dominates(gains: Sequence[float], others: Sequence[float]) -> bool:
    """Whether the first point is at least as good in every goal, and better in one."""
    pairs = list(zip(gains, others, strict=True))
    return all(one >= other for one, other in pairs) and any(one > other for one, other in pairs)


def front(gains: Gains) -> list[bool]:
    """Of each point whether no other dominates it; equal points are there together, or not."""
    gains_NG = np.asarray(gains, dtype=float).reshape(len(gains), len(gains[0]) if gains else 0)
    no_worse_NN = (gains_NG[:, None] >= gains_NG[None]).all(axis=2)
    better_NN = (gains_NG[:, None] > gains_NG[None]).any(axis=2)
    is_beaten_N = np.any(no_worse_NN & better_NN, axis=0)
    return [not is_beaten for is_beaten in is_beaten_N.tolist()]


def by_preference(gains: Gains) -> list[int]:
    """The places of all points, so that the first k are those to take where k may be taken.

    First the front: each time the point in the densest part of what is left goes to its end, so that the
    first k lie far from each other, the best in the first goal among them and at their head. Then the other
    points, by the first goal. How dense it is round a point is told by its crowding distance (Deb et al., A
    Fast and Elitist Multiobjective Genetic Algorithm, IEEE Transactions on Evolutionary Computation 6, 2002).
    """
    on_front = front(gains)
    left = [place for place, is_there in enumerate(on_front) if is_there]
    last_first: list[int] = []
    while left:
        distances_F = crowding_distances(np.asarray([gains[place] for place in left], dtype=float))
        densest = min(range(len(left)), key=lambda at: (distances_F[at], gains[left[at]][0], -left[at]))
        last_first.append(left.pop(densest))
    beaten = [place for place, is_there in enumerate(on_front) if not is_there]
    return last_first[::-1] + sorted(beaten, key=lambda place: (-gains[place][0], place))


def crowding_distances(gains_FG: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """[F]: over the goals, the sum of the distance between a point's two neighbours by the goal's range.

    Infinite at the ends of a goal.
    """
    distances_F = np.zeros(len(gains_FG))
    for gains_F in gains_FG.T:
        order = np.argsort(gains_F, kind="stable")
        low, high = gains_F[order[0]], gains_F[order[-1]]
        if high > low:
            distances_F[order[1:-1]] += (gains_F[order[2:]] - gains_F[order[:-2]]) / (high - low)
            distances_F[order[[0, -1]]] = np.inf
    return distances_F
