"""Combines evaluated classifiers into ensembles: their views and soups, every rule, concatenated features.

Everything here is judged on validation alone. Shapes: K candidates, N samples, C classes, D features.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from platform.datasets.preparation.data import Data
from platform.models.errors import ModelError
from platform.training.evaluation.classification import Probabilities, validation_metrics
from reports.build.pool import Pool, Tried
from reports.ensembles.concat import RULE, Features, fit_linear, judged_features, side_by_side, too_much
from reports.ensembles.logit_adjustment import RULE as ADJUSTED
from reports.ensembles.logit_adjustment import fitted, known_noise, log_prior
from reports.ensembles.rules import Logits, logits_of, probabilities_of
from reports.ensembles.selection import Ensemble, Judgement, contributions, tempered
from reports.evaluation.classification import ClassificationEvaluator
from reports.evaluation.features import kept_features
from reports.evaluation.members import Member
from reports.evaluation.soup import SoupMaker
from reports.evaluation.views import trial_of, views_of
from reports.ranking.paired_bootstrap import gain
from reports.ranking.rank import better
from reports.sweeps.contents import Ensembles, EvaluatedTrial
from reports.sweeps.inputs import Inputs


@dataclass(frozen=True)
class Combination:
    """Combines members that ``evaluator`` evaluated on the validation split of ``data``.

    ``notices`` collects what a reader of the report must know.
    """

    evaluator: ClassificationEvaluator
    inputs: Inputs
    data: Data
    notices: list[str]

    def ensembles(self, members: Sequence[Member]) -> Ensembles:
        """Every rule's ensembles of the members, of their views and of soups, and the best of all of them.

        ``members``: in the order of the ranking.
        """
        others, remarks = self._others(members)
        every = [*members, *others]
        candidates = [member.evaluated for member in every]
        logits_KNC = np.stack([member.logits_NC for member in every])
        judge = Judgement(
            self.data.evaluation_labels("val"), self._score, self.inputs.metric, self.inputs.mode
        )
        pool = Pool(candidates, logits_KNC, judge, self.inputs.max_members, self.inputs.max_latency_ms)
        tried = [*pool.tried(), *self._concatenated(candidates, pool.foremost(), judge)]
        adjusted, said = self._adjusted(logits_KNC[0], judge)
        tried, remarks = [*tried, *adjusted], (*remarks, *said)
        evaluated = candidates[: len(members)]
        found = Ensembles(evaluated, others=candidates[len(members) :], remarks=remarks)
        if not tried:
            return found
        single_NC = probabilities_of(members[0].logits_NC).astype(np.float32)
        best = [self._finished(one, single_NC, judge) for one in tried]
        winner = None
        first = judge.best_of(best)
        if better(first.metrics[judge.metric], judge.score(single_NC)[judge.metric], judge.mode):
            winner = replace(first, adds=contributions(first, logits_KNC, judge))
            best[best.index(first)] = winner
        grown = [each for one in tried for each in one.grown]
        disagreement_KK = _disagreement(logits_KNC[: len(members)])
        return replace(found, grown=grown, best=best, winner=winner, disagreement_KK=disagreement_KK)

    def _score(self, probabilities_NC: Probabilities) -> dict[str, float]:
        return validation_metrics(probabilities_NC[None], self.data)

    def _finished(self, one: Tried, single_NC: Probabilities, judge: Judgement) -> Ensemble:
        """The ensemble at the temperature that fits it, with its gain over the best single trial."""
        fitting = self.evaluator.temperature(logits_of(one.judged_NC))
        tempered_NC = tempered(one.judged_NC, fitting)
        return replace(
            one.found,
            temperature=fitting,
            metrics=dict(judge.score(tempered_NC)),
            gain=gain(judge.metric, tempered_NC, single_NC, judge.labels_N),
        )

    def _others(self, members: Sequence[Member]) -> tuple[list[Member], tuple[str, ...]]:
        """The trials in other views, and soups, as ``report`` in the YAML asks; with remarks on failures."""
        found, remarks = self._in_views(members)
        if self.inputs.loaded.first().report.soup:
            maker = SoupMaker(self.inputs.folder.path, self.data, self.inputs.metric, self.inputs.mode)
            soups, lost = maker.soups([member.evaluated for member in members])
            found += [self.evaluator.validate(one) for one in soups]
            remarks += lost
        return found, tuple(dict.fromkeys(remarks))

    def _in_views(self, members: Sequence[Member]) -> tuple[list[Member], list[str]]:
        found: list[Member] = []
        remarks: list[str] = []
        for trial in (member.evaluated for member in members):
            config, size = trial_of(trial.checkpoint)
            families = views_of(config, size, self.inputs.loaded.first().report.views)
            for view in (view for views in families.values() for view in views):
                try:
                    found.append(self.evaluator.validate(replace(trial, view=view)))
                except ModelError as error:
                    remarks.append(f"The view {view.name} was left out: {error}.")
            remarks += [
                f"The views {family} were left out: no other size is near an input of {size} px."
                for family, views in families.items()
                if not views
            ]
        return found, remarks

    def _concatenated(
        self, candidates: Sequence[EvaluatedTrial], places: tuple[int, ...], judge: Judgement
    ) -> list[Tried]:
        """A linear classifier on the features of the trials at ``places``, judged on folds left out."""
        if not self.inputs.loaded.first().report.concat or len(places) < 2:
            return []
        try:
            features_ND = side_by_side([self._features(candidates[place]) for place in places])
        except ModelError as error:
            self.notices.append(f"Features were not concatenated: {error}")
            return []
        if (reason := too_much(features_ND, len(self.data.classes))) is not None:
            self.notices.append(
                f"Features were not concatenated: {reason}; a smaller report.top takes fewer trials."
            )
            return []
        judged_NC = judged_features(features_ND, judge.labels_N, len(self.data.classes))
        learnt = fit_linear(features_ND, judge.labels_N, len(self.data.classes))
        found = Ensemble(RULE, places, dict(judge.score(judged_NC)), learnt, kind="concat")
        return [Tried(found, judged_NC)]

    def _adjusted(self, logits_NC: Logits, judge: Judgement) -> tuple[list[Tried], tuple[str, ...]]:
        """Logit adjustment of the best trial, and a sentence on tau; none where classes are of one size."""
        counts_C = self.data.class_counts().numpy()
        present_C = counts_C[counts_C > 0]
        if len(present_C) < 2 or present_C.min() == present_C.max():
            return [], ()
        rate = known_noise(self.inputs.loaded.first().data)
        tau, learnt, judged_NC = fitted(logits_NC, judge.labels_N, log_prior(counts_C), rate or 0.0)
        found = Ensemble(ADJUSTED, (0,), dict(judge.score(judged_NC)), learnt, kind="adjusted")
        corrected = "" if rate is None else f" (corrected for {rate:.0%} wrong labels)"
        said = (
            f"Logit adjustment takes {tau:g} times the logarithm of each class's share of training images "
            "from the best trial's logits. The factor is the one with the highest mean recall of the classes "
            f"on validation{corrected}."
        )
        return [Tried(found, judged_NC)], (said,)

    def _features(self, trial: EvaluatedTrial) -> Features:
        """[N, D] of validation."""
        sweep, _ = self.inputs.owner(trial.ranked.trial)
        return kept_features(trial.checkpoint, trial.digest, self.data, sweep.folder.path)


def _disagreement(logits_KNC: Logits) -> tuple[tuple[float, ...], ...]:
    """[K, K]: the share of samples for which two members predict different classes."""
    predicted_KN = logits_KNC.argmax(axis=2)
    return tuple(tuple(float((one != other).mean()) for other in predicted_KN) for one in predicted_KN)
