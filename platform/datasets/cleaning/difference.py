"""What differs between two manifests, by action and by class."""

from collections import Counter
from dataclasses import dataclass

import pandas as pd

from platform.datasets.cleaning.manifest_table import ManifestTable

MOST_CLASSES = 20
"""Classes that are listed, those with the most changes."""
WIDTH = 80


@dataclass(frozen=True)
class Difference:
    """Counts of images.

    Attributes:
        images: In both manifests.
        changed: Of which label, action or weight differ.
        steps: (action before, action now) -> images, the most frequent first; the same action twice: another
            label or weight.
        by_class: Index class, columns before and now: training images; largest change first.
        only_before, only_now: Images that one of them lacks.
        splits: Images that are in another split.
    """

    images: int
    changed: int
    steps: dict[tuple[str, str], int]
    by_class: pd.DataFrame
    only_before: int
    only_now: int
    splits: int


def difference(before: ManifestTable, now: ManifestTable) -> Difference:
    columns = ["path", "label", "action", "weight", "split"]
    pairs = before.rows[columns].merge(now.rows[columns], on="path", suffixes=("", "_now"))
    differs = (pairs["action"] != pairs["action_now"]) | (pairs["weight"] != pairs["weight_now"])
    differs |= pairs["label"].fillna("") != pairs["label_now"].fillna("")
    changed = pairs[differs]
    steps = Counter(zip(changed["action"], changed["action_now"], strict=True))
    return Difference(
        images=len(pairs),
        changed=int(differs.sum()),
        steps=dict(sorted(steps.items(), key=lambda one: (-one[1], one[0]))),
        by_class=_by_class(before, now),
        only_before=len(before.rows) - len(pairs),
        only_now=len(now.rows) - len(pairs),
        splits=int((pairs["split"] != pairs["split_now"]).sum()),
    )


def _by_class(before: ManifestTable, now: ManifestTable) -> pd.DataFrame:
    counts = pd.DataFrame({"before": _sizes(before), "now": _sizes(now)}).fillna(0).astype(int)
    counts["change"] = counts["now"] - counts["before"]
    counts = counts[counts["change"] != 0].rename_axis("class").reset_index()
    largest = counts["change"].abs()
    return counts.assign(largest=largest).sort_values(
        ["largest", "class"], ascending=[False, True], ignore_index=True
    )[["class", "before", "now", "change"]]


def _sizes(table: ManifestTable) -> pd.Series:
    learnt = table.learnt
    return learnt["label"][learnt["split"] == "train"].fillna("(no label)").value_counts()


def in_lines(found: Difference, before: str) -> list[str]:
    """The difference in lines of 80 characters at most; file names may be longer."""
    if not (found.changed or found.only_before or found.only_now or found.splits):
        return [f"against {before}: nothing differs in {found.images:,} images"]
    lines = [f"against {before}: {found.changed:,} of {found.images:,} images differ"]
    lines += [f"  {_step(*step):<24}{count:>10,}" for step, count in found.steps.items()]
    for count, words in (
        (found.only_before, "are only in that manifest"),
        (found.only_now, "are only in this manifest"),
        (found.splits, "are in another split: results do not compare"),
    ):
        lines += [f"  {count:,} {words}"] if count else []
    if len(found.by_class):
        lines.append(f"  {'training images of':<45}{'before':>10}{'now':>10}{'change':>10}")
    for one in found.by_class.head(MOST_CLASSES).itertuples(index=False):
        name, old, new, change = one
        lines.append(f"  {_short(str(name)):<45}{old:>10,}{new:>10,}{change:>+10,}")
    if len(found.by_class) > MOST_CLASSES:
        lines.append(f"  and {len(found.by_class) - MOST_CLASSES:,} more classes")
    return lines


def _step(before: str, now: str) -> str:
    if before != now:
        return f"{before} → {now}"
    return {"weight": "another weight", "keep": "another label, kept"}.get(now, f"{now}, another label")


def _short(name: str, longest: int = 43) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1]}…"
