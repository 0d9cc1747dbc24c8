"""The contents of a report, gathered before any of it is written."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from platform.datasets.batches.prediction_views import PLAIN, View
from platform.storage.folder import Folder
from platform.tracking.records import SweepRecord, TrialRecord
from platform.tuning.folder.sweep_folder import SweepIdentity
from reports.ensembles.selection import Ensemble
from reports.findings.caveats import Caveat, Classes, find_caveats
from reports.findings.classes import ClassFindings
from reports.findings.probe import Probe
from reports.findings.suspects import Suspects
from reports.findings.what_mattered import WhatMattered
from reports.ranking.confirmation import Confirmation
from reports.ranking.paired_bootstrap import Gain
from reports.ranking.pareto import Pareto
from reports.ranking.rank import RankedTrial


@dataclass(frozen=True)
class EvaluatedTrial:
    """A ranked trial whose best checkpoint was evaluated again, with the digest of the checkpoint's files.

    ``temperature``: divides its logits before they enter an ensemble; fitted on validation. ``parameters``:
    number of its networks' weights; ``ms_an_image``: measured time of its prediction, loading included; both
    for classifiers only. ``view``: the view of each image that it predicts. ``soup``: the trials whose
    averaged weights the checkpoint holds, ``ranked`` the best of them; empty for a trial's own checkpoint.
    """

    ranked: RankedTrial
    checkpoint: Folder
    digest: str
    metrics: dict[str, float]
    temperature: float = 1.0
    parameters: int = 0
    ms_an_image: float | None = None
    view: View = PLAIN
    soup: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """ "0003", "0003 flip", "0001 + 0003"."""
        of = " + ".join(self.soup) or self.ranked.trial.trial_id
        return of if self.view == PLAIN else f"{of} {self.view.name}"

    @property
    def key(self) -> str:
        """Equal for equal weights and views."""
        return self.digest if self.view == PLAIN else f"{self.digest} {self.view.model_dump_json()}"


@dataclass(frozen=True)
class Ensembles:
    """``grown``: every ensemble tried, by rule and size; ``best``: the best of each rule, all on validation.

    Their ``members`` are places in ``candidates``: the ``evaluated`` trials, then ``others`` (the same trials
    in other views, and soups). ``winner`` beats the best single trial; None if none does.
    ``disagreement_KK``: share of validation for which two evaluated trials predict different classes.
    ``remarks``: one sentence for each kind of ensemble that could not be tried or did not help.
    """

    evaluated: list[EvaluatedTrial]
    grown: list[Ensemble] = field(default_factory=list)
    best: list[Ensemble] = field(default_factory=list)
    winner: Ensemble | None = None
    disagreement_KK: tuple[tuple[float, ...], ...] = ()
    others: list[EvaluatedTrial] = field(default_factory=list)
    remarks: tuple[str, ...] = ()

    @property
    def candidates(self) -> list[EvaluatedTrial]:
        return [*self.evaluated, *self.others]

    def costs(self, ensemble: Ensemble) -> tuple[int, float]:
        """Number of its members' weights, and their milliseconds per image (0 if unknown).

        The weights of a trial in several views count once.
        """
        members = [self.candidates[place] for place in ensemble.members]
        times = [one.ms_an_image for one in members]
        known = [time for time in times if time is not None]
        parameters = sum({one.digest: one.parameters for one in members}.values())
        return parameters, sum(known) if len(known) == len(times) else 0.0

    def names(self, ensemble: Ensemble) -> tuple[str, ...]:
        """The names of its members: trials, with their views."""
        return tuple(self.candidates[index].name for index in ensemble.members)


@dataclass(frozen=True)
class TestScore:
    """A finalist on the test split. ``name``: "best single trial" or the ensemble's rule."""

    __test__ = False  # not a class of tests

    name: str
    trials: tuple[str, ...]
    metrics: dict[str, float]

    @property
    def gain(self) -> Gain | None:
        """The gain over the best single trial on the same test samples."""
        if "gain" not in self.metrics:
            return None
        return Gain(*(self.metrics[name] for name in ("gain", "gain_low", "gain_high")))


@dataclass(frozen=True)
class TestScores:
    """``labels``: "clean" or "given"; ``times``: how often test has been scored for this sweep.

    ``metric``: the metric that the summary names.
    """

    __test__ = False

    scores: list[TestScore]
    labels: str
    times: int
    metric: str = "accuracy"


@dataclass(frozen=True)
class Explained:
    """Findings on classes, training labels and what the sweep is worth.

    ``classes``: None for data with identities; ``suspects``: None if no record of training is left;
    ``probe``: simple classifiers that the best trial should beat, None if there are none.
    """

    classes: ClassFindings | None = None
    suspects: Suspects | None = None
    probe: Probe | None = None

    def write(self, folder: Path) -> None:
        """Write their CSV files."""
        for part in (self.classes, self.suspects):
            if part is not None:
                part.write(folder)


@dataclass(frozen=True)
class DataFacts:
    """The data set. ``wrong``: share of wrong given labels by split, where known.

    ``are``: whether ``classes`` are classes or identities. ``unlabelled``: number of training images without
    a given label. ``samples``: number of validation images on which a metric is measured
    (:func:`reports.ranking.standard_error.samples_of`). ``trained`` and ``validated``: images by class, of
    train by given label and of val by the label that selects; empty for identities.
    """

    source: str
    classes: tuple[str, ...]
    rows: dict[str, int]
    selects_on: str
    wrong: dict[str, float]
    are: Literal["classes", "identities"] = "classes"
    unlabelled: int = 0
    samples: dict[str, float] = field(default_factory=dict)
    trained: Mapping[str, int] = field(default_factory=dict)
    validated: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Joined:
    """A sweep of a joint report, which calls its trials ``name``/0003.

    ``page``: the link from the joint page to the sweep's own page; None if it has none.
    """

    name: str
    folder: str
    page: str | None
    identity: SweepIdentity
    sweep: SweepRecord


@dataclass(frozen=True)
class Contents:
    """The report of one sweep or several. Parts that could not be made are None; ``notices`` says why.

    ``edges``: one sentence for each best value at an end of its range. ``repeats``: the best trials with
    other seeds; ``confirmation``: what they show. ``pareto``: the trials' standing by several goals; None for
    one goal. ``gpus``: number of GPUs by trial. ``joined``: the sweeps of a joint report, whose
    ``identity`` and ``sweep`` combine theirs; empty for a single sweep. ``what_mattered``: for single sweeps.
    ``wrong_labels``: share of the given validation labels that the evaluated trials' predictions speak
    against; None where the true ones select, or nothing was evaluated.
    """

    identity: SweepIdentity
    sweep: SweepRecord
    ranking: list[RankedTrial]
    space_yaml: str
    data: DataFacts | None = None
    ensembles: Ensembles | None = None
    test: TestScores | None = None
    bad_images: list[tuple[str, str]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    made_at: str = ""
    edges: list[str] = field(default_factory=list)
    repeats: list[TrialRecord] = field(default_factory=list)
    confirmation: Confirmation | None = None
    pareto: Pareto | None = None
    gpus: dict[str, float] = field(default_factory=dict)
    joined: tuple[Joined, ...] = ()
    what_mattered: WhatMattered | None = None
    explained: Explained = field(default_factory=Explained)
    wrong_labels: float | None = None

    @cached_property
    def caveats(self) -> list[Caveat]:
        """What keeps the report's numbers from meaning anything, the worst first."""
        if self.data is None or not self.data.validated or not self.ranking:
            return []
        classes = self.explained.classes
        return find_caveats(
            Classes(self.data.trained, self.data.validated, self.data.samples),
            self._finalists(),
            [goal.metric for goal in self.identity.goals],
            trials=len(self.ranking),
            unpredicted=classes.unpredicted if classes else (),
            best=classes.trial if classes else "",
        )

    @property
    def at_chance(self) -> str | None:
        """Why no prediction of the finalists is worth anything; None if some may be."""
        return next((caveat.words for caveat in self.caveats if caveat.is_chance), None)

    def _finalists(self) -> list[Mapping[str, float]]:
        """Metrics of the evaluated trials and the winning ensemble; without them, of the best epoch."""
        if self.ensembles is not None:
            winner = [self.ensembles.winner.metrics] if self.ensembles.winner else []
            return [*(one.metrics for one in self.ensembles.evaluated), *winner]
        best = self.ranking[0]
        return [
            {name: dict(course).get(best.best_epoch, math.nan) for name, course in best.trial.history.items()}
        ]
