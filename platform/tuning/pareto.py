"""The Pareto front of several goals, and the few points that represent it best.

Shapes: N points, F of them on the front, G goals. Points are gains: in every goal higher is better.
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
    """For each point whether no other dominates it; equal points are on the front together or not at all."""
    gains_NG = np.asarray(gains, dtype=float).reshape(len(gains), len(gains[0]) if gains else 0)
    no_worse_NN = (gains_NG[:, None] >= gains_NG[None]).all(axis=2)
    better_NN = (gains_NG[:, None] > gains_NG[None]).any(axis=2)
    is_beaten_N = np.any(no_worse_NN & better_NN, axis=0)
    return [not is_beaten for is_beaten in is_beaten_N.tolist()]


def by_preference(gains: Gains) -> list[int]:
    """The indices of all points in order of preference: take the first k.

    First comes the front, ordered so that its first k points lie far from each other and start with the best
    in the first goal: the point with the smallest crowding distance is moved to the end, again and again.
    The other points follow by the first goal. The crowding distance is that of Deb et al., A Fast and Elitist
    Multiobjective Genetic Algorithm, IEEE Transactions on Evolutionary Computation 6, 2002.
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
    """[F]: the distance between a point's two neighbours divided by the goal's range, summed over the goals.

    Infinite at the ends of a goal's range.
    """
    distances_F = np.zeros(len(gains_FG))
    for gains_F in gains_FG.T:
        order = np.argsort(gains_F, kind="stable")
        low, high = gains_F[order[0]], gains_F[order[-1]]
        if high > low:
            distances_F[order[1:-1]] += (gains_F[order[2:]] - gains_F[order[:-2]]) / (high - low)
            distances_F[order[[0, -1]]] = np.inf
    return distances_F
