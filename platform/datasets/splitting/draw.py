"""Draw val and test splits: the same share of each class, no group cut, whole identities.

N: images.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from platform.config.errors import UserError
from platform.datasets.arrays import Ints
from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.held_out_identities import hold_out_identities
from platform.datasets.tables.table_files import MISSING

STREAMS: Final = {"test": 11, "val": 12}
"""Of random numbers, one a split, in the order in which they are drawn."""


@dataclass(frozen=True)
class Shares:
    """Shares of the training images (or identities) for val and test; 0: none."""

    val: float
    test: float

    def check(self) -> None:
        for name, share in (("--val", self.val), ("--test", self.test)):
            if not 0 <= share < 1:
                raise UserError(f"{name}: must be a share from 0 to below 1, got {share:g}")
        if self.val + self.test >= 1:
            raise UserError(
                f"--val {self.val:g} and --test {self.test:g}: must be below 1 together, or nothing is left "
                "to learn from"
            )
        if self.val == self.test == 0:
            raise UserError("--val, --test: at least one of them must be above 0")


def draw(rows: pd.DataFrame, groups_N: Ints, config: DataConfig, shares: Shares, seed: int) -> pd.DataFrame:
    """The listed ``rows`` with splits drawn from those of train: by paths, labels, groups and seed alone.

    Raises UserError for a split that the source has already.
    """
    shares.check()
    for split, share in (("test", shares.test), ("val", shares.val)):
        if share and (rows["split"] == split).any():
            raise UserError(f"--{split}: {config.source} has a {split} split of its own: leave out --{split}")
    if config.identities is not None:
        return _identities(rows, groups_N, config.identities.queries, shares, seed)
    drawn = rows["split"].to_numpy(dtype=object).copy()
    is_free = (drawn == "train") & (rows["label"] != MISSING).to_numpy()
    free_groups = ~np.isin(groups_N, groups_N[~is_free])
    units = _units(rows["label"].to_numpy(dtype=object), groups_N, is_free & free_groups)
    for name, stream in STREAMS.items():
        chosen = _chosen(units, getattr(shares, name), np.random.default_rng([seed, stream]))
        drawn[np.isin(groups_N, chosen) & free_groups] = name
        units = units[~units["group"].isin(chosen)]
    return rows.assign(split=drawn)


def _units(labels_N: np.ndarray, groups_N: Ints, is_free_N: np.ndarray) -> pd.DataFrame:
    """One row a group of free images: ``group``, most frequent ``label``, ``size``, size of its class."""
    own = pd.DataFrame({"group": groups_N[is_free_N], "label": labels_N[is_free_N]})
    counts = own.groupby(["group", "label"]).size().rename("count").reset_index()
    counts = counts.sort_values(["group", "count", "label"], ascending=[True, False, True], kind="stable")
    units = counts.drop_duplicates("group").drop(columns="count")
    units = units.assign(size=units["group"].map(own["group"].value_counts()))
    return units.assign(of_class=units.groupby("label")["size"].transform("sum")).reset_index(drop=True)


def _chosen(units: pd.DataFrame, share: float, random: np.random.Generator) -> Ints:
    """The groups of about ``share`` of each class; of a class with one group left, none."""
    chosen: list[int] = []
    if share == 0:
        return np.array(chosen, dtype=np.int64)
    for _, own in units.sort_values("group").groupby("label", sort=True):
        order = random.permutation(len(own))
        groups, sizes = own["group"].to_numpy()[order], own["size"].to_numpy()[order]
        target, taken, left = max(round(share * int(own["of_class"].iloc[0])), 1), 0, len(own)
        for group, size in zip(groups, sizes, strict=True):
            if left > 1 and abs(taken + size - target) < abs(taken - target):
                chosen.append(int(group))
                taken, left = taken + int(size), left - 1
    return np.array(chosen, dtype=np.int64)


def _identities(rows: pd.DataFrame, groups_N: Ints, queries: int, shares: Shares, seed: int) -> pd.DataFrame:
    """Whole identities; those that share a group go together."""
    together = _together(rows["label"].to_numpy(dtype=object), groups_N)
    drawn = rows.assign(label=together)
    for name, stream in STREAMS.items():
        if share := getattr(shares, name):
            drawn = hold_out_identities(drawn, name, share, queries, np.random.default_rng([seed, stream]))
    return drawn.assign(label=rows["label"])


def _together(labels_N: np.ndarray, groups_N: Ints) -> np.ndarray:
    """[N]: for each identity the first of those that it is tied to by groups."""
    name = {label: label for label in sorted(set(labels_N))}

    def first(label: str) -> str:
        while name[label] != label:
            label = name[label]
        return label

    pairs = pd.DataFrame({"group": groups_N, "label": labels_N}).drop_duplicates()
    for _, own in pairs[pairs["group"].duplicated(keep=False)].groupby("group"):
        roots = sorted({first(label) for label in own["label"]})
        name |= dict.fromkeys(roots, roots[0])
    return np.array([first(label) for label in labels_N], dtype=object)


def cut_groups(split_N: np.ndarray, groups_N: Ints) -> int:
    """Number of groups with images in several splits: those that the source itself cuts."""
    pairs = pd.DataFrame({"group": groups_N, "split": split_N}).drop_duplicates()
    return int((pairs["group"].value_counts() > 1).sum())
