"""Evaluates the best checkpoints, ensembles them on validation, and scores the finalists on test."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from platform.config.errors import UserError
from platform.datasets.preparation.data import Data
from platform.models.errors import ModelError
from platform.training.evaluation.classification import Probabilities, classification_metrics, validation_metrics
from reports.ensembles.concat import RULE, Features, fit_linear, judged_features, side_by_side, too_much
from reports.sweeps.contents import Ensembles, EvaluatedTrial, TestScore, TestScores
from reports.ensembles.rules import Logits, logits_of, probabilities_of
from reports.evaluation.checkpoints import checkpoint_digest, find_checkpoint
from reports.evaluation.features import features, kept_features
from reports.evaluation.finalists import Finalist, score_once
from reports.sweeps.inputs import Inputs
from reports.evaluation.member import Member, Predicted
from reports.ranking.paired_bootstrap import gain, gain_metrics
from reports.build.pool import Pool, Tried
from reports.evaluation.predictions import kept_prediction, prediction
from reports.ranking.rank import RankedTrial, better
from reports.ensembles.selection import Ensemble, Judgement, contributions, tempered
from reports.evaluation.soup import Kitchen
from reports.ensembles.temperature import temperature
from reports.evaluation.views import seen_by, views_of
from reports.page.sentences import ensemble_name

SINGLE = "best single trial"
OTHER_SINGLE = "trial "
"""What the names of other single trials begin with, which are finalists where there are several goals."""
_TOLERANCE = 0.005  # by which evaluating a checkpoint again may differ: rounding on another device


@dataclass
class Judge:
    """Works on one sweep and its data; ``notices`` collects what a reader of the report must know."""

    inputs: Inputs
    data: Data
    notices: list[str]

    @property
    def headline(self) -> str:
        """The metric of test that is told in a sentence."""
        return "accuracy"

    def evaluate(self, chosen: Sequence[RankedTrial]) -> list[Member]:
        """The chosen trials' checkpoints, evaluated; one that cannot be loaded is named and left out."""
        members = []
        for ranked in chosen:
            try:
                members.append(self._member(ranked))
            except UserError as error:
                self.notices.append(f"Trial {ranked.trial.trial_id} was left out of the ensembles: {error}")
        return members

    def combine(self, members: Sequence[Member]) -> Ensembles:
        """Every rule's ensembles of these members, those of their views, and the best of all of them.

        Judged on validation alone.
        """
        evaluated = [member.evaluated for member in members]
        others, remarks = self._others(members)
        pool = [*members, *others]
        logits_KNC = np.stack([member.logits_NC for member in pool])
        judge = Judgement(
            self.data.evaluation_labels("val"), self._validation, self.inputs.metric, self.inputs.mode
        )
        candidates = [member.evaluated for member in pool]
        of = Pool(candidates, logits_KNC, judge, self.inputs.max_members, self.inputs.max_latency_ms)
        tried = [*of.tried(), *self._concatenated(evaluated, of.foremost(), judge)]
        made = Ensembles(evaluated, others=candidates[len(members) :], remarks=remarks)
        if not tried:
            return made
        single_NC = probabilities_of(members[0].logits_NC).astype(np.float32)
        best = [self._finished(one.found, one.judged_NC, single_NC, judge) for one in tried]
        winner = None
        first = judge.best_of(best)
        if better(first.metrics[judge.metric], judge.score(single_NC)[judge.metric], judge.mode):
            winner = replace(first, adds=contributions(first, logits_KNC, judge))
            best[best.index(first)] = winner
        grown = [each for one in tried for each in one.grown]
        disagreement_KK = _disagreement(logits_KNC[: len(members)])
        return replace(made, grown=grown, best=best, winner=winner, disagreement_KK=disagreement_KK)

    def _others(self, members: Sequence[Member]) -> tuple[list[Member], tuple[str, ...]]:
        """The trials in other views, and soups, as ``report`` asks for; and sentences on what failed."""
        made, remarks = self._in_views(members)
        if self.inputs.loaded.first().report.soup:
            kitchen = Kitchen(self.inputs.folder.path, self.data, self.inputs.metric, self.inputs.mode)
            soups, lost = kitchen.soups([member.evaluated for member in members])
            made += [Member(*self._validate(one)) for one in soups]
            remarks += lost
        return made, tuple(dict.fromkeys(remarks))

    def _in_views(self, members: Sequence[Member]) -> tuple[list[Member], list[str]]:
        made: list[Member] = []
        remarks: list[str] = []
        for one in (member.evaluated for member in members):
            config, size = seen_by(one.checkpoint)
            families = views_of(config, size, self.inputs.loaded.first().report.views)
            for view in (view for views in families.values() for view in views):
                try:
                    made.append(Member(*self._validate(replace(one, view=view))))
                except ModelError as error:
                    remarks.append(f"Left out {view.name}: {error}.")
            remarks += [
                f"Left out {family} of inputs of {size} px: there is no other near."
                for family, views in families.items()
                if not views
            ]
        return made, remarks

    def _concatenated(
        self, trials: Sequence[EvaluatedTrial], places: tuple[int, ...], judge: Judgement
    ) -> list[Tried]:
        """A linear classifier on the features of these trials, judged on folds that it did not learn from."""
        if not self.inputs.loaded.first().report.concat or len(places) < 2:
            return []
        try:
            features_ND = side_by_side([self._features(trials[place]) for place in places])
        except ModelError as error:
            self.notices.append(f"Features were not concatenated: {error}")
            return []
        if (words := too_much(features_ND, len(self.data.classes))) is not None:
            self.notices.append(f"Features were not concatenated: {words}; a smaller report.top takes fewer.")
            return []
        judged_NC = judged_features(features_ND, judge.labels_N, len(self.data.classes))
        learnt = fit_linear(features_ND, judge.labels_N, len(self.data.classes))
        found = Ensemble(RULE, places, dict(judge.score(judged_NC)), learnt, kind="concat")
        return [Tried(found, judged_NC)]

    def _features(self, one: EvaluatedTrial) -> Features:
        """[N, D] of validation."""
        sweep, _ = self.inputs.owner(one.ranked.trial)
        return kept_features(one.checkpoint, one.digest, self.data, sweep.folder.path)

    def _finished(
        self, found: Ensemble, judged_NC: Probabilities, single_NC: Probabilities, judge: Judgement
    ) -> Ensemble:
        """With the temperature that fits what it was judged by, and how sure it is that it helps."""
        fitting = temperature(logits_of(judged_NC), judge.labels_N)
        tempered_NC = tempered(judged_NC, fitting)
        return replace(
            found,
            temperature=fitting,
            metrics=dict(judge.score(tempered_NC)),
            gain=gain(judge.metric, tempered_NC, single_NC, judge.labels_N),
        )

    def score(
        self, members: Sequence[Member], ensembles: Ensembles, on_front: Collection[str] = ()
    ) -> TestScores | None:
        """The best single trial, others of those ``on_front``, each rule's best ensemble on test, once.

        None without a test split, and while the sweep can still go on: its finalists are not fixed then.
        """
        if not len(self.data.rows("test")):
            return None
        if self.inputs.sweep.outcome in ("running", "interrupted"):
            self.notices.append(
                "Test was not scored: the sweep is unfinished, its finalists are not fixed yet."
            )
            return None
        others = [one for one in members[1:] if one.evaluated.ranked.trial.trial_id in on_front]
        pool = [*members, *(Member(one, Predicted(one.metrics)) for one in ensembles.others)]
        of_ensembles = [([pool[place] for place in one.members], one) for one in ensembles.best]
        chosen: dict[Finalist, tuple[Sequence[Member], Ensemble | None]] = {
            self._finalist(SINGLE, members[:1]): (members[:1], None),
            **{self._finalist(f"{OTHER_SINGLE}{one.evaluated.name}", [one]): ([one], None) for one in others},
            **{self._finalist(ensemble_name(one), own, one): (own, one) for own, one in of_ensembles},
        }
        finalists = list(chosen)

        def measure(new: Sequence[Finalist]) -> list[dict[str, float]]:
            needed = [members[0], *(one for finalist in new for one in chosen[finalist][0])]
            wanted = {one.evaluated.key: one.evaluated for one in needed}
            on_test = {key: self._on_test(one) for key, one in wanted.items()}
            single = on_test[members[0].evaluated.key]
            return [
                self._test_metrics(ensemble, [on_test[one.evaluated.key] for one in own], own, single)
                for own, ensemble in map(chosen.__getitem__, new)
            ]

        metrics, times = score_once(finalists, self.data.digest, self.inputs.folder.report, measure)
        scores = [
            TestScore(finalist.name, finalist.trials, values)
            for finalist, values in zip(finalists, metrics, strict=True)
        ]
        labels = "clean" if self.data.clean_known("test") else "given"
        return TestScores(scores, labels, times, self.headline)

    def _member(self, ranked: RankedTrial) -> Member:
        metric = self.inputs.metric
        sweep, own = self.inputs.owner(ranked.trial)
        checkpoint = find_checkpoint(sweep.trials, own, metric, self.inputs.mode)
        digest = checkpoint_digest(checkpoint.fetched())
        evaluated, predicted = self._validate(EvaluatedTrial(ranked, checkpoint, digest, {}))
        metrics = evaluated.metrics
        if abs(metrics[metric] - ranked.best) > _TOLERANCE:
            self.notices.append(
                f"Trial {ranked.trial.trial_id}: its checkpoint evaluated again has {metric} "
                f"{metrics[metric]:.4f}, but {ranked.best:.4f} was logged during training."
            )
        return Member(evaluated, predicted)

    def _validate(self, one: EvaluatedTrial) -> tuple[EvaluatedTrial, Predicted]:
        """What its checkpoint is worth on validation, and what ensembles must know of it."""
        sweep = self.inputs if one.soup else self.inputs.owner(one.ranked.trial)[0]
        kept = kept_prediction(one.checkpoint, one.digest, self.data, sweep.folder.path, one.view)
        metrics = validation_metrics(kept.probabilities_MNC, self.data)
        evaluated = replace(
            one,
            metrics=metrics,
            temperature=temperature(logits_of(kept.mean_NC), self.data.evaluation_labels("val")),
            parameters=kept.parameters,
            ms_an_image=kept.ms_an_image,
        )
        return evaluated, Predicted(metrics, kept.mean_NC)

    def _on_test(self, one: EvaluatedTrial) -> Predicted:
        return Predicted({}, prediction(one.checkpoint, self.data, "test", one.view).mean_NC)

    def _validation(self, probabilities_NC: Probabilities) -> dict[str, float]:
        return validation_metrics(probabilities_NC[None], self.data)

    def _test_metrics(
        self,
        ensemble: Ensemble | None,
        on_test: Sequence[Predicted],
        members: Sequence[Member],
        single: Predicted,
    ) -> dict[str, float]:
        """Of the members together, and by how much they are better than the best single trial."""
        if ensemble is not None and ensemble.kind == "concat":
            combined_NC = ensemble.combine_features(
                [features(one.evaluated.checkpoint, self.data, "test") for one in members]
            )
        else:
            logits_MNC = np.stack([one.logits_of(said) for one, said in zip(members, on_test, strict=True)])
            combined_NC = (
                ensemble.combine(logits_MNC)
                if ensemble
                else probabilities_of(logits_MNC[0]).astype(np.float32)
            )
        labels_N = self.data.evaluation_labels("test")
        metrics = classification_metrics(combined_NC, labels_N, self.data.classes)
        gained = gain(self.headline, combined_NC, single.of_classes_NC, labels_N) if ensemble else None
        return metrics | gain_metrics(gained)

    @staticmethod
    def _finalist(name: str, members: Sequence[Member], ensemble: Ensemble | None = None) -> Finalist:
        return Finalist(
            name,
            ensemble.rule if ensemble else None,
            tuple(member.evaluated.name for member in members),
            tuple(member.evaluated.key for member in members),
            weights=tuple(ensemble.learnt.get("weights_M", np.empty(0)).tolist()) if ensemble else (),
            temperature=ensemble.temperature if ensemble else 1.0,
        )


def _disagreement(logits_KNC: Logits) -> tuple[tuple[float, ...], ...]:
    """[K, K]: the share of samples of which two members predict different classes."""
    predicted_KN = logits_KNC.argmax(axis=2)
    return tuple(tuple(float((one != other).mean()) for other in predicted_KN) for one in predicted_KN)
