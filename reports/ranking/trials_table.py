"""trials.csv: one row a trial, everything that was searched and measured, for papers and spreadsheets."""

import math
from collections.abc import Sequence

import pandas as pd

from platform.tracking.records import SweepRecord, TrialRecord
from reports.ranking.pareto import Pareto
from reports.ranking.rank import RankedTrial, parameter


def trials_table(
    sweep: SweepRecord,
    ranking: Sequence[RankedTrial],
    metric: str,
    repeats: Sequence[TrialRecord] = (),
    pareto: Pareto | None = None,
) -> pd.DataFrame:
    """Ranked trials first, those without a rank, then repeats; metrics of the best epoch, or of the last.

    A repeat has no rank among trials that it repeats; the column ``confirms`` names its trial. ``left_out``
    says why a trial does not fit the space any more, ``reused_from`` which trial was taken for it. Of a
    search with several goals ``front`` says which trials no other beats, ``beaten_by`` which does, ``goal …``
    what was compared.
    """
    places = {one.trial.trial_id: one for one in ranking}
    ranked = [one.trial for one in ranking]
    others = [trial for trial in sweep.trials if trial.trial_id not in places]
    every = [*ranked, *others, *repeats]
    rows = [_row(trial, places.get(trial.trial_id), metric) for trial in every]
    for name, told in (
        ("confirms", [trial.confirms for trial in every]),
        ("left_out", [trial.left_out for trial in every]),
        ("reused_from", [trial.reused_from for trial in every]),
    ):
        if any(told):
            for row, words in zip(rows, told, strict=True):
                row[name] = words
    if pareto is not None:
        rows = [_standing(row, pareto) for row in rows]
    return pd.DataFrame(rows).convert_dtypes()


def seconds(trial: TrialRecord) -> float:
    """Wall time from a trial's start to its end; NaN while it has none."""
    return math.nan if trial.ended_ms is None else (trial.ended_ms - trial.started_ms) / 1000


def at_epoch(trial: TrialRecord, metric: str, epoch: int) -> float:
    """A metric's value in one epoch; NaN where there is none."""
    return dict(trial.history.get(metric, [])).get(epoch, math.nan)


def _standing(row: dict[str, object], pareto: Pareto) -> dict[str, object]:
    """The row with the trial's standing behind its rank."""
    place = pareto.places.get(str(row["trial"]))
    compared = {f"goal {goal.metric}": place and place.values[nth] for nth, goal in enumerate(pareto.goals)}
    own = {"front": place and place.on_front, "beaten_by": place and place.beaten_by, **compared}
    return {"rank": row["rank"], "trial": row["trial"], **own, **row}


def _row(trial: TrialRecord, place: RankedTrial | None, metric: str) -> dict[str, object]:
    epoch = place.best_epoch if place else max((c[-1][0] for c in trial.history.values() if c), default=0)
    row: dict[str, object] = {
        "rank": place.rank if place else None,
        "trial": trial.trial_id,
        "outcome": trial.outcome,
        "attempt": trial.attempt,
        f"{metric} best": place.best if place else None,
        f"{metric} last": place.last if place else None,
        f"{metric} mean of last 3": place.mean_of_last_3 if place else None,
        "epochs": place.epochs if place else epoch,
        "epoch": epoch,
        "seconds": seconds(trial),
    }
    row |= {f"parameter {name}": parameter(value) for name, value in sorted(trial.searched.items())}
    row |= {name: at_epoch(trial, name, epoch) for name in sorted(trial.history)}
    return row | {"checkpoint": trial.checkpoint, "cause": trial.cause, "mlflow_run": trial.run_id}
