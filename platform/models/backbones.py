"""What is known of timm's backbones without importing timm, which takes seconds: a table beside this file.

``python -m platform.models.index`` writes the table anew from the installed timm.
"""

import csv
import difflib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

TABLE = Path(__file__).with_name("timm_backbones.csv")


@dataclass(frozen=True)
class Backbone:
    """One timm architecture; the columns of the table."""

    name: str
    parameters: int
    """Parameters without a classifier, at the architecture's own image size."""
    parameters_per_class: int
    """What each class adds to them."""
    layers: int
    """Groups that layer-wise learning-rate decay tells apart; 1 or 0: it has no layers for it."""
    size_multiple: int
    """The image size must be a multiple of this many px; 0: not known, a size is tried when built."""
    has_small_stem: bool
    """Whether a stem for small images can be made of its own (platform/models/stems.py)."""
    options: tuple[str, ...]
    """Which of drop_rate, drop_path_rate and img_size it takes."""
    pretrained: tuple[str, ...]
    """Tags of its published weights, the default first."""


def find_backbone(name: str) -> Backbone | None:
    """The table's row of a timm name, with or without a tag (``resnet50.a1_in1k``); None if there is none."""
    return _table().get(name.partition(".")[0])


def nearest_backbones(name: str) -> list[str]:
    """Up to three names of the table that look like ``name``, the nearest first."""
    return difflib.get_close_matches(name.partition(".")[0], _table(), n=3, cutoff=0.5)


def table_is_current() -> bool:
    """Whether the table was made from the timm that is installed: then it knows every name."""
    with TABLE.open() as file:
        return file.readline().split() == ["#", "timm", version("timm")]


@cache
def _table() -> dict[str, Backbone]:
    with TABLE.open(newline="") as file:
        next(file)  # the timm version
        return {row["name"]: _backbone(row) for row in csv.DictReader(file)}


def _backbone(row: dict[str, str]) -> Backbone:
    return Backbone(
        name=row["name"],
        parameters=int(row["parameters"]),
        parameters_per_class=int(row["parameters_per_class"]),
        layers=int(row["layers"]),
        size_multiple=int(row["size_multiple"]),
        has_small_stem=row["has_small_stem"] == "yes",
        options=tuple(row["options"].split()),
        pretrained=tuple(row["pretrained"].split()),
    )
