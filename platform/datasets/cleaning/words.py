"""What ``data clean`` prints: what happens to how many images and why, and how to learn from the manifest."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from platform.config.invocation import command_line
from platform.datasets.cleaning.clean import Cleaning
from platform.datasets.cleaning.limits import in_words
from platform.datasets.cleaning.manifest_table import ACTIONS, ManifestTable, is_taken
from platform.datasets.errors import counted
from platform.datasets.tables.settled import ONCE


def lines(done: Cleaning) -> Iterator[str]:
    """What this round does, a line each."""
    changed, total = done.changed, len(done.rows)
    yield f"round {done.facts.round}: {len(changed):,} of {counted(total, 'image')} change"
    for action in ACTIONS:
        own = changed[changed["action"] == action]
        if len(own):
            kinds = own["reason"].str.partition(":")[0].value_counts()
            why = ", ".join(f"{kind} {count:,}" for kind, count in kinds.items())
            yield f"  {action:<8} {len(own):>8,}  {why}"
    if (undone := in_words(done.undone, done.policy.limits)) is not None:
        yield undone
    yield from done.notes
    yield from _against_truth(done)


def _against_truth(done: Cleaning) -> Iterator[str]:
    """Where all true labels are known: how many of those taken away were wrong, and how many remain."""
    before, after = done.before, done.rows
    if "clean" not in before:
        return
    known = before["clean"].notna() & before["label"].notna() & (before["split"] == "train")
    if not known.any():
        return
    newly = known & is_taken(after) & ~is_taken(before)
    was_wrong, now = before["label"] != before["clean"], after["label"] != after["clean"]
    left = known & ~after["action"].isin(["drop", "merge"]) & after["label"].notna()
    yield (
        f"true labels are known: {_share(was_wrong[newly])} of the labels taken away were wrong;\n"
        f"wrong labels in train: {_share(was_wrong[known])} before, {_share(now[left])} now"
    )


def _share(flags: "pd.Series[bool]") -> str:
    return f"{int(flags.sum()):,} of {len(flags):,}"


def next_command(table: ManifestTable, out: Path) -> str:
    """How to learn from a manifest, with the settings that its own section had."""
    settings = [f"data.source={out}"]
    section = table.facts.section
    for name, nothing in ONCE.items():
        if section.get(name, nothing) != nothing:
            settings.append(f"data.{name}={'null' if nothing is None else nothing}")
    if "clean" in table.rows and table.rows["clean"].notna().any():
        settings.append("data.clean_label=clean")
    if has_unlabelled(table):
        settings.append("data.unlabelled=use")
    return command_line("platform.search", "SPACE.yaml", *settings)


def has_unlabelled(table: ManifestTable) -> bool:
    learnt = table.learnt
    return bool(learnt["label"][learnt["split"] == "train"].isna().any())
