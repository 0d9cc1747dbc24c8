"""What the writer is given and the reader gives back; plain data, nothing of MLflow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Outcome = Literal["finished", "pruned", "failed", "interrupted"]
SweepOutcome = Literal["finished", "failed", "interrupted"]


@dataclass(frozen=True)
class DatasetRecord:
    """The data of a sweep: ``rows`` per split, sha256 ``digest`` of manifest and image content."""

    name: str
    source: str
    digest: str
    rows: Mapping[str, int]
    classes: Sequence[str]


@dataclass(frozen=True)
class SweepDescription:
    """What is known before the first trial. ``constants``: the parameters not searched, dotted names.

    ``goals``: what is looked for, each in words, the first one foremost.
    """

    space_yaml: str
    plan: str
    constants: Mapping[str, object]
    seed: int
    data: DatasetRecord
    command: str = ""
    goals: Sequence[str] = ()


@dataclass(frozen=True)
class WriterState:
    """All that a later process needs to go on writing to the same sweep; JSON-able by ``asdict``."""

    uri: str
    experiment: str
    experiment_id: str
    parent_run_id: str
    sweep: str


@dataclass(frozen=True)
class TrialRecord:
    """One trial as MLflow holds it; ``outcome`` is "running" for one that nobody finished.

    ``history``: for each metric the (epoch, value) pairs in the order of epochs; a value that was not
    finite is NaN or an infinity there. ``searched``: dotted names to values. ``confirms``: the trial that
    this one repeats with another seed; None of a trial that the search drew. ``left_out``: why it does not
    fit the space any more since that was changed; None of one that does. ``reused_from``: the trial, as
    SWEEP/0003, that was taken instead of running this one. ``was_deleted``: it had a checkpoint, which was
    deleted to keep storage.max_bytes.
    """

    run_id: str
    trial_id: str
    attempt: int
    outcome: str
    searched: dict[str, object]
    config: dict[str, object]
    confirms: str | None = None
    checkpoint: str | None = None
    checkpoint_last: str | None = None
    was_deleted: bool = False
    cause: str | None = None
    started_ms: int = 0
    ended_ms: int | None = None
    history: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    left_out: str | None = None
    reused_from: str | None = None


@dataclass(frozen=True)
class SweepRecord:
    """One sweep as MLflow holds it: the parent run's parameters (constants) and tags, and its trials."""

    run_id: str
    experiment: str
    name: str
    outcome: str
    params: dict[str, str]
    tags: dict[str, str]
    trials: list[TrialRecord]
