"""Findings of groups of copies: duplicates, one picture under several labels, placeholders, leaks."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import pandas as pd

from platform.datasets.audit.copies.copy_groups import Copy
from platform.datasets.audit.findings import Finding

PLACEHOLDER_CLASSES: Final = 3
PLACEHOLDER_IMAGES: Final = 4
"""One picture under two classes is a mistake of labelling, and two people may disagree on a third. What a
site sends in place of images that it no longer has comes back for every search: from three classes in four
files on, nobody knows what the picture shows, and no class loses by its going."""
MAJORITY: Final = 2 / 3
"""Share of the labelled copies that must have one label for it to be suggested, at least two more than the
next: 2 of 3 are no majority, 3 of 4 are one."""
EQUAL: Final = 1.0
SPLITS: Final = ("train", "val", "test")
LISTED: Final = 3
"""Labels that a sentence names."""


def duplicates(groups: Iterable[Sequence[Copy]], images: pd.DataFrame, threshold: float) -> Iterator[Finding]:
    """One finding an image that is a copy of its group's centre.

    The best of each split is kept: no copy is ever merged into another split's image, as that would change
    what is evaluated. Of two copies of a third in another split, nothing is merged without a look.
    """
    paths, digests = images["path"].to_numpy(object), images["sha256"].to_numpy(object)
    for copy, kept_equal in _others(groups):
        is_equal = copy.equal != copy.image
        original = copy.equal if is_equal else copy.centre
        if is_equal:
            what = "bytes" if digests[copy.image] == digests[original] else "pixels"
            why = f"same {what} as {paths[original]}"
        else:
            why = (
                f"copy of {paths[original]} ({copy.kind}): edges correlate to {copy.score:.3f}, those of "
                f"copies do from {threshold:.3f}"
            )
        merges = copy.keep != copy.image and (copy.keep == copy.centre or kept_equal == copy.equal)
        yield Finding(
            copy.path,
            "duplicate" if is_equal else "near_duplicate",
            EQUAL if is_equal else copy.score,
            why,
            f"merge:{paths[copy.keep]}" if merges else "look",
            copy.group,
        )


def _others(groups: Iterable[Sequence[Copy]]) -> Iterator[tuple[Copy, int]]:
    """Each image but the centres, and the ``equal`` of the one that is kept of its split."""
    for group in groups:
        equal_of = {copy.image: copy.equal for copy in group}
        yield from ((copy, equal_of[copy.keep]) for copy in group if copy.image != copy.centre)


def label_findings(groups: Iterable[Sequence[Copy]]) -> Iterator[Finding]:
    """``placeholder`` or ``conflicting_labels`` for each labelled image of a group with several labels."""
    for group in groups:
        labelled = [copy for copy in group if copy.label is not None]
        labels = Counter(str(copy.label) for copy in labelled)
        if len(labels) >= PLACEHOLDER_CLASSES and len(labelled) >= PLACEHOLDER_IMAGES:
            yield from _placeholder(labelled, labels)
        elif len(labels) >= 2:
            yield from _conflict(labelled, labels)


def _placeholder(copies: Sequence[Copy], labels: Counter[str]) -> Iterator[Finding]:
    why = _several(copies, labels)
    for copy in copies:
        suggestion = "drop" if copy.split == "train" else "look"
        yield Finding(copy.path, "placeholder", copy.score, why, suggestion, copy.group)


def _conflict(copies: Sequence[Copy], labels: Counter[str]) -> Iterator[Finding]:
    why, lowest = _several(copies, labels), min(copy.score for copy in copies)
    (top, most), (_, second) = labels.most_common(2)
    has_majority = most >= MAJORITY * len(copies) and most >= second + 2
    for copy in copies:
        suggestion = f"relabel:{top}" if has_majority else "unlabel"
        if copy.split != "train" or (has_majority and copy.label == top):
            suggestion = "look"
        yield Finding(copy.path, "conflicting_labels", lowest, why, suggestion, copy.group)


def leaks(groups: Iterable[Sequence[Copy]]) -> Iterator[Finding]:
    """One finding an image that has a copy in another split; the training copy should go.

    Where train has none, ``look``: which of val and test should lose its copy, a person says.
    """
    for group in groups:
        best: dict[str, Copy] = {}
        equals: dict[tuple[int, str], Copy] = {}
        for copy in group:
            if copy.split not in best or copy.score > best[copy.split].score:
                best[copy.split] = copy
            equals.setdefault((copy.equal, copy.split), copy)
        if len(best) >= 2:
            yield from (_leak(copy, best, equals) for copy in group)


def _leak(copy: Copy, best: Mapping[str, Copy], equals: Mapping[tuple[int, str], Copy]) -> Finding:
    splits = [split for split in SPLITS if split in best and split != copy.split]
    same = [equals[copy.equal, split] for split in splits if (copy.equal, split) in equals]
    other = same[0] if same else max((best[split] for split in splits), key=lambda each: each.score)
    how = "the same pixels are" if same else "a near copy is"
    return Finding(
        copy.path,
        "leak",
        EQUAL if same else min(copy.score, other.score),
        f"{how} in {other.split}, as {other.path}",
        "drop" if copy.split == "train" else "look",
        copy.group,
    )


def _several(copies: Sequence[Copy], labels: Counter[str]) -> str:
    some = sorted(labels.items(), key=lambda labelled: (-labelled[1], labelled[0]))[:LISTED]
    listed = ", ".join(f"{label} {count:,}" for label, count in some)
    more = f" and {len(labels) - LISTED:,} more" if len(labels) > LISTED else ""
    return f"one picture in {len(copies):,} files under {len(labels):,} labels ({listed}{more})"
