"""What a study knows of a sweep's trials: how they ended, the finalists, and the epochs that were trained."""

import optuna
from optuna.trial import FrozenTrial, TrialState

from platform.config.load import LoadedSpace
from platform.tuning.goals import gains
from platform.tuning.pareto import by_preference
from platform.tuning.search.epoch_values import history_of, last_epoch
from platform.tuning.search.past_trials import (
    OUTCOMES,
    REUSED,
    PastTrial,
    begun,
    left_out,
    trained_epochs,
)
from platform.tuning.search.sampling import sample_of
from platform.tuning.settings.sweep_config import SweepConfig
from platform.tuning.trial.outcome import Outcome


class StudyRecords:
    """Reads the trials of ``study``, which were drawn from the space ``loaded``; writes nothing."""

    def __init__(self, study: optuna.Study, loaded: LoadedSpace[SweepConfig]) -> None:
        self._study = study
        self._loaded = loaded
        self._goals = loaded.first().search.goals
        self._past: dict[int, PastTrial] = {}

    def past(self) -> list[PastTrial]:
        """The trials that have ended."""
        ended = begun(self._study, ended=True)
        for trial in ended:
            if trial.number not in self._past:  # a trial that has ended does not change any more
                self._past[trial.number] = self._past_trial(trial)
        return [self._past[trial.number] for trial in ended]

    def _past_trial(self, trial: FrozenTrial) -> PastTrial:
        sample, history = sample_of(self._loaded, trial), history_of(trial, self._goals)
        return PastTrial(
            number=trial.number,
            parameters=sample.parameters,
            epochs=sample.config.total_epochs,
            outcome=OUTCOMES[trial.state],
            values=history.pop(self._goals[0].metric),
            config=sample.config.model_dump(mode="json"),
            others=history,
            reused=trial.user_attrs.get(REUSED),
        )

    def outcomes(self) -> list[Outcome]:
        """How the trials ended; cheaper than :meth:`past`."""
        return [OUTCOMES[trial.state] for trial in begun(self._study, ended=True)]

    def finalists(self, top: int) -> list[PastTrial]:
        """The best ``top`` trials that ran all their epochs; with several goals, spread along the front."""
        complete = self._study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
        order = by_preference([gains(trial.values, self._goals) for trial in complete])
        past = {one.number: one for one in self.past()}
        return [past[complete[place].number] for place in order[:top]]

    def begun_with_a_result(self) -> int:
        """How many trials have done an epoch and not ended: a budget or Ctrl-C stopped them."""
        return sum(last_epoch(trial) > 0 for trial in begun(self._study, ended=False))

    def epochs(self) -> dict[int, int]:
        """The epochs trained for each trial, by its number.

        Trials that no longer fit the space count; trials that take an earlier result are left out.
        """
        trials = [*begun(self._study, ended=True), *begun(self._study, ended=False)]
        trained = {trial.number: trained_epochs(trial) for trial in trials if REUSED not in trial.user_attrs}
        return trained | {one.number: one.epochs for one in left_out(self._study)}
