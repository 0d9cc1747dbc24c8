"""The records that the writer takes and the reader returns, as plain data without MLflow's types."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NotRequired, TypedDict

Outcome = Literal["finished", "pruned", "failed", "interrupted"]
SweepOutcome = Literal["finished", "failed", "interrupted"]


@dataclass(frozen=True)
class DatasetRecord:
    """The data of a sweep: ``rows`` per split, sha256 ``digest`` of manifest and image content.

    ``manifest``, ``policy``: SHA-256 of the file that ``data clean`` or ``data split`` wrote, if it is the
    source, and of the policy; '' for none.
    """

    name: str
    source: str
    digest: str
    rows: Mapping[str, int]
    classes: Sequence[str]
    manifest: str = ""
    policy: str = ""


@dataclass(frozen=True)
class SweepDescription:
    """What is known before the first trial.

    ``constants``: the parameters that are not searched, by dotted names; ``searched``: the others' names.
    ``goals``: each goal in words. ``tags``: what the YAML says in ``tracking.tags``.
    """

    space_yaml: str
    plan: str
    constants: Mapping[str, object]
    seed: int
    data: DatasetRecord
    command: str = ""
    goals: Sequence[str] = ()
    searched: Sequence[str] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class WriterState:
    """State with which a later process continues writing to the same sweep; ``asdict`` gives JSON types."""

    uri: str
    experiment: str
    experiment_id: str
    parent_run_id: str
    sweep: str


class TrialStart(TypedDict):
    """The start of a trial.

    ``searched`` and ``constants`` have dotted names; ``config`` is the whole trial as nested sections.
    ``confirms``: the trial that this one repeats with another seed. ``marks``: further tags.
    """

    searched: Mapping[str, object]
    constants: Mapping[str, object]
    config: Mapping[str, object]
    confirms: NotRequired[str | None]
    marks: NotRequired[Mapping[str, str] | None]


class TrialEnd(TypedDict, total=False):
    """The end of a trial: its best and last checkpoint, and why it failed."""

    checkpoint: str | None
    checkpoint_last: str | None
    cause: str | None


@dataclass(frozen=True)
class TrialRecord:
    """A trial as MLflow holds it; ``outcome`` is "running" if its end was not recorded.

    ``history``: (epoch, value) pairs of each metric, in the order of epochs; values may be NaN or
    infinite. ``searched``: dotted names to values. ``confirms``: the trial that this one repeats with
    another seed; None if the search drew it. ``left_out``: why it does not fit a changed space; None if
    it fits. ``reused_from``: the trial whose result was taken, as SWEEP/0003. ``was_deleted``: its
    checkpoint was deleted to keep storage.max_bytes.
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
    """A sweep as MLflow holds it: the parent run's parameters (constants) and tags, and its trials."""

    run_id: str
    experiment: str
    name: str
    outcome: str
    params: dict[str, str]
    tags: dict[str, str]
    trials: list[TrialRecord]
