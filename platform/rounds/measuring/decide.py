"""Whether a round gained beyond noise, and whether another one follows.

A round's best trial is compared with that of the best round before it on the same validation images. With
differences d_i of the metric's value on image i, above 0 for better, the gain is mean(d) and its standard
error std(d) / sqrt(n). A round *gains* where

    mean(d) > max(stop.standard_errors * std(d) / sqrt(n), stop.min_gain).

Variation between seeds is not in it: ``search.confirm`` of the space measures that.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from platform.config.errors import UserError
from platform.rounds.ledger.records import Book, Decision, Round
from platform.rounds.plan.rounds_config import RoundsConfig, StopConfig

Values = npt.NDArray[np.float64]


def decide(
    number: int, values_N: Values, than: int | None, than_N: Values | None, stop: StopConfig
) -> Decision:
    """What came of round ``number``, compared with the best round ``than`` before it.

    ``values_N``: the metric on each validation image, larger is better.
    """
    if than is None or than_N is None:
        return Decision(None, "the first round: later ones are compared with it")
    from reports.ranking.paired_bootstrap import bootstrap_interval  # imports scipy

    if len(values_N) != len(than_N):
        raise UserError(
            f"round {number}: validation has {len(values_N):,} images, in round {than} it had "
            f"{len(than_N):,}: it must not change"
        )
    differences_N = values_N - than_N
    difference = float(differences_N.mean())
    error = float(differences_N.std(ddof=1) / math.sqrt(len(differences_N)))
    needed = max(stop.standard_errors * error, stop.min_gain)
    low, high = bootstrap_interval(differences_N)
    gained = difference > needed
    return Decision(
        gained, _why(difference, error, needed, than, stop), than, difference, error, low, high, needed
    )


def _why(difference: float, error: float, needed: float, than: int, stop: StopConfig) -> str:
    against = f"{difference:+.4f} ± {error:.4f} against round {than}, on the same images"
    if difference > needed:
        return f"a gain beyond noise: {against}"
    if difference <= 0:
        return f"no gain: {against}"
    if stop.standard_errors * error >= stop.min_gain:
        return f"within noise: {against}; {stop.standard_errors:g} standard errors are {needed:.4f}"
    return f"too small a gain: {against}; stop.min_gain is {stop.min_gain:g}"


def without_gain(rounds: Sequence[Round]) -> int:
    """How many of the last rounds gained nothing."""
    count = 0
    for one in reversed(rounds):
        if one.decision is None or one.decision.gained is not False:
            break
        count += 1
    return count


def end_of(book: Book, config: RoundsConfig) -> str | None:
    """Why no further round follows; None where one does, or one is open."""
    if book.last is not None and book.last.state != "done":
        return None
    barren = without_gain(book.done)
    if barren >= config.stop.patience:
        rounds = "the last round" if barren == 1 else f"the last {barren} rounds"
        return f"{rounds} gained nothing beyond noise"
    if len(book.done) >= config.rounds:
        return "that was the last round" if config.rounds > 1 else "one round was asked for"
    return None
