"""Which members make the best ensemble, judged on validation alone.

Shapes: K candidates in the order of the ranking, N validation samples, C classes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reports.ensemble import Probabilities, Rule
from reports.rank import Mode, better

Score = Callable[[Probabilities], Mapping[str, float]]


@dataclass(frozen=True)
class Ensemble:
    """``members``: places in the ranking's order, from 0; ``metrics``: of validation."""

    rule: str
    members: tuple[int, ...]
    metrics: dict[str, float]


def grow(
    name: str,
    rule: Rule,
    probabilities_KNC: npt.NDArray[np.float32],
    score: Score,
    metric: str,
    mode: Mode,
) -> list[Ensemble]:
    """One ensemble a size 2 … K: the best single first, then each time the member that helps most.

    Greedy selection without replacement; of members that help equally, the higher ranked is taken. ``score``
    maps probabilities [N, C] to validation metrics; ``metric`` of them decides.
    """
    chosen: tuple[int, ...] = (0,)
    grown: list[Ensemble] = []
    while len(chosen) < len(probabilities_KNC):
        left = [index for index in range(len(probabilities_KNC)) if index not in chosen]
        tried = [
            Ensemble(name, (*chosen, index), dict(score(rule(probabilities_KNC[[*chosen, index]]))))
            for index in left
        ]
        grown.append(best_of(tried, metric, mode))
        chosen = grown[-1].members
    return grown


def best_of(ensembles: list[Ensemble], metric: str, mode: Mode) -> Ensemble:
    """The best by ``metric``; of equals the first, which is the smaller where they are in order of size."""
    best = ensembles[0]
    for other in ensembles[1:]:
        if better(other.metrics[metric], best.metrics[metric], mode):
            best = other
    return best
