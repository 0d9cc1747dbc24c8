"""The text that ``--new`` writes: a YAML in which each choice has its reason as a comment."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

from platform.config.invocation import command_line
from platform.datasets.data_config import DataConfig
from platform.datasets.errors import counted

LONG_TAIL = 3
"""Training images of the largest class over those of the smallest from which a tail counts as long."""
STEP = 32  # px: backbones halve an image five times
PRETRAINED_AT = 224  # px
USUAL_MAX_BAD: float = DataConfig.model_fields["max_bad"].default
COMMENT = 46  # column
Line = tuple[str, str]
"""A line of YAML and its comment."""


@dataclass(frozen=True)
class Facts:
    """What the choices go by.

    Attributes:
        train: Number of training images, before a val split is held out.
        shorter: Median of the images' shorter sides, px.
        tail: Training images of the largest class over those of the smallest.
        bad: Share of the opened images that cannot be read.
        wrong: Share of wrong training labels; None if data.clean_label names no true ones.
        gpus, cores: Of this machine.
    """

    source: str
    train: int
    classes: int
    smallest: int
    largest: int
    shorter: int
    bad: float
    wrong: float | None
    gpus: int
    cores: int

    @property
    def tail(self) -> float:
        return self.largest / max(self.smallest, 1)


@dataclass(frozen=True)
class Choices:
    image_size: int
    backbone: str
    pretrained: bool
    batch_size: int
    epochs: int
    trials: int
    budget: str


def text_of(facts: Facts, chosen: Choices, section: dict[str, Any], file: Path) -> str:
    """The whole file; ``section``: the settings of ``data``."""
    run = command_line("platform.search", file)
    head = [
        f"# Made for {facts.source}: {counted(facts.train, 'training image')} in {facts.classes} classes of "
        f"{facts.smallest:,} to {facts.largest:,},",
        f"# and for a machine with {counted(facts.gpus, 'GPU')} and {counted(facts.cores, 'core')}.",
        "#",
        f"#     {run} --plan      what it would run, at once",
        f"#     {run} --quick     a minute that passes through every part",
        f"#     {run}             the sweep",
        "#",
        "# search_spaces/peer.yaml explains ranges and choices; settings left out keep their defaults.",
    ]
    parts = (_data(facts, section), _trial(facts, chosen), _method(facts, chosen), _search(facts, chosen))
    bodies = ["\n".join(_commented(*line) for line in part) for part in parts]
    return "\n\n".join(["\n".join(head), "seed: 0", *bodies]) + "\n"


def _commented(line: str, comment: str) -> str:
    return f"{line.ljust(COMMENT)}  # {comment}" if comment else line


def _data(facts: Facts, section: dict[str, Any]) -> Iterator[Line]:
    yield "data:", ""
    for key, value in section.items():
        yield f"  {key}: {json.dumps(value, ensure_ascii=False)}", ""
    if "val_share" not in section:
        yield "  val_share: 0.1", "held out of train where there is no val split: what selects"
    if facts.bad > USUAL_MAX_BAD / 2 and "max_bad" not in section:
        allowed = min(ceil(facts.bad * 150) / 100, 1.0)
        yield f"  max_bad: {allowed}", f"{facts.bad:.1%} of the images cannot be read and are left out"


def _trial(facts: Facts, chosen: Choices) -> Iterator[Line]:
    yield f"epochs: {chosen.epochs}", "enough to compare settings"
    yield f"batch_size: {chosen.batch_size}", f"{facts.train // chosen.batch_size:,} updates an epoch"
    yield (
        f"image_size: {chosen.image_size}",
        f"px; the images' shorter side is {facts.shorter}{_why(facts, chosen)}",
    )
    yield "augment:", ""
    if chosen.image_size <= STEP:
        yield "  crop: padded", "small images lose too much in other crops"
        yield f"  padding: {chosen.image_size // 8}", ""
    else:
        yield "  crop: random_resized", "a window of random size, at least a third of the image"
        yield "  scale: [0.35, 1.0]", ""
    yield "  horizontal_flip: 0.5", "0 where left and right differ: letters, digits, road signs"
    if chosen.pretrained:
        yield f"model: {{backbone: {chosen.backbone}, pretrained: true}}", "downloaded once; or weights: FILE"
    else:
        yield f"model: {{backbone: {chosen.backbone}}}", f"learns from scratch: {_why_scratch(facts, chosen)}"


def _why(facts: Facts, chosen: Choices) -> str:
    if chosen.image_size == PRETRAINED_AT:
        return ", the weights' is 224"
    if chosen.image_size < facts.shorter // STEP * STEP:
        return "; larger is slow without a GPU"
    return ""


def _why_scratch(facts: Facts, chosen: Choices) -> str:
    if chosen.backbone.startswith("test_"):
        return "timm's smallest, quick on a CPU; resnet10t and larger learn more"
    return "the images are small" if facts.gpus else "no GPU; else see photos.yaml"


def _method(facts: Facts, chosen: Choices) -> Iterator[Line]:
    if facts.wrong is None:
        yield "method:", "how many labels are wrong is not known:"
        yield "  choice:", "plain training against Peer-learning, which drops samples"
        yield from _as_option(_cross_entropy(facts))
        yield from _as_option(_peer(facts, chosen, 0.05, 0.5))
    elif facts.wrong == 0:
        yield "method:", "all labels are true, as data.clean_label says"
        yield from ((f"  {line}", comment) for line, comment in _cross_entropy(facts))
    else:
        low, high = max(facts.wrong - 0.2, 0.02), min(facts.wrong + 0.15, 0.8)
        yield "method:", f"{facts.wrong:.0%} of the training labels are wrong"
        yield from ((f"  {line}", comment) for line, comment in _peer(facts, chosen, low, high))
    rate = "[2e-3, 5e-2]" if chosen.pretrained else "[1e-2, 2e-1]"
    yield f"optim: {{name: sgd, lr: {{loguniform: {rate}}}}}", ""
    yield "schedule: {name: cosine, warmup_epochs: 1}", ""


def _as_option(lines: Iterator[Line]) -> Iterator[Line]:
    for place, (line, comment) in enumerate(lines):
        yield f"  {'-' if place == 0 else ' '} {line}", comment


def _cross_entropy(facts: Facts) -> Iterator[Line]:
    yield "name: cross_entropy", ""
    yield from _loss("loss", facts)
    yield "label_smoothing: {uniform: [0.0, 0.3]}", "the cheapest remedy against wrong labels"


def _peer(facts: Facts, chosen: Choices, low: float, high: float) -> Iterator[Line]:
    yield "name: peer", ""
    yield f"drop_rate: {{uniform: [{low:.2f}, {high:.2f}]}}", "near the share of wrong labels, at best"
    yield f"ramp_epochs: {{int: [1, {max(chosen.epochs // 3, 2)}]}}", "epochs over which it rises from 0"
    yield "rank_by: cross_entropy", ""
    yield from _loss("agreed_loss", facts)


def _loss(key: str, facts: Facts) -> Iterator[Line]:
    if facts.tail >= LONG_TAIL:
        yield f"{key}: {{choice: [cross_entropy, balanced_softmax]}}", "the second is for long tails"


def _search(facts: Facts, chosen: Choices) -> Iterator[Line]:
    yield "search:", ""
    if facts.tail >= LONG_TAIL:
        yield (
            "  metric: val/macro_accuracy",
            f"classes differ {facts.tail:.0f} to 1 in size; here each counts the same",
        )
    else:
        yield "  metric: val/accuracy", "classes are of similar size"
    yield f"  trials: {chosen.trials}", ""
    yield f"  budget: {chosen.budget}", "the sweep ends then, with a report of what there is"
    yield "  scheduler: {name: asha}", "stops bad trials early"
