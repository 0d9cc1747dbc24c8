"""answers.jsonl: appended, read back, healed after a kill, damaged lines named."""

from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context

import pytest
from pydantic import ValidationError

from platform.config.errors import UserError
from platform.datasets.audit.answers import Answer, append_answers, latest, read_answers

NOW = datetime(2026, 11, 30, 21, 0, tzinfo=UTC)


def said(path, answer="right", label=None, *, undone=False, minutes=0):
    label = "robin" if answer == "right" else label
    return Answer(path=path, answer=answer, label=label, at=NOW + timedelta(minutes=minutes), undone=undone)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "answers.jsonl"


def test_a_line_has_the_fields_that_others_read_and_comes_back(file):
    answers = [said("a.jpg"), said("b.jpg", "wrong", "wren"), said("c ü\n.jpg", "off_topic")]
    append_answers(file, answers[:1])
    append_answers(file, answers[1:])
    first = file.read_text().splitlines()[0]
    assert first == '{"path":"a.jpg","answer":"right","label":"robin","at":"2026-11-30T21:00:00Z"}'
    assert read_answers(file) == answers


def test_the_last_line_of_an_image_counts_unless_it_was_taken_back():
    lines = [said("a"), said("b"), said("a", "unsure"), said("b", "unsure", undone=True), said("c")]
    found = latest(lines)
    assert list(found) == ["a", "c"]
    assert found["a"].answer == "unsure"


@pytest.mark.parametrize("cut", [1, 20, -2])
def test_half_a_line_is_passed_over_and_gone_after_the_next_answer(file, cut):
    append_answers(file, [said("a")])
    file.write_bytes(file.read_bytes() + said("b").line[:cut])
    assert read_answers(file) == [said("a")]
    append_answers(file, [said("c")])
    assert file.read_bytes() == said("a").line + said("c").line


def test_a_whole_last_line_without_its_end_is_kept(file):
    file.write_bytes(said("a").line + said("b").line.rstrip(b"\n"))
    assert read_answers(file) == [said("a"), said("b")]
    append_answers(file, [said("c")])
    assert read_answers(file) == [said("a"), said("b"), said("c")]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("no json", "is no answer: Invalid JSON"),
        ('{"path":"a","answer":"maybe","at":"2026-11-30T21:00:00Z"}', "is no answer: answer: "),
        ('{"path":"a","answer":"unsure","at":"2026-11-30T21:00:00"}', "is no answer: at: "),
        ('{"path":"a","answer":"right","at":"2026-11-30T21:00:00Z"}', "right needs the label"),
        ('{"path":"a","answer":"unsure","label":"x","at":"2026-11-30T21:00:00Z"}', "unsure has no label"),
    ],
)
def test_a_damaged_line_in_between_is_named(file, line, words):
    file.write_bytes(said("a").line + line.encode() + b"\n" + said("b").line)
    with pytest.raises(UserError, match=rf"answers\.jsonl:2: .*{words}"):
        read_answers(file)


def test_what_is_taken_back_is_unsure_for_other_readers():
    with pytest.raises(ValidationError, match="an undone answer is unsure"):
        said("a", "right", undone=True)
    assert b'"answer":"unsure","label":null' in said("a", "unsure", undone=True).line


def _append_many(file, name):
    for number in range(50):
        append_answers(file, [said(f"{name}{number}")])


def test_two_processes_append_without_mixing_their_lines(file):
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(_append_many, [file, file], ["a", "b"]))
    found = read_answers(file)
    assert len(found) == 100
    assert [one.path for one in found if one.path.startswith("a")] == [f"a{number}" for number in range(50)]


def test_a_full_disk_is_one_line_and_leaves_whole_lines(small_disk):
    file = small_disk("256k") / "answers.jsonl"
    append_answers(file, [said("a")])
    with pytest.raises(UserError, match="the disk is full"):
        append_answers(file, [said("b" * 1000) for _ in range(500)])
    assert read_answers(file) == [said("a")]
