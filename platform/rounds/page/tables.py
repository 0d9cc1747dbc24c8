"""What the page's tables and the command's last lines hold, a row a round."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from platform.rounds.ledger.records import ACTIONS, Action, Book, Round
from platform.rounds.page.headline import DONE_TO
from platform.tuning.terminal import duration


@dataclass(frozen=True)
class Cell:
    """``words``, and what stands smaller below; ``link``: where it leads, None for nowhere."""

    words: str
    below: str = ""
    link: str | None = None


@dataclass(frozen=True)
class ScoreRow:
    """What a round reached. ``kind``: "best", "gained", "none" or "first"."""

    number: int
    kind: str
    given: str
    clean: str
    test: str
    against: Cell
    why: str
    cost: Cell
    report: Cell


@dataclass(frozen=True)
class DataRow:
    """What a round learnt from; ``actions`` in the order of ACTIONS."""

    number: int
    labelled: str
    unlabelled: str
    wrong: str
    actions: list[Cell]
    audit: Cell


def score_rows(book: Book, folder: Path) -> list[ScoreRow]:
    return [_score_row(one, book, folder) for one in book.done]


def _score_row(one: Round, book: Book, folder: Path) -> ScoreRow:
    reached, decision, learnt = one.reached, one.decision, one.learnt
    assert reached is not None and decision is not None and learnt is not None
    kinds = {None: "first", True: "gained", False: "none"}
    is_best = book.best is not None and book.best.number == one.number
    against = Cell("–")
    if decision.difference is not None:
        interval = f"95% {decision.low:+.4f} to {decision.high:+.4f}"
        against = Cell(f"{decision.difference:+.4f} ± {decision.standard_error:.4f}", interval)
    hours = f", {reached.gpu_seconds / 3600:.2f} GPU hours" if reached.gpu_seconds else ""
    page = Path(reached.report) if reached.report else None
    return ScoreRow(
        number=one.number,
        kind="best" if is_best else kinds[decision.gained],
        given=f"{reached.accuracy:.4f}",
        clean=_figure(reached.clean),
        test="void" if reached.test_labels == "void" else _figure(reached.test),
        against=against,
        why=decision.why,
        cost=Cell(
            duration(reached.seconds + learnt.seconds),
            f"{reached.epochs:,} epochs{hours}; data {duration(learnt.seconds)}",
        ),
        report=Cell(reached.sweep, f"trial {reached.trial}", _link(page, folder)),
    )


def data_rows(book: Book, folder: Path) -> list[DataRow]:
    return [*_data_rows(book, folder)]


def _data_rows(book: Book, folder: Path) -> Iterator[DataRow]:
    for one in book.in_order:
        learnt = one.learnt
        if learnt is None:
            continue
        audit = folder / learnt.audit if learnt.audit else None
        yield DataRow(
            number=one.number,
            labelled=f"{learnt.labelled:,}",
            unlabelled=f"{learnt.unlabelled:,}",
            wrong="" if learnt.wrong is None else f"{learnt.wrong:.1%}",
            actions=[_action(learnt.actions.get(action, Action())) for action in ACTIONS],
            audit=Cell("audit" if audit else "", link=_link(audit, folder)),
        )


def _action(action: Action) -> Cell:
    if not action.count:
        return Cell("")
    below = "" if action.precision is None else f"precision {action.precision:.1%} of {action.known:,}"
    more = f" (+{action.new:,})" if action.new not in (0, action.count) else ""
    return Cell(f"{action.count:,}{more}", below)


def terminal_rows(book: Book) -> list[dict[str, str]]:
    """The rounds as text, a dict of column to cell for each."""
    rows = []
    for one in book.done:
        reached, learnt, decision = one.reached, one.learnt, one.decision
        assert reached is not None and learnt is not None and decision is not None
        row = {
            "round": str(one.number),
            reached.metric: f"{reached.value:.4f}",
            "true labels": _figure(reached.clean),
            "test": "void" if reached.test_labels == "void" else _figure(reached.test),
            "gain": "" if decision.difference is None else f"{decision.difference:+.4f}",
            "± error": "" if decision.standard_error is None else f"{decision.standard_error:.4f}",
        }
        row |= {words: f"{learnt.actions.get(action, Action()).count:,}" for action, words in DONE_TO.items()}
        rows.append(row | {"took": duration(reached.seconds + learnt.seconds)})
    empty = [name for name in (rows[0] if rows else ()) if all(row[name] in ("", "0", "–") for row in rows)]
    return [{name: cell for name, cell in row.items() if name not in empty} for row in rows]


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _link(page: Path | None, folder: Path) -> str | None:
    """Relative to the page; None if there is no such file."""
    if page is None or not page.exists():
        return None
    return quote(os.path.relpath(page, folder).replace(os.sep, "/"))
