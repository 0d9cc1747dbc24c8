"""A table of timm's backbones, read without importing timm, which takes seconds.

``python -m platform.models.index`` writes the table from the installed timm.
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
    """Parameters that each class adds."""
    layers: int
    """Groups for layer-wise learning-rate decay; 1 or 0: it cannot be used."""
    size_multiple: int
    """The image size must be a multiple of this (px); 0: unknown, tried when the network is built."""
    has_small_stem: bool
    """Whether its stem can be changed for small images (platform/models/stems.py)."""
    options: tuple[str, ...]
    """Which of drop_rate, drop_path_rate and img_size it accepts."""
    pretrained: tuple[str, ...]
    """Tags of its published weights, default first."""


def find_backbone(name: str) -> Backbone | None:
    """The row of a timm name, with or without a tag (``resnet50.a1_in1k``); None if unknown."""
    return _table().get(name.partition(".")[0])


def nearest_backbones(name: str) -> list[str]:
    """Up to three known names similar to ``name``, the most similar first."""
    return difflib.get_close_matches(name.partition(".")[0], _table(), n=3, cutoff=0.5)


def table_is_current() -> bool:
    """Whether the table was written from the installed timm, and so knows every name."""
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
