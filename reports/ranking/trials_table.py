"""trials.csv: a row for each trial with its parameters and metrics, for papers and spreadsheets."""

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
    """Ranked trials, then trials without a rank, then repeats.

    Metrics are those of the best epoch; of the last one for trials without a rank. ``confirms`` names the
    trial that a repeat repeats. ``left_out`` says why a trial does not fit the space any more,
    ``reused_from`` which earlier trial it was reused from. If there are several goals, ``front`` marks the
    trials that no other beats, ``beaten_by`` names one that beats the trial, and ``goal …`` are the values
    compared.
    """
    places = {one.trial.trial_id: one for one in ranking}
    ranked = [one.trial for one in ranking]
    others = [trial for trial in sweep.trials if trial.trial_id not in places]
    every = [*ranked, *others, *repeats]
    rows = [_row(trial, places.get(trial.trial_id), metric) for trial in every]
    for name, values in (
        ("confirms", [trial.confirms for trial in every]),
        ("left_out", [trial.left_out for trial in every]),
        ("reused_from", [trial.reused_from for trial in every]),
    ):
        if any(values):
            for row, value in zip(rows, values, strict=True):
                row[name] = value
    if pareto is not None:
        rows = [_standing(row, pareto) for row in rows]
    return pd.DataFrame(rows).convert_dtypes()


def seconds(trial: TrialRecord) -> float:
    """Wall time of a trial (s); NaN until it has ended.

    At least the time that its epochs took, which does not follow the wall clock: that may be set back.
    """
    if trial.ended_ms is None:
        return math.nan
    epochs = sum(value for _, value in trial.history.get("time/epoch_s", []) if math.isfinite(value))
    return max((trial.ended_ms - trial.started_ms) / 1000, epochs)


def at_epoch(trial: TrialRecord, metric: str, epoch: int) -> float:
    """A metric's value in one epoch; NaN if it has none."""
    return dict(trial.history.get(metric, [])).get(epoch, math.nan)


def _cell(value: object) -> object:
    """A number as it is, so that a column of them can be drawn; anything else as in the YAML."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else parameter(value)


def _standing(row: dict[str, object], pareto: Pareto) -> dict[str, object]:
    """Insert the trial's standing after its rank."""
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
    row |= {f"parameter {name}": _cell(value) for name, value in sorted(trial.searched.items())}
    row |= {name: at_epoch(trial, name, epoch) for name in sorted(trial.history)}
    return row | {"checkpoint": trial.checkpoint, "cause": trial.cause, "mlflow_run": trial.run_id}
