"""What is recorded of a night: its state, what ran, what was compared, what it cost."""

from dataclasses import dataclass, field
from typing import Literal

State = Literal["due", "running", "done", "skipped", "missed", "stopped", "failed"]
Word = Literal["better", "worse", "same", "unclear"]
ENDED: tuple[State, ...] = ("done", "skipped", "missed", "stopped", "failed")
CANARY = "canary"
"""The subject of the canary's comparisons; a space's are called after its sweep's part of the name."""
OLD_DATA = "canary-on-old-data"
"""The same with the data of the level, where the data changed and the plan says ``data: both``."""


@dataclass(frozen=True)
class Fingerprint:
    """What decides a night's result. Two equal ones give the same numbers, on a CPU to the bit.

    Attributes:
        commit: The commit of the checkout, "unknown" without git; it decides nothing by itself.
        dirty: Whether files of the checkout differ from it.
        code: SHA-256 of all files in platform/ and reports/.
        lock: SHA-256 of requirements.lock.
        spaces: SHA-256 of each space with what the plan lays over it, by subject.
        data: SHA-256 of labels, sizes and times of all image files, by subject; it is taken without decoding.
        device: The accelerator, as "cpu" or "NVIDIA H200 × 2".
    """

    commit: str
    dirty: bool
    code: str
    lock: str
    spaces: dict[str, str]
    data: dict[str, str]
    device: str


@dataclass(frozen=True)
class SweepRun:
    """A sweep of a night.

    Attributes:
        subject: The canary, or the space's name in this night.
        name: Its folder below the plan's ``out``.
        best: The best trial's value of ``metric`` on validation; it is shown and never compared.
        gpu_seconds: Seconds that trials ran, times the GPUs that each held.
    """

    subject: str
    name: str
    space: str
    metric: str
    best: float | None
    trials: int
    failed: int
    seconds: float
    gpu_seconds: float
    report: str | None
    parent_run_id: str | None = None
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A verdict, and the figures behind it: those of the fresh seeds where these decided.

    Attributes:
        verdict: None where a series begins.
        why: The verdict in a sentence; without a verdict, why there is none.
        mean: Of the seeds that decided; ``level``: the level's, None where a series begins.
        difference: The mean minus the level, in the metric's unit, with its 95% interval ``low`` to ``high``.
        images_low, images_high: The 95% interval of a crossed bootstrap over seeds and images.
        p: Two-sided, of Welch's t with the pooled variance of seeds; after Holm where fresh seeds decided.
        seeds_needed: With an unclear verdict: how many seeds a night would decide.
        is_identical: Every seed has the value of an earlier night of the level, to the bit.
        is_suspicion: Fresh seeds were to run; ``is_confirmed``: they decided.
    """

    verdict: Word | None
    why: str
    mean: float
    level: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    images_low: float | None = None
    images_high: float | None = None
    p: float | None = None
    seeds_needed: int | None = None
    is_identical: bool = False
    is_suspicion: bool = False
    is_confirmed: bool = False


@dataclass(frozen=True, kw_only=True)
class Comparison(Finding):
    """One subject's metric against its level.

    Attributes:
        values: Tonight's value of each seed that decided, in the order of the seeds.
        all_values: Of all seeds that ran tonight, those of a second stage too.
        series: Names the device, data and validation split; only equal ones are compared.
    """

    subject: str
    metric: str
    direction: Literal["max", "min"]
    values: tuple[float, ...]
    all_values: tuple[float, ...]
    series: str


@dataclass(frozen=True)
class Champion:
    """What `promote` did: ``version`` in the registry, its alias and why; ``sweep``: where it came from."""

    version: str
    alias: str
    why: str
    sweep: str
    night: str


@dataclass(frozen=True)
class Night:
    """A night as the ledger knows it. Times are ISO 8601 with the offset of the plan's zone.

    Attributes:
        night: Its name in the plan; with ``date``, the local date on which it was due, its identity.
        reason: Why it was skipped, missed, stopped or failed; on a night that ran, why it did.
        verdict: The worst of its comparisons': worse, better, unclear, same; None where nothing was compared.
        attempt: 1, and one more each time that it went on after its process had died.
        host, pid: The process that ran it last.
        report_seconds: What followed the sweeps: reports, comparison, promotion.
        changes: What differs from the level's last night, one line each; written when it ended.
        recovered: Whether it is well again after one that was not.
        canary_only: Whether nothing else ran, as nothing had changed and it was a sign of life.
    """

    night: str
    date: str
    state: State
    due: str
    reason: str | None = None
    verdict: Word | None = None
    began: str | None = None
    ended: str | None = None
    attempt: int = 0
    host: str | None = None
    pid: int | None = None
    fingerprint: Fingerprint | None = None
    sweeps: tuple[SweepRun, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    report_seconds: float = 0.0
    champion: Champion | None = None
    changes: tuple[str, ...] = ()
    recovered: bool = False
    pruned: bool = False
    canary_only: bool = False

    @property
    def identity(self) -> str:
        return identity_of(self.night, self.date)

    @property
    def is_open(self) -> bool:
        return self.state not in ENDED

    @property
    def seconds(self) -> float:
        return sum(one.seconds for one in self.sweeps) + self.report_seconds

    @property
    def gpu_hours(self) -> float:
        return sum(one.gpu_seconds for one in self.sweeps) / 3600


@dataclass(frozen=True)
class Accepted:
    """A person's word that a night's level holds from now on: ``accept FILE NIGHT --why``."""

    night: str
    date: str
    why: str
    at: str
    who: str


@dataclass(frozen=True)
class Told:
    """A notice that went out, or did not.

    Attributes:
        key: Names it; there is one of each.
        occasion: The change of state, or "digest".
        identity: The night, or "plan".
        at: When it was written, ISO 8601.
        to: The channels that the plan had then.
        delivered: Those that have taken it.
        problem: What the last try came to, without secrets; None where it was delivered.
        tries, tried: How often it was tried, and when last.
    """

    key: str
    occasion: str
    identity: str
    text: str
    at: str
    to: tuple[str, ...] = ()
    delivered: tuple[str, ...] = ()
    problem: str | None = None
    tries: int = 0
    tried: str | None = None


@dataclass(frozen=True)
class Book:
    """All that a ledger says; ``begun``: since when each night is run."""

    nights: dict[str, Night] = field(default_factory=dict)
    accepted: tuple[Accepted, ...] = ()
    told: dict[str, Told] = field(default_factory=dict)
    begun: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    def of(self, night: str) -> list[Night]:
        """The nights of one name, the oldest first."""
        return sorted((one for one in self.nights.values() if one.night == night), key=lambda one: one.date)


def identity_of(night: str, date: str) -> str:
    """ "digits@2026-11-30": names the night in the ledger, its sweeps, its MLflow tag and its lock."""
    return f"{night}@{date}"
