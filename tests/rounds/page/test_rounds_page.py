"""The page across rounds says which round is the best, and plainly where nothing was gained."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import pytest

from platform.rounds.ledger.records import Book
from platform.rounds.page.headline import answer, caveats, done_to, sentences
from platform.rounds.page.render import render
from platform.rounds.page.tables import terminal_rows
from tests.rounds.made_rounds import BEGUN, made_book, made_config, made_round


def page(book, folder=Path("rounds/birds"), **config):
    now = datetime(2026, 11, 30, 22, 0, tzinfo=UTC)
    return render(made_config(**config), Path("birds.yaml"), book, folder, now)


def words_of(html):
    text = re.sub(r"<(style|svg).*?</\1>", " ", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


@pytest.mark.parametrize(
    ("book", "words"),
    [
        (Book(), "No round has ended yet"),
        (made_book(), "Round 1 reached val/accuracy 0.7000"),
        (
            made_book(False),
            "No round gained beyond noise: round 1 stays the best (val/accuracy 0.7000)",
        ),
        (made_book(True), "Round 2 is the best: val/accuracy 0.7200, +0.0200 since round 1"),
    ],
)
def test_the_first_line_names_the_best_round(book, words):
    assert answer(book) == words


def test_a_round_that_gained_nothing_says_so_of_what_was_done():
    found = [*sentences(made_book(False), made_config())]
    assert found == [
        "Round 1 learnt from the labels as they are given.",
        "Round 2 (12 dropped, 40 relabelled, 1,200 pseudo-labelled since round 1): within noise. What was "
        "done to the data gained nothing beyond noise.",
        "It ended: the last round gained nothing beyond noise.",
        "Use the sweep birds-round-1.",
    ]
    assert "gained nothing" not in [*sentences(made_book(True), made_config())][1]


def test_what_keeps_one_from_knowing_is_said_first():
    book = made_book(True)
    assert [*caveats(book)] == []
    void = replace(book.rounds[2].reached, test=None, test_labels="void")
    learnt_from_test = replace(book, rounds={**book.rounds, 2: replace(book.rounds[2], reached=void)})
    assert "Test images were learnt from" in " ".join(caveats(learnt_from_test))
    assert "void" in words_of(page(learnt_from_test))
    unknown = {
        number: replace(one, reached=replace(one.reached, clean=None)) for number, one in book.rounds.items()
    }
    assert "True labels of validation are not known" in " ".join(caveats(replace(book, rounds=unknown)))
    other = replace(book, rounds={**book.rounds, 3: made_round(3, True, settings="other")})
    assert "changed between rounds" in [*caveats(other)][-1]


def test_the_page_has_each_figure_of_the_ledger(tmp_path):
    words = words_of(page(made_book(True), tmp_path))
    for shown in (
        "0.7200",
        "0.9200",
        "0.8200",
        "+0.0200 ± 0.0100",
        "95% +0.0010 to +0.0390",
        "2 min 20 s",
        "48 epochs; data 1 min 15 s",
        "precision 90.0% of 10",
        "precision 75.0% of 40",
        "1,200 (+100)",
        "1,000 train, 200 val, 300 test images",
        "Test is shown and never used to choose.",
        "True labels are shown; they reach no method, no policy and no decision.",
    ):
        assert shown in words, shown


def test_validation_by_true_labels_is_said():
    book = replace(made_book(), begun=replace(BEGUN, section='{"val_label": "clean"}'))
    assert "Validation compares with true labels, as data.val_label says" in words_of(page(book))


def test_what_was_undone_is_listed_and_an_open_round_is_no_result():
    book = replace(
        made_book(True),
        undone=(made_round(3, False, state="undone", moved_to="undone/round-3"),),
    )
    assert "Taken back: round 3 (undone/round-3)." in words_of(page(book))
    opened = replace(book, rounds={**book.rounds, 3: made_round(3, None, state="running", decision=None)})
    assert "Round 3 is not at its end." in words_of(page(opened))


def test_the_page_loads_nothing_and_escapes_what_comes_from_outside(tmp_path):
    evil = replace(made_round(2, True), reached=replace(made_round(2, True).reached, sweep="<img src=x>"))
    html = page(replace(made_book(True), rounds={1: made_round(1, None), 2: evil}), tmp_path)
    assert "<img" not in html and "&lt;img src=x&gt;" in html
    assert "default-src 'none'; script-src 'none'" in unescape(html)
    assert not re.search(r"(?:src|href)=[\"']?https?:", html)


def test_the_terminals_table_leaves_out_what_no_round_has():
    rows = terminal_rows(made_book(True))
    assert [row["round"] for row in rows] == ["1", "2"]
    assert rows[1]["gain"] == "+0.0200" and rows[0]["gain"] == ""
    assert {"dropped", "relabelled", "pseudo-labelled"} <= rows[0].keys()
    assert not {"merged", "unlabelled", "weighted"} & rows[0].keys()
    assert done_to(made_round(1, None).learnt) == ""
