"""Answers of the page and of files: checked, saved, counted."""

import json
import shlex

import pytest

from platform.config.errors import UserError
from platform.data.audit import parser_of_audit
from platform.data.source_argument import data_of
from platform.datasets.audit.answers import latest, read_answers
from platform.datasets.review.audited import open_audit
from platform.datasets.review.session import Given, Refused, open_review
from platform.datasets.review.summary import Counts, wilson
from platform.datasets.review.take import Taken, take
from tests.datasets.review.made_audit import make_audit


@pytest.fixture
def made(tmp_path):
    return make_audit(tmp_path)


@pytest.fixture
def answers_file(tmp_path):
    def write(*lines):
        file = tmp_path / "answers.jsonl"
        file.write_text("".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in lines))
        return file

    return write


def line(path, answer="right", label="robin", at="2026-11-30T21:00:00.000Z", **more):
    return {"path": path, "answer": answer, "label": label, "at": at, **more}


def test_an_answer_is_on_the_disk_before_the_page_hears_of_it(made):
    review = open_review(made.folder.path, None, 10)
    one = review.questions[0]
    news = review.save(Given(path=one.path, answer="wrong", label=one.suggested))
    (written,) = read_answers(review.file)
    assert (written.path, written.answer, written.label) == (one.path, "wrong", one.suggested)
    assert news["lines"] == [{"path": one.path, "answer": "wrong", "label": one.suggested, "undone": False}]
    assert review.save(Given(path=one.path, answer="unsure", known=1))["start"] == 1
    assert review.save(Given(path=one.path, answer="unsure", known=99))["start"] == 0


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"path": "robin/../../secret.jpg", "answer": "unsure"}, "no image of this audit"),
        ({"path": "/etc/passwd", "answer": "unsure"}, "no image of this audit"),
        ({"path": "robin/ro001.jpg", "answer": "wrong", "label": "wren"}, "'wren' is no class of this audit"),
        ({"path": "robin/ro001.jpg", "answer": "wrong", "label": "robin"}, "is the given label"),
        ({"path": "robin/ro001.jpg", "answer": "right"}, "right needs the label"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_and_not_written(made, given, why):
    review = open_review(made.folder.path, None, 10)
    with pytest.raises(Refused, match=why):
        review.save(Given(**given))
    assert not review.file.exists()


def test_a_file_is_taken_once_and_later_answers_stay(made, answers_file):
    audited = open_audit(made.folder.path)
    file = answers_file(line("robin/ro001.jpg"), line("robin/ro002.jpg", "wrong", None))
    assert take(audited, file) == Taken(new=2, known=0, older=0)
    assert take(audited, file) == Taken(new=0, known=2, older=0)
    older = answers_file(line("robin/ro001.jpg", "unsure", None, "2026-11-29T21:00:00Z"))
    assert take(audited, older) == Taken(new=0, known=0, older=1)
    newer = answers_file(line("robin/ro002.jpg", "unsure", None, "2026-12-01T21:00:00Z", undone=True))
    assert take(audited, newer) == Taken(new=1, known=0, older=0)
    assert list(latest(read_answers(made.folder.answers_file))) == ["robin/ro001.jpg"]


def test_a_file_with_mistakes_is_a_line_each_and_nothing_is_taken(made, answers_file):
    lines = [line("robin/ro001.jpg"), line("gone.jpg"), "half a li", line("robin/ro002.jpg", "wrong", "wren")]
    file = answers_file(*lines)
    with pytest.raises(UserError) as error:
        take(open_audit(made.folder.path), file)
    said = str(error.value).splitlines()
    assert [one.removeprefix(f"{file}:").partition(" ")[0] for one in said] == ["2:", "3:", "4:"]
    assert said[0].endswith("path: 'gone.jpg' is no image of this audit")
    assert not made.folder.answers_file.exists()
    with pytest.raises(UserError, match="holds no answers"):
        take(open_audit(made.folder.path), answers_file())


def test_the_end_says_counts_the_interval_and_what_to_run(made):
    review = open_review(made.folder.path, None, 60)
    assert review.end() == [f"reviewed 0 images of {made.folder.path}"]
    for number, one in enumerate(review.questions[:12]):
        is_wrong = number < 2
        label = None if is_wrong else one.label
        review.save(Given(path=one.path, answer="wrong" if is_wrong else "right", label=label))
    review.save(Given(path=review.questions[12].path, answer="off_topic"))
    review.save(Given(path=review.questions[13].path, answer="unsure"))
    counts, share, more, command = review.end()
    assert counts.endswith("10 right, 2 wrong, 1 off-topic, 1 unsure")
    assert share.startswith("the label is wrong in 3 of 13 (23.1%, 95 % interval 8.2% to 50.3%)")
    assert more.startswith("36 more answers")
    assert command.endswith(f"clean {made.folder.path} --policy policy.yaml")
    for one in review.questions[14:]:
        review.save(Given(path=one.path, answer="right", label=one.label))
    audit, clean = (line.split("platform.data ")[1] for line in review.end()[2:])
    assert audit == f"""audit {made.photos} 'data.label="given"' --out {made.folder.path}"""
    assert clean.startswith("clean ")
    options = parser_of_audit().parse_intermixed_args(shlex.split(audit)[1:])
    assert data_of(options.source, options.overrides) == review.audited.data


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
        (10, 10, 0.7225, 1.0),
        (30, 200, 0.1071, 0.2061),
        (0, 0, 0, 1),
    ],
)
def test_the_interval_is_wilsons(hits, total, low, high):
    assert wilson(hits, total) == pytest.approx((low, high), abs=1e-4)
    assert Counts(right=total - hits, wrong=hits).mislabelled == hits
