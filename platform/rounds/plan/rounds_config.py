"""What the YAML of rounds may say: a space, how data are cleaned between its sweeps, and when to stop."""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field, field_validator

from platform.config.section import Problem, Section, combination
from platform.tuning.folder.sweep_folder import NAME

LONGEST = 50
"""Rounds that one YAML may ask for."""


class StopConfig(Section):
    """When rounds end before ``rounds`` of them were run."""

    standard_errors: float = Field(
        1.96,
        ge=0,
        description="a round gains where validation is better than in the best round before by more than "
        "this many standard errors of the difference, paired on the same validation images",
    )
    min_gain: float = Field(
        0.0,
        ge=0,
        description="besides, the smallest gain that matters, in the metric's own unit (0.005: 0.5 pp)",
        examples=[0.005],
    )
    patience: int = Field(1, ge=1, description="end after so many rounds in a row without a gain")


class StartConfig(Section):
    """What a sweep takes over from the best round before it."""

    best: int = Field(
        1,
        ge=0,
        description="number of its best trials whose settings the search begins with; 0: none. A space "
        "without ranges has none to take over",
    )
    init: Literal["scratch", "best"] = Field(
        "scratch",
        description="first weights: those of model; or best: the weights of its best trial, which has "
        "learnt the wrong labels, too",
    )


class AuditConfig(Section):
    """How the sweep's data are audited, as ``python -m platform.data audit`` does with ``--sweep``."""

    arguments: tuple[str, ...] = Field(
        (),
        strict=False,
        description="further options of the command audit",
        examples=[["--min-side", "32"]],
    )


class CleanConfig(Section):
    """How findings change the data, as ``python -m platform.data clean`` does."""

    policy: str = Field(
        min_length=1,
        description="YAML file of the policy",
        examples=["search_spaces/policies/careful.yaml"],
    )


class PseudoLabelConfig(Section):
    """Which training images without a label get the winner's prediction as theirs."""

    unlabelled: bool = Field(
        True, description="training images without a label, also those whose label the policy removed"
    )
    folder: str | None = Field(
        None,
        min_length=1,
        description="folder of further images without labels, in any order; null: none",
        examples=["unsorted"],
    )
    test: bool = Field(
        False,
        description="test images, too: from then on they are training images, no test split is left, and "
        "nothing can be said of test any more",
    )
    above: float = Field(
        0.95, gt=0, le=1, description="least probability of the winner with which an image gets its label"
    )

    @combination
    def _labels_something(self) -> Iterator[Problem]:
        if not (self.unlabelled or self.folder or self.test):
            yield Problem("unlabelled", "must be true where there is neither folder nor test", False)


class RoundsConfig(Section):
    """The YAML's root: the space of every round's sweep, what happens in between, and when it ends."""

    name: str = Field(
        pattern=f"^{NAME}$",
        description="name of the rounds: their folder below state, their run in MLflow, and the first part "
        "of their sweeps' names",
        examples=["birds"],
    )
    space: str = Field(
        min_length=1,
        description="search space of every round's sweep, a YAML file",
        examples=["search_spaces/cross_entropy.yaml"],
    )
    overrides: tuple[str, ...] = Field(
        (),
        strict=False,
        description="settings that replace those of the space, key.path=value, as on the command line",
        examples=[["epochs=8", "search.trials=6"]],
    )
    later: tuple[str, ...] = Field(
        (),
        strict=False,
        description="further ones from the second round on",
        examples=[["search.trials=3"]],
    )
    rounds: int = Field(3, ge=1, le=LONGEST, description="the most rounds, each of one sweep")
    stop: StopConfig = Field(
        StopConfig(),
        description="when rounds end earlier, as nothing is gained beyond noise",
        examples=[{"standard_errors": 1.96, "patience": 2}],
    )
    start: StartConfig = Field(
        StartConfig(),
        description="what a sweep takes over from the best round before it",
        examples=[{"best": 2, "init": "scratch"}],
    )
    audit: AuditConfig | None = Field(
        None,
        description="audit each sweep's data with what it has learnt; true is short for {}; null: do not",
        examples=[True, {"arguments": ["--min-side", "32"]}],
    )
    clean: CleanConfig | None = Field(
        None,
        description="change the training rows of the next round by a policy; needs audit; null: do not",
        examples=[{"policy": "search_spaces/policies/careful.yaml"}],
    )
    pseudo_label: PseudoLabelConfig | None = Field(
        None,
        description="give images without a label the winner's prediction; null: do not",
        examples=[{"above": 0.95}],
    )
    distil: bool = Field(
        False,
        description="each round's best trial teaches the next round's (the setting teacher), by a method "
        "that learns from a teacher (supcon)",
    )
    state: str = Field(
        "rounds", min_length=1, description="folder in which each rounds' ledger, data and page have theirs"
    )
    out: str = Field("runs", min_length=1, description="folder of the sweeps, as --out of platform.search")
    address: str | None = Field(
        None, description="address of a Ray cluster; null: Ray on this machine", examples=["auto"]
    )

    @field_validator("audit", mode="before")
    @classmethod
    def _may_be_true(cls, audit: Any) -> Any:
        """``audit: true`` is short for ``audit: {}``."""
        return {} if audit is True else None if audit is False else audit

    @combination
    def _cleaning_has_findings(self) -> Iterator[Problem]:
        if self.clean is not None and self.audit is None:
            yield Problem("clean", "needs audit: true, whose findings it goes by", "a section")

    @combination
    def _something_changes(self) -> Iterator[Problem]:
        steps = (self.clean, self.pseudo_label, self.later)
        changes = any(steps) or self.distil or self.start.init == "best"
        if self.rounds > 1 and not changes:
            message = "must be 1 where no round changes anything: set clean, pseudo_label, distil or later"
            yield Problem("rounds", message, self.rounds)
