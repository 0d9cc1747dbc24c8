"""Decisions, applied to the rows of a manifest."""

import numpy as np
import pandas as pd

from platform.datasets.cleaning.manifest_table import LEFT_OUT, PERSON


def applied(rows: pd.DataFrame, decisions: pd.DataFrame, round: int) -> pd.DataFrame:
    """The rows after the decisions, each of which is on another path; ``round`` is written to changed ones.

    A row that an earlier round left out stays so, unless a person decided. ``keep`` changes no label; it is
    noted where nothing was done before, and where a person says so.
    """
    places = pd.Index(rows["path"]).get_indexer(pd.Index(decisions["path"]))
    own = decisions.assign(place=places)[places >= 0]
    now = rows["action"].to_numpy(dtype=object)[own["place"]]
    is_person = (own["by"] == PERSON).to_numpy()
    is_keep = (own["action"] == "keep").to_numpy()
    counts = (~np.isin(now, LEFT_OUT) | is_person) & (~is_keep | (now == "keep") | is_person)
    own = own[counts]
    changed = {name: rows[name].to_numpy(dtype=object).copy() for name in CHANGED}
    place = own["place"].to_numpy()
    for name in ("reason", "score", "by"):
        changed[name][place] = own[name].to_numpy(dtype=object)
    changed["round"][place] = round
    _actions(changed, own)
    return rows.assign(**{name: _as(rows[name], values) for name, values in changed.items()})


CHANGED = ("label", "action", "reason", "score", "round", "weight", "by")


def _actions(changed: dict[str, np.ndarray], own: pd.DataFrame) -> None:
    place, action = own["place"].to_numpy(), own["action"].to_numpy(dtype=object)
    acts = action != "keep"
    changed["action"][place[acts]] = action[acts]
    relabel, unlabel, weight = (action == name for name in ("relabel", "unlabel", "weight"))
    changed["label"][place[relabel]] = own["label"].to_numpy(dtype=object)[relabel]
    changed["label"][place[unlabel]] = None
    changed["weight"][place[weight]] = own["weight"].to_numpy(dtype=object)[weight]


def _as(before: pd.Series, values: np.ndarray) -> pd.Series:
    kind = before.dtype if before.dtype.kind in "if" else object
    return pd.Series(values, before.index, dtype=kind)
