"""``storage.max_bytes``: keep the size of all checkpoints below a limit while a sweep runs."""

import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from platform.storage.disk import size
from platform.storage.folder import Folder
from platform.tracking.writing.spooled_writer import SpooledWriter
from platform.tuning.goals import gains, reached
from platform.tuning.names import confirms
from platform.tuning.pareto import by_preference
from platform.tuning.run.plan import Plan
from platform.tuning.search.past_trials import PastTrial
from platform.tuning.settings.search_config import SearchConfig
from platform.tuning.trial.kept_checkpoints import Keeping
from platform.tuning.trial.outcome import outcome_of
from platform.tuning.trial.trainable import name_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limit:
    """The limit, and the checkpoints that are needed whatever their size.

    Attributes:
        top: The number of best trials whose checkpoints are ensembled.
        finalists: The number of best finished trials that are repeated.
        checkpoint_bytes: The expected size of a checkpoint, used until there is one.
    """

    max_bytes: int
    top: int
    finalists: int
    checkpoint_bytes: int
    search: SearchConfig


def limit_of(plan: Plan) -> Limit | None:
    """The sweep's limit; None if storage.max_bytes is not set."""
    config = plan.config
    if config.storage.max_bytes is None:
        return None
    finalists = config.search.confirm.top if config.search.confirm else 0
    return Limit(
        config.storage.max_bytes, config.report.top, finalists, plan.bytes_a_checkpoint, config.search
    )


@dataclass(frozen=True)
class Standing:
    """A trial that has ended, with its recorded checkpoints ``best`` and ``last``.

    ``gains``: one value per goal, higher is better; None for a trial that the report does not rank.
    """

    name: str
    number: int
    gains: tuple[float, ...] | None
    ran_to_end: bool
    best: Folder | None
    last: Folder | None


class CheckpointCap(tune.Callback):
    """Deletes checkpoints of ended trials when all checkpoints together exceed the limit.

    Checkpoints that are not their trial's best go first, then the trials' best ones. In both steps failed
    trials and repeats with other seeds come first, as they have no rank, then the others from the worst up.
    Three kinds are never deleted: the best checkpoints of the best trials (with several goals, of the front),
    which the report evaluates and ensembles; those of the finalists to be confirmed; and all of a trial that
    has not ended, which goes on from them. A deletion is recorded before it is done.

    The limit also holds while checkpoints are written: each running trial has room for one more.

    ``ended``: trials that ended before this process.
    """

    def __init__(
        self, limit: Limit, keeping: Keeping, writer: SpooledWriter, ended: Iterable[PastTrial]
    ) -> None:
        self.limit, self.keeping, self.writer = limit, keeping, writer
        self.first = limit.search.first.metric
        self.sizes: dict[str, dict[Folder, int]] = {}
        self.taken = self.largest = 0
        self.running: set[str] = set()
        self.histories: dict[str, dict[str, dict[int, float]]] = {}
        self.ended: dict[str, Standing] = {}
        self.is_exceeded = False
        for trial in keeping.trials.names():
            self._measure(trial)
        for one in ended:
            self._end(one.name, one.number, one.outcome, {self.first: one.values, **one.others})

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune saves its callbacks, and nothing reads that."""
        return {}

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self.running.add(name_of(trial.config))
        self._keep()

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        name = name_of(trial.config)
        if self.first in result:
            history = self.histories.setdefault(name, {})
            for goal in self.limit.search.goals:
                value = float(result.get(goal.metric, math.nan))
                history.setdefault(goal.metric, {})[result["epoch"]] = value
            self._measure(name)
            self._keep()

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._ended(trial, outcome_of(trial.last_result))

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._ended(trial, "failed")

    def _ended(self, trial: Trial, outcome: str) -> None:
        name = name_of(trial.config)
        self.running.discard(name)
        self._measure(name)
        self._end(name, trial.config["number"], outcome, self.histories.pop(name, {}))
        self._keep()

    def _end(self, name: str, number: int, outcome: str, history: dict[str, dict[int, float]]) -> None:
        search, ranked = self.limit.search, None
        values = history.get(self.first, {}).values()
        if outcome != "failed" and confirms(number) is None and any(map(math.isfinite, values)):
            known = gains(reached(history, search.goals, search.statistic), search.goals)
            ranked = tuple(-math.inf if math.isnan(gain) else gain for gain in known)
        best, last = self.keeping.of(name).best_and_newest()
        self.ended[name] = Standing(name, number, ranked, outcome == "finished", best, last)

    def _measure(self, name: str) -> None:
        before = sum(self.sizes.get(name, {}).values())
        self.sizes[name] = self.keeping.of(name).sizes()
        self.taken += sum(self.sizes[name].values()) - before
        self.largest = max(self.largest, *self.sizes[name].values(), 0)

    def _about_to_be_written(self) -> int:
        expected = self.largest or self.limit.checkpoint_bytes
        return sum(max(self.sizes.get(name, {}).values(), default=expected) for name in self.running)

    def _keep(self) -> None:
        if self.taken + (coming := self._about_to_be_written()) <= self.limit.max_bytes:
            return
        for one, checkpoint in dispensable(list(self.ended.values()), self.sizes, self.limit):
            self._let_go(one, checkpoint)
            if self.taken + coming <= self.limit.max_bytes:
                return
        if not self.is_exceeded:
            self.is_exceeded = True
            logger.warning(
                "storage.max_bytes: %s is too little: the checkpoints that are still needed (of the best %d "
                "trials and of those that have not ended) take %s; the sweep goes on and keeps them",
                size(self.limit.max_bytes),
                max(self.limit.top, self.limit.finalists),
                size(self.taken + coming),
            )

    def _let_go(self, one: Standing, checkpoint: Folder) -> None:
        left = {path for path in self.sizes[one.name] if path != checkpoint}
        self.writer.let_go(
            one.name,
            checkpoint=str(one.best) if one.best in left else None,
            checkpoint_last=str(one.last) if one.last in left else None,
        )
        self.keeping.of(one.name).delete(checkpoint)
        self.taken -= self.sizes[one.name].pop(checkpoint)


def dispensable(
    ended: Sequence[Standing], sizes: dict[str, dict[Folder, int]], limit: Limit
) -> Iterator[tuple[Standing, Folder]]:
    """The checkpoints of ended trials that may be deleted, the least valuable first."""
    unranked = [one for one in ended if one.gains is None]
    known = sorted((one for one in ended if one.gains is not None), key=lambda one: one.number)
    ranked = [known[place] for place in by_preference([one.gains or () for one in known])]
    finalists = [one for one in ranked if one.ran_to_end][: limit.finalists]
    needed = {one.name for one in (*ranked[: limit.top], *finalists)}
    worst_first = [*unranked, *reversed(ranked)]
    for one in worst_first:
        yield from ((one, path) for path in list(sizes.get(one.name, {})) if path != one.best)
    for one in worst_first:
        if one.best and one.name not in needed and one.best in sizes.get(one.name, {}):
            yield one, one.best
