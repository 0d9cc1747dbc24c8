"""A look in words: the lines of the command, and its JSON."""

from collections.abc import Iterator
from typing import Any

from platform.datasets.errors import counted, listed
from platform.datasets.image_size import Size
from platform.datasets.look.look import ClassCount, Look
from platform.datasets.remarks import by_ending

SHOWN_CLASSES = 10
FEW = 20
"""Images; classes with fewer count as few-shot, unless data.few_shot says otherwise."""


def lines(found: Look) -> Iterator[tuple[str, str]]:
    """Pairs of a word and what was seen, in the order in which a reader asks."""
    yield "source", f"{found.source}: {counted(found.images, 'image')}"
    yield "layout", f"{found.reader}: {found.why}"
    yield "splits", _splits(found)
    yield "classes", _classes(found)
    if found.unlabelled:
        yield "no label", counted(found.unlabelled, "image")
    yield "opened", _opened(found)
    if found.sizes:
        yield "sizes", _sizes(found.sizes)
        yield "formats", listed([f"{count:,} {name}" for name, count in found.formats.items()], 6)
    if found.bad:
        shown = [f"{one.path} ({one.reason})" for one in found.bad]
        yield "unreadable", f"{counted(len(found.bad), 'image')}: {listed(shown, 3)}"
    if found.unreadable_classes:
        yield "unreadable", f"no image of {listed(found.unreadable_classes)} can be read"
    yield "duplicates", _duplicates(found)
    if found.remarks.passed_over:
        yield "passed over", by_ending(found.remarks.passed_over_by_ending)
    for sentence in (*found.suspicious, *found.remarks.sentences()):
        yield "note", sentence


def class_rows(found: Look) -> list[ClassCount | None]:
    """The classes by size, the largest first; None in place of those that are not shown."""
    ordered = sorted(found.classes, key=lambda one: -one.total)
    if len(ordered) <= 2 * SHOWN_CLASSES:
        return [*ordered]
    return [*ordered[:SHOWN_CLASSES], None, *ordered[-SHOWN_CLASSES:]]


def as_dict(found: Look) -> dict[str, Any]:
    """Everything that was seen, for programs."""
    return {
        "source": found.source,
        "reader": found.reader,
        "why": found.why,
        "images": found.images,
        "splits": found.splits,
        "unlabelled": found.unlabelled,
        "classes": [
            {"name": one.name, **one.images, "opened": one.opened, "readable": one.readable}
            for one in found.classes
        ],
        "opened": len(found.opened),
        "sizes": _percentiles(found.sizes),
        "formats": found.formats,
        "unreadable": [{"path": one.path, "reason": one.reason} for one in found.bad],
        "unreadable_classes": found.unreadable_classes,
        "passed_over": {
            "by_ending": found.remarks.passed_over_by_ending,
            "by_reason": found.remarks.passed_over_by_reason,
        },
        "duplicates": {
            "groups": [list(group) for group in found.duplicates.groups],
            "between_splits": found.duplicates.between_splits,
            "between_labels": found.duplicates.between_labels,
        },
        "notes": [*found.suspicious, *found.remarks.sentences()],
    }


def _splits(found: Look) -> str:
    there = ", ".join(f"{count:,} {split}" for split, count in found.splits.items())
    if "val" not in found.splits:
        there += f"; no val: data.val_share of train ({found.val_share:.0%}) will be held out"
    return there if "test" in found.splits else f"{there}; no test: nothing is scored at the end"


def _classes(found: Look) -> str:
    sizes = sorted(one.images.get("train", 0) for one in found.classes)
    text = f"{counted(len(sizes), 'class', 'classes')}"
    if not sizes or not sizes[-1]:
        return text
    text += f", of {sizes[0]:,} to {sizes[-1]:,} training images"
    if sizes[0] and sizes[-1] / sizes[0] >= 3:
        text += f" (a long tail, {sizes[-1] / sizes[0]:.0f} to 1)"
    for count, words in (
        (sum(size == 1 for size in sizes), "with one image"),
        (sum(1 < size < FEW for size in sizes), f"with fewer than {FEW}"),
    ):
        if count:
            text += f"; {count:,} {words}"
    return text


def _opened(found: Look) -> str:
    if len(found.opened) == found.images:
        return "all images"
    return f"{len(found.opened):,} of {counted(found.images, 'image')}, the classes in turn; --all opens all"


def _sizes(sizes: list[Size]) -> str:
    middle, small, large = sizes[len(sizes) // 2], sizes[0], sizes[-1]
    if small == large:
        return f"all {_px(small)} px"
    return f"{_px(small)} to {_px(large)} px, half of them up to {_px(middle)} (width x height)"


def _px(size: Size) -> str:
    return f"{size.width}x{size.height}"


def _percentiles(sizes: list[Size]) -> dict[str, list[int]]:
    if not sizes:
        return {}
    places = {"smallest": 0, "median": len(sizes) // 2, "largest": -1}
    return {name: [sizes[place].height, sizes[place].width] for name, place in places.items()}


def _duplicates(found: Look) -> str:
    twins = found.duplicates
    if not twins.groups:
        return "no two opened files are the same"
    text = f"{counted(twins.surplus, 'file repeats', 'files repeat')} another's content"
    if twins.between_labels:
        text += f"; {counted(twins.between_labels, 'content')} under two labels or more"
    if twins.between_splits:
        text += f"; {counted(twins.between_splits, 'content')} in two splits or more"
    return f"{text}, such as {' and '.join(twins.groups[0][:2])}"
