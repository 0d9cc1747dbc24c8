"""``promote: if_better``: register the night's winner by the rule of ``reports --ship``."""

import math
from collections.abc import Callable

from platform.config.errors import UserError
from platform.nights.ledger.records import Champion, Night, SweepRun
from platform.nights.plan.load_plan import LoadedPlan
from platform.tuning.goals import natural_direction


def promoted(
    plan: LoadedPlan, night: Night, say: Callable[[str], None]
) -> tuple[Champion | None, str | None]:
    """What became of the night's winner, and a line on what went wrong.

    It comes from the space whose finalists are best over their other seeds: the maximum of a search is no
    measure. It becomes champion only if it beats the present one on the same validation images beyond noise.
    """
    from reports.deploy.ship import ship

    run = _best(plan, night)
    if run is None:
        return None, None
    say(f"{night.identity}: registering the winner of {run.name}")
    try:
        shipped = ship(plan.out / run.name, progress=lambda _: None)
    except UserError as error:
        return None, f"promote: {error}"
    return Champion(str(shipped.version), shipped.alias, shipped.why, run.name, night.identity), None


def _best(plan: LoadedPlan, night: Night) -> SweepRun | None:
    """The sweep whose first primary metric is best by the mean over other seeds; the canary is none."""
    metric = plan.night(night.night).compare.metrics[0]
    sign = 1 if natural_direction(metric) == "max" else -1
    spaces = {one.name for one in plan.subjects[night.night] if not one.is_canary}
    means = {
        one.subject: sign * one.mean
        for one in night.comparisons
        if one.metric == metric and one.subject in spaces and math.isfinite(one.mean)
    }
    if not means:
        return None
    best = max(means, key=lambda name: means[name])
    return next(run for run in night.sweeps if run.subject == best)
