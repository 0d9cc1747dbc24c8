"""Two manifests of the same images as one.

Where they differ on an image, a person's answer beats scores; then the later round; then the surer action; of
equals the first manifest's.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from platform.config.errors import UserError
from platform.datasets.cleaning.manifest_table import PERSON, ManifestTable, facts_for
from platform.datasets.errors import counted
from platform.datasets.sources.manifest_facts import ManifestFacts

DECIDED = ("label", "action", "reason", "score", "round", "weight", "by")
"""Columns that go together: all of one manifest."""


def merged(first: ManifestTable, second: ManifestTable, names: tuple[str, str]) -> tuple[ManifestTable, int]:
    """The merged rows, and on how many images the two differ.

    Raises UserError where they are not of the same images, labels and splits.
    """
    _refuse_others(first, second, names)
    a, b = first.rows.set_index("path"), second.rows.set_index("path")
    both = a.index.intersection(b.index)
    ours, theirs = a.loc[both], b.loc[both]
    takes_second = _is_stronger(theirs, ours)
    joined = ours.copy()
    for name in DECIDED:
        values = np.where(takes_second, theirs[name].to_numpy(object), ours[name].to_numpy(object))
        joined[name] = pd.Series(values, both, dtype=ours[name].dtype)
    differ = (ours["action"] != theirs["action"]) | (ours["label"].fillna("") != theirs["label"].fillna(""))
    rows = pd.concat([joined, a.loc[a.index.difference(both)], b.loc[b.index.difference(both)]])
    rows = rows.rename_axis("path").reset_index()
    texts = rows[["label", "given"]].astype(object)
    rows[["label", "given"]] = texts.where(texts.notna(), None)
    facts = first.facts if first.facts.round >= second.facts.round else second.facts
    policies = list(dict.fromkeys(one.facts.policy for one in (first, second) if one.facts.policy))
    facts = replace(facts, made_by="merge", policy="---\n".join(policies))
    return ManifestTable(rows, facts), int(differ.sum())


def placed(facts: ManifestFacts, beside: Path, out: Path) -> ManifestFacts:
    """The metadata of a manifest ``out``, from those of one in the place ``beside``."""
    made = facts_for(facts.place(beside), out, facts.section, facts.made_by, policy=facts.policy)
    return replace(made, round=facts.round)


def _is_stronger(theirs: pd.DataFrame, ours: pd.DataFrame) -> np.ndarray:
    by_person = [(one["by"] == PERSON).to_numpy().astype(int) for one in (theirs, ours)]
    rounds = [one["round"].to_numpy() for one in (theirs, ours)]
    scores = [one["score"].to_numpy() for one in (theirs, ours)]
    stronger = np.zeros(len(ours), dtype=bool)
    equal = np.ones(len(ours), dtype=bool)
    for other, own in (by_person, rounds, scores):
        stronger |= equal & (other > own)
        equal &= other == own
    return stronger


def _refuse_others(first: ManifestTable, second: ManifestTable, names: tuple[str, str]) -> None:
    if first.facts.source != second.facts.source:
        raise UserError(
            f"{names[1]}: lists images of {second.facts.source}, {names[0]} those of {first.facts.source}: "
            "only manifests of one source can be merged"
        )
    pairs = first.rows[["path", "given", "split"]].merge(
        second.rows[["path", "given", "split"]], on="path", suffixes=("", "_there")
    )
    for column, what in (("split", "split"), ("given", "given label")):
        other = pairs[column].fillna("") != pairs[f"{column}_there"].fillna("")
        if other.any():
            path = pairs["path"][other].iloc[0]
            raise UserError(
                f"{names[1]}: has another {what} than {names[0]} for "
                f"{counted(int(other.sum()), 'image')}, such as {path}: they are of other data or of "
                "another seed"
            )
