"""A policy: the YAML that says which findings lead to which action, and how far that may go."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field

from platform.config.document import dotted
from platform.config.errors import ConfigError
from platform.config.load import load_space
from platform.config.section import SAID, Problem, Section, combination
from platform.datasets.audit.findings import Kind


class Rule(Section):
    """What to do with images of which an audit found something.

    Rules are tried from the first to the last; the first that fits one of an image's findings decides.
    """

    kind: Kind = Field(description="the kind of finding, as in issues.parquet", examples=["leak"])
    action: Literal["keep", "drop", "relabel", "unlabel", "weight", "merge"] = Field(
        description="keep: no later rule touches the image; drop: it is not learnt; relabel: the finding's "
        "class replaces its label; unlabel: it is learnt without a label, by methods that can; weight: its "
        "loss is multiplied; merge: it is left out for the copy that the finding names",
        examples=["drop"],
    )
    at_least: float = Field(
        0.0,
        ge=0,
        le=1,
        description="the finding's score from which on the rule fits; of wrong_label it is the probability",
        examples=[0.9],
    )
    weight: float | None = Field(
        None,
        gt=0,
        le=100,
        description="with action weight: what the image's loss is multiplied by",
        examples=[0.5],
    )
    group: str | None = Field(
        None,
        min_length=1,
        description="the rule fits findings of this group only, such as those of a search; null: all",
        examples=["search:cartoons"],
    )

    @combination
    def _weight_goes_with_its_action(self) -> Iterator[Problem]:
        if self.action == "weight" and self.weight is None:
            yield Problem("weight", "is missing: it is needed with action weight", SAID)
        if self.action != "weight" and self.weight is not None:
            yield Problem("weight", f"must be left out with action {self.action}", self.weight)


class Limits(Section):
    """How many training images of a class the rules may take away: drop, merge, unlabel or relabel.

    Where a limit binds, the least sure actions are undone first. Unreadable images do not count.
    """

    most_of_a_class: float = Field(
        0.3, ge=0, le=1, description="share of a class's training images that may be taken away"
    )
    least_images: int = Field(
        5,
        ge=0,
        description="training images that a class keeps, or all if it has fewer; 0: no such limit",
    )


class PolicyConfig(Section):
    """What to do about what an audit found."""

    rules: tuple[Rule, ...] = Field(
        (),
        strict=False,
        max_length=200,
        description="tried in this order; without rules answers alone count",
        examples=[[{"kind": "leak", "action": "drop"}]],
    )
    limits: Limits = Field(Limits(), description="how far the rules may go")
    answers: bool = Field(
        True,
        description="whether what a person said (answers.jsonl) decides about the image's label and topic, "
        "whatever the scores; the limits do not undo it",
    )
    wrong_without_class: Literal["unlabel", "drop"] = Field(
        "unlabel", description="what to do where a person said wrong without naming the right class"
    )
    held_out: bool = Field(
        False,
        description="apply the rules and answers to images of val and test too (keep, drop, merge and "
        "relabel): results are then not comparable with those from before",
    )


def load_policy(file: Path) -> PolicyConfig:
    """The checked policy; raises ConfigError, one line for each mistake."""
    loaded = load_space(file, PolicyConfig)
    if ranges := loaded.space.parameters():
        path = next(known for known in loaded.document.marks if dotted(known) == ranges[0].path)
        raise ConfigError.at(loaded.document.mark(path), ranges[0].path, "is a range: a policy has none")
    return loaded.first()
