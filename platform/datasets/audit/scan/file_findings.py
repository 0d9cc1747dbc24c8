"""The findings of stage ``files``: what is wrong with single files, told by their columns."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from platform.datasets.audit.findings import Finding, Kind, findings_table
from platform.datasets.audit.scan.file_facts import wrong_ending
from platform.datasets.audit.scan.measures import ENTROPY_FACTOR

MIN_SIDE: Final = 48
"""px: images with a shorter side than this are tiny, unless --min-side says otherwise."""
TRUNCATED_WORDS = ("truncated", "ends early", "unexpected end")


@dataclass(frozen=True)
class Measure:
    """A measure of CleanVision, its threshold there, and what it means in words.

    ``words``: of its value, and whether the file has one channel only.
    """

    kind: Kind
    threshold: float
    words: Callable[[float, bool], str]


MEASURES: Final = (
    Measure("odd_shape", 0.35, lambda value, _: f"the longer side is {1 / value:.1f} times the shorter one"),
    Measure("dark", 0.32, lambda value, _: f"99% of the pixels reach at most {value:.0%} of full brightness"),
    Measure("light", 0.05, lambda value, _: f"95% of the pixels reach {1 - value:.0%} of full brightness"),
    Measure("blurry", 0.29, lambda value, _: f"there are hardly any edges: sharpness {value:.2f} of 1"),
    Measure("low_information", 0.3, lambda value, is_grey: _information(value, is_grey=is_grey)),
)


def file_findings(images: pd.DataFrame, min_side: int | None) -> pd.DataFrame:
    """The findings of all images, of the rows of images.parquet."""
    readable = images[images["readable"]]
    found: list[Finding] = [*_unreadable(images[~images["readable"]]), *_without_end(readable)]
    found += _wrong_endings(images)
    limit = tiny_below(images, min_side)
    if limit is not None:
        found += _tiny(readable, limit)
    common = common_measures(images)
    for measure in MEASURES:
        if measure.kind not in common:
            found += _measured(readable, measure)
    return findings_table(found)


def common_measures(images: pd.DataFrame) -> dict[Kind, int]:
    """The measures below whose limit most images are, and how many: such images are so, and none is odd."""
    readable = images[images["readable"]]
    counts = {each.kind: int((readable[each.kind] < each.threshold).sum()) for each in MEASURES}
    return {kind: count for kind, count in counts.items() if count * 2 > len(readable)}


def tiny_below(images: pd.DataFrame, min_side: int | None) -> int | None:
    """px of the shorter side below which an image is tiny; None: most images are so small, so none is odd."""
    if min_side is not None:
        return min_side
    is_small = images["readable"] & (images[["width", "height"]].min(axis=1) < MIN_SIDE)
    return None if is_small.sum() * 2 > images["readable"].sum() else MIN_SIDE


def _unreadable(images: pd.DataFrame) -> Iterator[Finding]:
    for path, reason, ends_early in _values(images, "path", "reason", "ends_early"):
        is_cut = ends_early or any(word in reason.lower() for word in TRUNCATED_WORDS)
        yield Finding(path, "truncated" if is_cut else "unreadable", 1.0, reason, "drop")


def _without_end(readable: pd.DataFrame) -> Iterator[Finding]:
    for path, file_format in _values(readable[readable["ends_early"]], "path", "format"):
        why = f"the {file_format} has no end, though all its pixels could be decoded"
        yield Finding(path, "truncated", 0.5, why)


def _wrong_endings(images: pd.DataFrame) -> Iterator[Finding]:
    told = images[images["format"] != ""]
    for ending, file_format in _values(told[["ending", "format"]].drop_duplicates(), "ending", "format"):
        if why := wrong_ending(ending, file_format):
            alike = told[(told["format"] == file_format) & (told["ending"] == ending)]
            yield from (Finding(path, "wrong_ending", 1.0, why) for path in alike["path"])


def _tiny(readable: pd.DataFrame, limit: int) -> Iterator[Finding]:
    side = readable[["width", "height"]].min(axis=1)
    for path, width, height in _values(readable[side < limit], "path", "width", "height"):
        why = f"{width} x {height} px; the shorter side is below {limit}"
        yield Finding(path, "tiny", _surety(min(width, height), limit), why)


def _values(table: pd.DataFrame, *names: str) -> Iterator[tuple[Any, ...]]:
    return zip(*(table[name] for name in names), strict=True)


def _measured(readable: pd.DataFrame, measure: Measure) -> Iterator[Finding]:
    is_bad = readable[measure.kind] < measure.threshold
    for path, value, is_grey in _values(readable[is_bad], "path", measure.kind, "grayscale"):
        why = f"{measure.words(value, is_grey)} ({measure.kind} {value:.3f}, limit {measure.threshold:g})"
        yield Finding(path, measure.kind, _surety(value, measure.threshold), why)


def _surety(value: float, threshold: float) -> float:
    """0.5 at the threshold, 1 at zero."""
    return float(np.clip(1 - value / (2 * threshold), 0.5, 1.0))


def _information(value: float, *, is_grey: bool) -> str:
    """One value in each of three channels are log2(3) bits."""
    bits = value / ENTROPY_FACTOR
    if math.isclose(bits, 0.0 if is_grey else math.log2(3), abs_tol=1e-9):
        return "it is of one colour"
    return f"few different colours: {bits:.1f} bits of entropy"
