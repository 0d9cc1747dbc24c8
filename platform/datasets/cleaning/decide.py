"""What a policy and a person's answers say about each image. A decision is a row with columns DECISIONS."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from platform.config.errors import UserError, did_you_mean
from platform.datasets.audit.answers import Answer
from platform.datasets.cleaning.manifest_table import PERSON, POLICY
from platform.datasets.cleaning.policy import PolicyConfig, Rule

DECISIONS: Final = ("path", "action", "label", "weight", "score", "reason", "by", "kind")
"""``label``: the new one of relabel; ``score``: how sure; ``kind``: of the finding, or ``a person``."""

OF_FILES: Final = frozenset(
    ("unreadable", "truncated", "wrong_ending", "duplicate", "near_duplicate", "leak")
)
"""Findings of which a person who judged the label says nothing."""
COPIES: Final = frozenset(("duplicate", "near_duplicate"))
"""Findings of groups, of which one image stays: only those act that name another image, or suggest drop."""
RELABEL, MERGE, DROP = "relabel:", "merge:", "drop"
ASKED = "a person"


def decide(
    rows: pd.DataFrame, findings: pd.DataFrame, answers: Mapping[str, Answer], policy: PolicyConfig
) -> pd.DataFrame:
    """The decisions on the ``rows`` of a manifest, at most one an image; others stay as they are.

    Raises UserError for an answer or a suggestion that names a class without training images.
    """
    is_train = rows["split"] == "train"
    classes = frozenset(rows["label"][is_train].dropna().unique())
    may = set(rows["path"] if policy.held_out else rows["path"][is_train])
    said = {path: one for path, one in answers.items() if path in may} if policy.answers else {}
    said = {path: one for path, one in said.items() if one.answer != "unsure"}
    findings = findings[findings["path"].isin(may)]
    earlier = rows["path"][rows["by"] == PERSON]  # of an earlier round
    judged = findings["path"].isin({*said, *earlier}) & ~findings["kind"].isin(OF_FILES)
    ruled = by_rules(findings[~judged], policy)
    left = {path: one for path, one in said.items() if path not in set(ruled["path"])}
    found = pd.concat([ruled, _by_answers(left, policy)], ignore_index=True)
    _refuse_other_classes(found, classes)
    held_out = set(rows["path"][rows["split"] != "train"])
    cannot = found["path"].isin(held_out) & found["action"].isin(["unlabel", "weight"])
    return _without_idle(found[~cannot], rows)


def by_rules(findings: pd.DataFrame, policy: PolicyConfig) -> pd.DataFrame:
    """For each image the first rule that fits a finding; of several findings the surest."""
    parts, open_findings = [], findings
    for rule in policy.rules:
        fitting = _fitting(open_findings, rule)
        fitting = fitting.sort_values(["score", "path"], ascending=[False, True], kind="stable")
        fitting = fitting.drop_duplicates("path")
        parts.append(_decided(fitting, rule))
        open_findings = open_findings[~open_findings["path"].isin(fitting["path"])]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(DECISIONS))


def _fitting(findings: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    fits = (findings["kind"] == rule.kind) & (findings["score"] >= rule.at_least)
    suggestion = findings["suggestion"].fillna("").astype(str)
    if rule.group is not None:
        fits &= findings["group"] == rule.group
    if rule.action == "relabel":
        fits &= suggestion.str.startswith(RELABEL)
    if rule.action == "merge":
        fits &= suggestion.str.startswith(MERGE)
    if rule.kind in COPIES:
        fits &= suggestion.str.startswith(MERGE) | (suggestion == DROP)
    return findings[fits]


def _decided(fitting: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    suggestion = fitting["suggestion"].fillna("").astype(str)
    new = suggestion.str.removeprefix(RELABEL) if rule.action == "relabel" else None
    return pd.DataFrame(
        {
            "path": fitting["path"],
            "action": rule.action,
            "label": new,
            "weight": 1.0 if rule.weight is None else rule.weight,
            "score": fitting["score"],
            "reason": fitting["kind"] + ": " + fitting["why"],
            "by": POLICY,
            "kind": fitting["kind"],
        },
        columns=list(DECISIONS),
    )


def _by_answers(said: Mapping[str, Answer], policy: PolicyConfig) -> pd.DataFrame:
    rows = [(path, *_of_answer(one, policy)) for path, one in sorted(said.items())]
    found = pd.DataFrame(rows, columns=["path", "action", "label", "reason"])
    return found.assign(weight=1.0, score=1.0, by=PERSON, kind=ASKED)[list(DECISIONS)]


def _of_answer(one: Answer, policy: PolicyConfig) -> tuple[str, str | None, str]:
    """Action, new label, reason."""
    if one.answer == "off_topic":
        return "drop", None, "a person: off-topic"
    if one.answer == "wrong" and one.label is None:
        return policy.wrong_without_class, None, "a person: wrong"
    return "relabel", one.label, f"a person: {one.answer}"


def _without_idle(found: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """A relabelling to the label that an image has keeps it."""
    now = rows.set_index("path")["label"].reindex(found["path"]).to_numpy(dtype=object)
    idle = (found["action"] == "relabel").to_numpy() & (found["label"].to_numpy(dtype=object) == now)
    action = np.where(idle, "keep", found["action"])
    label = found["label"].astype(object).mask(idle, None)
    return found.assign(action=action, label=label).reset_index(drop=True)


def _refuse_other_classes(found: pd.DataFrame, classes: frozenset[str]) -> None:
    new = found[(found["action"] == "relabel") & ~found["label"].isin(classes)]
    if len(new):
        first = new.iloc[0]
        near = did_you_mean(str(first["label"]), classes)
        raise UserError(
            f"{first['path']}: {first['reason']} names the class {first['label']!r}, of which there is no "
            f"training image{near}"
        )
