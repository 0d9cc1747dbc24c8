"""Which images are asked about, with which classes and examples."""

import pytest

from platform.config.errors import UserError
from platform.datasets.audit.answers import latest, read_answers
from platform.datasets.audit.findings import Finding
from platform.datasets.audit.folder import read_table, write_table
from platform.datasets.audit.record import read_audit, write_audit
from platform.datasets.review.audited import open_audit
from platform.datasets.review.examples import EXAMPLES, examples
from platform.datasets.review.questions import questions
from platform.datasets.review.session import Given, open_review
from tests.datasets.review.made_audit import make_audit

PAIR = ("robin/ro001.jpg", "great tit/gr002.jpg")
FINDINGS = [
    *(Finding(path, "conflicting_labels", 1.0, "the same picture", group="g1") for path in PAIR),
    Finding("blue tit/bl001.jpg", "off_topic", 0.8, "far from its class"),
]


@pytest.fixture
def made(tmp_path):
    return make_audit(tmp_path, findings=FINDINGS)


def test_suspects_come_first_then_conflicts_then_off_topic_and_no_image_twice(made):
    found = questions(open_audit(made.folder.path), None, 20, set())
    kinds = [one.kind for one in found]
    assert kinds == sorted(kinds, key=["wrong_label", "conflicting_labels", "off_topic"].index)
    assert len(found) == 20
    assert len({one.path for one in found}) == 20
    assert {one.path for one in found if one.kind == "conflicting_labels"} <= set(PAIR)
    first = found[0]
    assert first.suggested == made.truth[first.path] != first.label
    assert first.why.startswith("margin ")
    assert first.likely[0] == first.suggested
    assert any(one.suggested is None and one.likely for one in found if one.kind == "wrong_label")


def test_conflicting_labels_suggest_those_of_the_group(made):
    found = {one.path: one for one in questions(open_audit(made.folder.path), "conflicting_labels", 9, set())}
    assert {path: one.suggested for path, one in found.items()} == {
        PAIR[0]: "great tit",
        PAIR[1]: "robin",
    }


def test_a_review_that_is_started_again_goes_on_with_the_answered_before(made):
    review = open_review(made.folder.path, None, 10)
    for one in review.questions[:4]:
        review.save(Given(path=one.path, answer="right", label=one.label))
    again = open_review(made.folder.path, None, 10)
    said = latest(read_answers(again.file))
    assert again.questions[:4] == review.questions[:4]
    assert sum(one.path not in said for one in again.questions) == 10
    assert len(again.questions) <= 14


def test_without_scores_it_is_a_random_sample_by_class(tmp_path):
    made = make_audit(tmp_path, with_scores=False)
    found = questions(open_audit(made.folder.path), None, 12, set())
    assert {one.kind for one in found} == {"sample"}
    assert sorted(one.label for one in found) == sorted(["blue tit", "great tit", "robin"] * 4)
    assert "at random" in found[0].why


def test_images_that_cannot_be_read_or_have_no_label_are_not_asked_about(made):
    images = read_table(made.folder.images_file)
    images.loc[images["label"] == "robin", "readable"] = False
    images.loc[images["label"] == "blue tit", "label"] = None
    write_table(made.folder.images_file, images)
    audited = open_audit(made.folder.path)
    for kind in ("wrong_label", "sample"):
        assert {one.label for one in questions(audited, kind, 100, set())} == {"great tit"}


def test_a_kind_that_the_audit_lacks_is_answered_with_those_it_has(tmp_path):
    made = make_audit(tmp_path, findings=FINDINGS[:2])
    audited = open_audit(made.folder.path)
    with pytest.raises(UserError, match=r"--kind off_topic: .*wrong_label, conflicting_labels, sample$"):
        questions(audited, "off_topic", 10, set())


def test_examples_show_their_class_and_have_no_findings(made):
    audited = open_audit(made.folder.path)
    found = examples(audited, {})
    assert [len(rows) for rows in found] == [EXAMPLES] * 3
    for name, rows in zip(audited.classes, found, strict=True):
        assert {made.truth[audited.paths[row]] for row in rows} == {name}
        assert not {audited.paths[row] for row in rows} & {one.path for one in FINDINGS}


def test_what_a_person_called_right_is_an_example_first_and_what_was_wrong_last(made):
    review = open_review(made.folder.path, None, 10)
    row = review.examples[2][0]
    path = str(review.audited.paths[row])
    review.save(Given(path=path, answer="wrong", label=None))
    review.save(Given(path="robin/ro001.jpg", answer="right", label="robin"))
    (first, *others) = open_review(made.folder.path, None, 10).examples[2]
    assert review.audited.paths[first] == "robin/ro001.jpg"
    assert row not in others


def other_data(**data):
    def damage(folder):
        write_audit(folder, read_audit(folder).model_copy(update={"data": data}))

    return damage


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: folder.record_file.unlink(), r"audit\.json: is missing: .* is no audit"),
        (lambda folder: folder.record_file.write_text("{"), r"audit\.json: cannot be read"),
        (other_data(source=3), r"audit\.json: data\.source: "),
        (other_data(source="gone"), "gone does not exist"),
        (lambda folder: folder.images_file.unlink(), r"images\.parquet: is missing"),
    ],
)
def test_what_is_no_audit_is_one_line(made, damage, words):
    damage(made.folder)
    with pytest.raises(UserError, match=words) as error:
        open_audit(made.folder.path)
    assert "\n" not in str(error.value)
