"""What is recorded of rounds: where they began, what each did to the data, reached, cost and decided."""

from dataclasses import dataclass, field
from typing import Literal

State = Literal["running", "done", "undoing", "undone"]
ACTIONS = ("drop", "merge", "relabel", "unlabel", "weight", "pseudo_label")
"""What may have become of a training row since round 1, in the order of the page."""


@dataclass(frozen=True)
class Begun:
    """What all rounds have in common, noted before the first one.

    Attributes:
        at: When, ISO 8601.
        section: The space's section ``data`` as JSON.
        signature: SHA-256 of that section, of labels, and of sizes and times of all image files.
        held_out: SHA-256 of the rows of validation and test: they never change.
        rows: Images by split.
        wrong: Share of wrong given labels by split, where true labels are known.
    """

    at: str
    section: str
    signature: str
    held_out: dict[str, str]
    rows: dict[str, int]
    wrong: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Action:
    """How many training rows an action has changed since round 1.

    Attributes:
        count: Rows; ``new``: of them, those that were as given in the round before.
        known: Rows whose true label is known and whose change is about the label.
        right: Of them, those that were changed rightly: a wrong label dropped, removed or weighted down, or a
            label that is the true one now.
    """

    count: int = 0
    new: int = 0
    known: int = 0
    right: int = 0

    @property
    def precision(self) -> float | None:
        return self.right / self.known if self.known else None


@dataclass(frozen=True)
class Learnt:
    """What a round learns from.

    Attributes:
        file: The manifest, relative to the rounds' folder; ``digest``: SHA-256 of its rows.
        labelled, unlabelled: Training images.
        wrong: Share of wrong labels among the labelled ones, where all true labels are known.
        actions: By the names of :data:`ACTIONS`.
        seconds: What audit, cleaning and pseudo-labelling took.
        audit: The audit's page, relative to the rounds' folder.
        starts_from: The sweep with whose best trials the search begins.
        teacher: The sweep whose best trial teaches.
    """

    file: str
    digest: str
    labelled: int
    unlabelled: int
    wrong: float | None = None
    actions: dict[str, Action] = field(default_factory=dict)
    seconds: float = 0.0
    audit: str | None = None
    teacher: str | None = None
    starts_from: str | None = None


@dataclass(frozen=True)
class Reached:
    """What a round's best trial reached.

    Attributes:
        sweep: The sweep's name; ``trial``: its best trial by validation.
        value: The sweep's metric on validation.
        accuracy: On validation by given labels; ``clean``: by true labels, where all are known.
        images: Of validation.
        test: Test accuracy by ``test_labels``; None without a test split.
        epochs, seconds, gpu_seconds: What the sweep cost.
        report: The sweep's page.
        run_id: The sweep's run in MLflow.
        held_out: SHA-256 of the rows of validation and test that the sweep was measured on.
    """

    sweep: str
    trial: str
    metric: str
    value: float
    accuracy: float
    clean: float | None
    images: int
    test: float | None
    test_labels: Literal["clean", "given", "void"] | None
    seconds: float
    report: str | None
    run_id: str
    trials: int = 0
    failed: int = 0
    epochs: int = 0
    gpu_seconds: float = 0.0
    held_out: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """Whether a round gained, against the best one before it.

    Attributes:
        gained: None in round 1, which is compared with nothing.
        than: The number of that best round.
        difference: Of the metric, above 0 for better, with its paired ``standard_error`` and 95% interval.
        needed: What the difference had to exceed.
        why: The decision in a sentence.
    """

    gained: bool | None
    why: str
    than: int | None = None
    difference: float | None = None
    standard_error: float | None = None
    low: float | None = None
    high: float | None = None
    needed: float | None = None


@dataclass(frozen=True)
class Round:
    """A round as the ledger knows it; times are ISO 8601.

    Attributes:
        settings: SHA-256 of what decides a round.
        moved_to: Where its folders went when it was undone, relative to the rounds' folder.
    """

    number: int
    state: State
    began: str
    settings: str
    learnt: Learnt | None = None
    reached: Reached | None = None
    decision: Decision | None = None
    ended: str | None = None
    moved_to: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Book:
    """All that a ledger says; ``undone``: rounds that were taken back, the first one first."""

    begun: Begun | None = None
    rounds: dict[int, Round] = field(default_factory=dict)
    undone: tuple[Round, ...] = ()

    @property
    def in_order(self) -> list[Round]:
        return [self.rounds[number] for number in sorted(self.rounds)]

    @property
    def done(self) -> list[Round]:
        return [one for one in self.in_order if one.state == "done"]

    @property
    def last(self) -> Round | None:
        return self.in_order[-1] if self.rounds else None

    @property
    def best(self) -> Round | None:
        """The last round that gained, or the first one."""
        found = None
        for one in self.done:
            if found is None or (one.decision and one.decision.gained):
                found = one
        return found
