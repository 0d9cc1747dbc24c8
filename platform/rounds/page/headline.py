"""What rounds came to, in sentences: which round is the best, and what gained nothing."""

from collections.abc import Iterator

from platform.rounds.ledger.records import ACTIONS, Action, Book, Learnt, Round
from platform.rounds.measuring.decide import end_of
from platform.rounds.plan.rounds_config import RoundsConfig

DONE_TO = {
    "drop": "dropped",
    "merge": "merged",
    "relabel": "relabelled",
    "unlabel": "unlabelled",
    "weight": "weighted",
    "pseudo_label": "pseudo-labelled",
}
"""How an action is told of images."""
assert tuple(DONE_TO) == ACTIONS


def answer(book: Book) -> str:
    """The page's first line."""
    best, done = book.best, book.done
    if best is None or best.reached is None:
        return "No round has ended yet"
    value = f"{best.reached.metric} {best.reached.value:.4f}"
    if len(done) == 1:
        return f"Round 1 reached {value}"
    if best.number == 1:
        return f"No round gained beyond noise: round 1 stays the best ({value})"
    first = done[0].reached
    assert first is not None
    return f"Round {best.number} is the best: {value}, {best.reached.value - first.value:+.4f} since round 1"


def sentences(book: Book, config: RoundsConfig) -> Iterator[str]:
    """What came of each round, and how it goes on."""
    for one in book.done:
        yield _of_round(one)
    last = book.last
    if last is not None and last.state == "running":
        yield f"Round {last.number} is not at its end."
    elif (why := end_of(book, config)) is not None:
        yield f"It ended: {why}."
    if book.best is not None and book.best.reached is not None:
        yield f"Use the sweep {book.best.reached.sweep}."


def _of_round(one: Round) -> str:
    assert one.learnt is not None and one.decision is not None
    did = done_to(one.learnt)
    if one.decision.gained is None:
        return "Round 1 learnt from the labels as they are given."
    how = f"{did} since round 1" if did else "the same data as round 1"
    if one.learnt.teacher:
        how += f", taught by {one.learnt.teacher}"
    end = (
        ""
        if one.decision.gained
        else (". What was done to the data gained nothing beyond noise" if did else "")
    )
    return f"Round {one.number} ({how}): {one.decision.why}{end}."


def done_to(learnt: Learnt) -> str:
    """ "12 dropped, 3 relabelled"; "" where nothing was done."""
    counts = [(learnt.actions.get(action, Action()).count, words) for action, words in DONE_TO.items()]
    return ", ".join(f"{count:,} {words}" for count, words in counts if count)


def caveats(book: Book) -> Iterator[str]:
    """What a reader must know before he believes a figure."""
    if any(one.reached and one.reached.test_labels == "void" for one in book.done):
        yield (
            "Test images were learnt from (pseudo_label.test), so that test says nothing of those rounds any "
            "more: no test accuracy is shown for them."
        )
    if book.done and all(one.reached and one.reached.clean is None for one in book.done):
        yield (
            "True labels of validation are not known: all figures are by given labels, of which some may be "
            "wrong, and precision of what was done is not known."
        )
    if len({one.settings for one in book.done if one.number > 1}) > 1:
        yield "Settings, space or policy were changed between rounds: a gain may be theirs."
