"""How far a policy may go: at most a share of each class, never below some images, never a class away."""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from platform.config.errors import UserError
from platform.datasets.cleaning.apply import applied
from platform.datasets.cleaning.manifest_table import LEFT_OUT, PERSON, counts_by_action, is_taken
from platform.datasets.cleaning.policy import Limits
from platform.datasets.errors import counted, listed


def within_limits(
    rows: pd.DataFrame, decisions: pd.DataFrame, readable: "pd.Series[bool]", limits: Limits
) -> tuple[pd.DataFrame, dict[str, int]]:
    """The decisions that the limits allow, and how many of each class were undone.

    The classes are those of the given labels, and what earlier rounds took counts. ``readable`` [N]: of the
    ``rows``. The least sure decisions of a class are undone first, of equals the last by path. Those of a
    person count but stay.
    """
    counts = (rows["split"] == "train") & rows["given"].notna() & readable
    was_taken = is_taken(rows)
    newly = rows["path"][counts & ~was_taken & is_taken(applied(rows, decisions, 0))]
    sizes, gone = (rows["given"][which].value_counts() for which in (counts, counts & was_taken))
    ordered = (
        decisions[decisions["path"].isin(newly)]
        .assign(own=lambda found: rows.set_index("path")["given"].reindex(found["path"]).to_numpy(object))
        .assign(first=lambda found: found["by"] != PERSON)
        .sort_values(["own", "first", "score", "path"], ascending=[True, True, False, True], kind="stable")
    )
    most = {name: _most(int(size), limits) - int(gone.get(name, 0)) for name, size in sizes.items()}
    place = ordered.groupby("own", sort=False).cumcount()
    beyond = (place >= ordered["own"].map(most)) & ordered["first"]
    undone = ordered[beyond.to_numpy(dtype=bool)]
    per_class = undone["own"].value_counts(sort=False)
    left = decisions[~decisions["path"].isin(undone["path"])].reset_index(drop=True)
    return left, {str(name): int(per_class[name]) for name in sorted(per_class.index)}


def _most(images: int, limits: Limits) -> int:
    return max(min(math.floor(limits.most_of_a_class * images + 1e-9), images - limits.least_images), 0)


def in_words(undone: Mapping[str, int], limits: Limits) -> str | None:
    """One line on what the limits undid; None if nothing."""
    if not undone:
        return None
    most = sorted(undone.items(), key=lambda one: (-one[1], one[0]))
    named = listed([f"{name} ({count:,})" for name, count in most], 4)
    total, classes = sum(undone.values()), len(undone)
    return (
        f"limits (most_of_a_class {limits.most_of_a_class:g}, least_images {limits.least_images}) undid the "
        f"least sure {counted(total, 'action')} on {counted(classes, 'class', 'classes')}: {named}"
    )


def refuse_lost_classes(
    before: pd.DataFrame, after: pd.DataFrame, readable: "pd.Series[bool]", policy: str
) -> None:
    """Raise UserError if a class has no training image left that can be read."""
    lost = sorted(_classes(before, readable) - _classes(after, readable))
    if not lost:
        return
    first = lost[0]
    had = before[(before["label"] == first) & (before["split"] == "train")]
    done = counts_by_action(after[after["path"].isin(had["path"])])
    how = ", ".join(f"{action} {count:,}" for action, count in done.items())
    others = f" and of {len(lost) - 1:,} other classes" if len(lost) > 1 else ""
    raise UserError(
        f"{policy}: would leave no training image of the class {first!r}{others} ({how} of {len(had):,}): "
        "set limits.least_images to at least 1, or correct the answers"
    )


def _classes(rows: pd.DataFrame, readable: "pd.Series[bool]") -> set[str]:
    there = (rows["split"] == "train") & ~rows["action"].isin(LEFT_OUT) & np.asarray(readable)
    return set(rows["label"][there].dropna())
