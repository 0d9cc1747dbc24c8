"""Whether sweeps can be ranked and ensembled together: they need the same data and goals."""

from collections.abc import Sequence

import pandas as pd

from platform.config.errors import UserError
from platform.datasets.errors import counted, listed
from reports.sweeps.inputs import Inputs


def refuse_unlike(sweeps: Sequence[Inputs]) -> None:
    """Raise UserError if a sweep has other classes, data or goals than the first."""
    first = sweeps[0]
    for other in sweeps[1:]:
        if (reason := _unlike(first, other)) is not None:
            raise UserError(f"{first.folder.path} and {other.folder.path}: no report can join them: {reason}")


def _unlike(one: Inputs, other: Inputs) -> str | None:
    if one.identity.data_digest != other.identity.data_digest:
        return _data_differ(one, other)
    if one.data_config.val_label != other.data_config.val_label:
        labels = f"{one.data_config.val_label} and {other.data_config.val_label}"
        return f"they select on different labels of validation ({labels})"
    if one.identity.goals != other.identity.goals:
        goals = [", ".join(map(str, sweep.identity.goals)) for sweep in (one, other)]
        return f"they have different goals ({goals[0]}; {goals[1]})"
    if one.identity.statistic != other.identity.statistic:
        statistics = f"{one.identity.statistic} and {other.identity.statistic}"
        return f"they compare trials by different statistics ({statistics})"
    return None


def _data_differ(one: Inputs, other: Inputs) -> str:
    """How the data of two sweeps with different digests differ."""
    both = one, other
    if not all(sweep.manifest.exists() for sweep in both):
        return f"their data differ (SHA-256 {_digests(one, other)})"
    ours, theirs = (pd.read_parquet(sweep.manifest) for sweep in both)
    names = [set(table["label"].dropna()) for table in (ours, theirs)]
    if names[0] != names[1]:
        return f"their classes differ: {_only(one, names[0] - names[1])}{_only(other, names[1] - names[0])}"[
            :-2
        ]
    for split in ("train", "val", "test"):
        mine, yours = (table[table["split"] == split].set_index("path") for table in (ours, theirs))
        if set(mine.index) != set(yours.index):
            sizes = f"{counted(len(mine), 'image')} and {len(yours):,}"
            common = len(set(mine.index) & set(yours.index))
            return f"their splits differ: {split} has {sizes}, of which {common:,} are in both"
        yours = yours.loc[mine.index]
        for column in ("label", "clean"):
            changed = int((mine[column].fillna("") != yours[column].fillna("")).sum())
            if changed:
                which = "given" if column == "label" else "clean"
                return f"their {which} labels differ: those of {changed:,} of {len(mine):,} {split} images"
    return f"the content of their images differs (SHA-256 {_digests(one, other)})"


def _only(sweep: Inputs, names: set[str]) -> str:
    return f"only in {sweep.folder.path}: {listed(sorted(names))}; " if names else ""


def _digests(one: Inputs, other: Inputs) -> str:
    return f"{one.identity.data_digest[:12]}… and {other.identity.data_digest[:12]}…"
