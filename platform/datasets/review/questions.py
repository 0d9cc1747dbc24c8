"""Which images are reviewed, the most valuable first, with what is known of each."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

import numpy as np

from platform.config.errors import UserError
from platform.datasets.review.audited import Audited, rows_of
from platform.datasets.review.order import CHECK, UNCERTAIN, mixed, shares, stratified

Asked = Literal["wrong_label", "conflicting_labels", "off_topic", "sample"]
ASKED: Final[tuple[str, ...]] = get_args(Asked)
"""What a review may be about, in its order; ``sample`` is a random sample by class."""
SUGGESTED: Final = 5
RELABEL: Final = "relabel:"
_WORDS = {UNCERTAIN: "one of the least certain images", CHECK: "drawn at random, to check the scores"}


@dataclass(frozen=True)
class Question:
    """One image to review.

    Attributes:
        row: Of ``images.parquet``.
        label: As given.
        suggested: The class that the audit suggests for it; None if it suggests none.
        likely: Classes that it may show: the suggested one, then those often suggested for its label.
        why: Why it is asked about, for people.
    """

    row: int
    path: str
    label: str
    kind: Asked
    suggested: str | None
    likely: tuple[str, ...]
    why: str


def questions(audited: Audited, kind: Asked | None, most: int, answered: Collection[str]) -> list[Question]:
    """The review: ``most`` images that nobody has answered yet, or all there are, and the answered between.

    Without ``kind``: suspected labels first, then one picture under several labels, then off-topic images; a
    random sample by class where the audit has none of them. The order depends on the audit only, so that a
    review that is started again goes on where it was. Raises UserError for a kind that the audit lacks.
    """
    kinds: tuple[Asked, ...] = (kind,) if kind else ("wrong_label", "conflicting_labels", "off_topic")
    ahead = most + len(answered)
    found = {one: _once(_OF_KIND[one](audited, ahead)) for one in kinds}
    if kind is None and not any(found.values()):
        found = {"sample": list(_sampled(audited, ahead))}
    if not any(found.values()):
        raise UserError(_nothing(audited, kind))
    taken: set[int] = set()
    for one, several in found.items():
        found[one] = [each for each in several if each.row not in taken]
        taken |= {each.row for each in several}
    fresh = [sum(each.path not in answered for each in several) for several in found.values()]
    chosen: list[Question] = []
    for several, number in zip(found.values(), shares(most, fresh), strict=True):
        chosen += _until(several, number, answered)
    return _with_likely_classes(audited, chosen)


def _until(several: list[Question], fresh: int, answered: Collection[str]) -> Iterator[Question]:
    """The first ``fresh`` that nobody has answered, and the answered ones before the last of them."""
    left = fresh
    waiting: list[Question] = []
    for each in several:
        waiting.append(each)
        if each.path in answered:
            continue
        if left == 0:
            return
        left -= 1
        yield from waiting
        waiting = []
    yield from (each for each in waiting if each.path in answered)


def _once(several: Iterator[Question]) -> list[Question]:
    return list({each.row: each for each in reversed(list(several))}.values())[::-1]


def _suspected(audited: Audited, ahead: int) -> Iterator[Question]:
    """By the scores; by the findings alone where there are no scores."""
    if audited.scores is None or audited.scores.empty:
        yield from _found(audited, "wrong_label", ahead)
        return
    scores = audited.scores.assign(row=rows_of(audited, audited.scores["path"]))
    is_asked = audited.can_be_asked[scores["row"].to_numpy()] & (scores["row"] >= 0).to_numpy()
    scores = scores[is_asked & scores["p_wrong"].notna().to_numpy()].reset_index(drop=True)
    reasons = _reasons(audited)
    p_wrong_N = scores["p_wrong"].to_numpy(dtype=np.float64)
    for place, purpose in mixed(p_wrong_N, ahead):
        row = int(scores["row"].iat[place])
        path = audited.paths[row]
        why = reasons.get(path, f"the label is wrong with a probability of {p_wrong_N[place]:.2f}")
        if purpose in _WORDS:
            why = f"{why}; {_WORDS[purpose]}"
        yield _question(audited, row, "wrong_label", (scores["suggested"].iat[place],), why)


def _conflicting(audited: Audited, ahead: int) -> Iterator[Question]:
    """Group by group; the labels of the others in its group are suggested."""
    issues = audited.issues[audited.issues["kind"] == "conflicting_labels"].head(ahead)
    issues = issues.assign(row=rows_of(audited, issues["path"]))
    issues = issues[issues["row"] >= 0]
    for _, group in issues.groupby(issues["group"].fillna(""), sort=False):
        others = tuple(dict.fromkeys(str(audited.labels[row]) for row in group["row"]))
        for row, suggestion, why in zip(group["row"], group["suggestion"], group["why"], strict=True):
            if audited.can_be_asked[row]:
                suggested = (_relabel(suggestion), *others)
                yield _question(audited, int(row), "conflicting_labels", suggested, str(why))


def _off_topic(audited: Audited, ahead: int) -> Iterator[Question]:
    yield from _found(audited, "off_topic", ahead)


def _found(audited: Audited, kind: Literal["wrong_label", "off_topic"], ahead: int) -> Iterator[Question]:
    issues = audited.issues[audited.issues["kind"] == kind].head(ahead)
    for row, suggestion, why in zip(
        rows_of(audited, issues["path"]), issues["suggestion"], issues["why"], strict=True
    ):
        if row >= 0 and audited.can_be_asked[row]:
            yield _question(audited, int(row), kind, (_relabel(suggestion),), str(why))


def _sampled(audited: Audited, ahead: int) -> Iterator[Question]:
    rows_N = np.flatnonzero(audited.can_be_asked & audited.is_train)
    why = "drawn at random, each class by its share of the training images"
    for place in stratified(audited.codes[rows_N])[:ahead]:
        yield _question(audited, int(rows_N[place]), "sample", (), why)


_OF_KIND = {
    "wrong_label": _suspected,
    "conflicting_labels": _conflicting,
    "off_topic": _off_topic,
    "sample": _sampled,
}


def _question(
    audited: Audited, row: int, kind: Asked, suggested: tuple[str | None, ...], why: str
) -> Question:
    label = str(audited.labels[row])
    known = [one for one in dict.fromkeys(suggested) if isinstance(one, str) and one != label]
    likely = tuple(_in_classes(audited, known))
    return Question(row, str(audited.paths[row]), label, kind, likely[0] if likely else None, likely, why)


def _with_likely_classes(audited: Audited, chosen: list[Question]) -> list[Question]:
    """After what is suggested for an image: what is suggested most often for images of its label."""
    if audited.scores is None:
        return chosen
    frequent: dict[str, list[str]] = {}
    scores = audited.scores[["label", "suggested"]].dropna()
    scores = scores[scores["label"].isin({each.label for each in chosen})]
    for label, suggested in scores.groupby("label")["suggested"]:
        frequent[str(label)] = [str(one) for one in suggested.value_counts().index[:SUGGESTED]]
    return [
        replace(each, likely=_joined(each, _in_classes(audited, frequent.get(each.label, []))))
        for each in chosen
    ]


def _joined(each: Question, likely: list[str]) -> tuple[str, ...]:
    names = dict.fromkeys([*each.likely, *likely])
    return tuple(name for name in names if name != each.label)[:SUGGESTED]


def _in_classes(audited: Audited, names: list[str]) -> list[str]:
    return [name for name in names if name in audited.known_classes]


def _relabel(suggestion: str | None) -> str | None:
    if not isinstance(suggestion, str) or not suggestion.startswith(RELABEL):
        return None
    return suggestion.removeprefix(RELABEL)


def _reasons(audited: Audited) -> dict[str, str]:
    """Path -> the sentence of its finding ``wrong_label``."""
    found = audited.issues[audited.issues["kind"] == "wrong_label"]
    return dict(zip(found["path"], found["why"], strict=True))


def _nothing(audited: Audited, kind: Asked | None) -> str:
    folder = audited.folder.path
    if kind in (None, "sample"):
        return f"{folder}: no training image has a label and can be read, so that there is none to review"
    there = [one for one in ASKED[:-1] if (audited.issues["kind"] == one).any()]
    if audited.scores is not None and "wrong_label" not in there:
        there.insert(0, "wrong_label")
    others = ", ".join([*there, "sample"])
    return f"--kind {kind}: {folder} has no such finding; this audit can be reviewed for: {others}"
