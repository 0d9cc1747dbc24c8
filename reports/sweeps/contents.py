"""All that a report page says, gathered before any of it is written."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from platform.datasets.batches.prediction_views import PLAIN, View
from platform.tracking.records import SweepRecord, TrialRecord
from platform.storage.folder import Folder
from platform.tuning.folder.sweep_folder import SweepIdentity
from reports.findings.classes import ClassFindings
from reports.ranking.confirmation import Confirmation
from reports.ranking.paired_bootstrap import Gain
from reports.ranking.pareto import Pareto
from reports.ranking.rank import RankedTrial
from reports.ensembles.selection import Ensemble
from reports.findings.suspects import Suspects
from reports.findings.what_mattered import WhatMattered


@dataclass(frozen=True)
class EvaluatedTrial:
    """A ranked trial whose best checkpoint was loaded and evaluated again, with the digest of its files.

    ``temperature``: by which its logits are divided before an ensemble takes them, fitted on validation;
    ``parameters``: how many weights its networks have; ``ms_an_image``: what its prediction took when it was
    computed, loading included. The last two are there where it classifies. ``view``: how it is shown images;
    ``soup``: the trials whose weights' mean the checkpoint holds, ``ranked`` the best of them; of a trial's
    own checkpoint none.
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
        """The same for the same weights that see images in the same way."""
        return self.digest if self.view == PLAIN else f"{self.digest} {self.view.model_dump_json()}"


@dataclass(frozen=True)
class Ensembles:
    """``grown``: every ensemble tried, by rule and size; ``best``: the best of each rule, all on validation.

    Their ``members`` count in ``candidates``: the trials that were ``evaluated``, then ``others``, which are
    the same trials in other views, and soups. ``winner`` beats the best single trial; None where none does.
    ``disagreement_KK``: on what share of validation two of the evaluated predict different classes.
    ``remarks``: a sentence each on what could not be tried, or was no good.
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
        """Of its members: the weights of their networks, and milliseconds an image, 0 where not known.

        The weights of a trial in several views count once.
        """
        members = [self.candidates[place] for place in ensemble.members]
        times = [one.ms_an_image for one in members]
        known = [time for time in times if time is not None]
        parameters = sum({one.digest: one.parameters for one in members}.values())
        return parameters, sum(known) if len(known) == len(times) else 0.0

    def names(self, ensemble: Ensemble) -> tuple[str, ...]:
        """Its members: the trials, with their view where it is another."""
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
        """Against the best single trial on the same test samples."""
        if "gain" not in self.metrics:
            return None
        return Gain(*(self.metrics[name] for name in ("gain", "gain_low", "gain_high")))


@dataclass(frozen=True)
class TestScores:
    """``labels``: "clean" or "given"; ``times``: how often test was ever scored for this sweep.

    ``metric``: of the scores' metrics the one that is told in a sentence.
    """

    __test__ = False

    scores: list[TestScore]
    labels: str
    times: int
    metric: str = "accuracy"


@dataclass(frozen=True)
class Explained:
    """What finalists say of the classes and of the training labels.

    ``classes``: None of data with identities; ``suspects``: None where no record of training is left.
    """

    classes: ClassFindings | None = None
    suspects: Suspects | None = None

    def write(self, folder: Path) -> None:
        """Their tables as CSV."""
        for part in (self.classes, self.suspects):
            if part is not None:
                part.write(folder)


@dataclass(frozen=True)
class DataFacts:
    """What the data were. ``wrong``: share of a split's given labels that are wrong, where that is known.

    ``are`` says what ``classes`` are: classes, or identities that are found again.
    ``unlabelled``: training images without a given label. ``samples``: on how many validation images a
    metric is measured (:func:`reports.ranking.standard_error.samples_of`).
    """

    source: str
    classes: tuple[str, ...]
    rows: dict[str, int]
    selects_on: str
    wrong: dict[str, float]
    are: Literal["classes", "identities"] = "classes"
    unlabelled: int = 0
    samples: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Joined:
    """One of the sweeps of a joint report; its trials are called ``name``/0003 there.

    ``page``: the link from the joint page to its own; None where it has none.
    """

    name: str
    folder: str
    page: str | None
    identity: SweepIdentity
    sweep: SweepRecord


@dataclass(frozen=True)
class Contents:
    """One sweep's report. What is None could not be made, and ``notices`` says why.

    ``edges``: best values at an end of their range, a sentence each. ``repeats``: the best trials with
    other seeds, and what ``confirmation`` they gave. ``pareto``: which trials stand where by several goals;
    None of a single one, by which they are ranked. ``gpus``: how many each trial had. ``joined``: the sweeps
    of a joint report, whose ``identity`` and ``sweep`` are made of theirs; empty of a single sweep.
    ``what_mattered``: of the searched parameters of a single sweep.
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
