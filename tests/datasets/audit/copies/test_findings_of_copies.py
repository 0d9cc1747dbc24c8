"""What follows from groups of copies: who is kept, labels that contradict, placeholders, leaks."""

import pandas as pd
import pytest

from platform.datasets.audit.copies.copy_groups import Copy
from platform.datasets.audit.copies.findings_of_copies import duplicates, label_findings, leaks


def group(*images: tuple[str, str | None], **scores: float) -> list[Copy]:
    """Copies of the first image, equal to it but those whose name has a score."""
    splits = [path.split("/")[0] for path, _ in images]
    return [
        Copy(
            image=place,
            path=path,
            label=label,
            split=splits[place],
            group="copies-000001",
            centre=0,
            equal=place if path.split("/")[1] in scores else 0,
            score=scores.get(path.split("/")[1], 1.0),
            kind="mirrored" if path.split("/")[1] in scores else "same pixels",
            keep=splits.index(splits[place]),
        )
        for place, (path, label) in enumerate(images)
    ]


def table(copies: list[Copy]) -> pd.DataFrame:
    digests = ["same" if copy.equal == 0 else copy.path for copy in copies]
    return pd.DataFrame({"path": [copy.path for copy in copies], "sha256": digests})


def suggestions(findings) -> dict[str, str]:
    return {finding.path: finding.suggestion for finding in findings}


def test_copies_are_merged_into_the_best_of_their_split():
    copies = group(("train/a", "x"), ("train/b", "x"), ("train/c", "x"), c=0.93)
    same, near = duplicates([copies], table(copies), 0.9)
    assert (same.kind, same.score, same.suggestion) == ("duplicate", 1.0, "merge:train/a")
    assert same.why == "same bytes as train/a"
    assert (near.kind, near.score, near.suggestion) == ("near_duplicate", 0.93, "merge:train/a")
    assert near.why == ("copy of train/a (mirrored): edges correlate to 0.930, those of copies do from 0.900")


def test_no_copy_is_merged_into_an_image_of_another_split():
    copies = group(("test/a", "x"), ("train/b", "x"), ("train/c", "x"), ("train/d", "x"), d=0.95)
    found = suggestions(duplicates([copies], table(copies), 0.9))
    assert found == {"train/b": "look", "train/c": "merge:train/b", "train/d": "look"}


def test_the_same_picture_under_two_labels():
    copies = group(("train/a", "cat"), ("train/b", "dog"), ("test/c", "dog"), ("train/d", None))
    found = list(label_findings([copies]))
    assert suggestions(found) == {"train/a": "unlabel", "train/b": "unlabel", "test/c": "look"}
    assert {finding.kind for finding in found} == {"conflicting_labels"}
    assert found[0].why == "one picture in 3 files under 2 labels (dog 2, cat 1)"


def test_a_clear_majority_of_the_copies_says_the_label():
    copies = group(("train/a", "cat"), ("train/b", "cat"), ("train/c", "cat"), ("train/d", "dog"))
    found = suggestions(label_findings([copies]))
    assert found == {"train/a": "look", "train/b": "look", "train/c": "look", "train/d": "relabel:cat"}


@pytest.mark.parametrize(
    ("labels", "kind"),
    [("ab", "conflicting_labels"), ("abc", "conflicting_labels"), ("aabb", "conflicting_labels"),
     ("abcc", "placeholder"), ("abcdef", "placeholder")],
)  # fmt: skip
def test_one_picture_in_four_files_of_three_classes_is_a_placeholder(labels, kind):
    copies = group(*((f"train/{place}", label) for place, label in enumerate(labels)))
    found = list(label_findings([copies]))
    assert {finding.kind for finding in found} == {kind} and len(found) == len(labels)
    if kind == "placeholder":
        assert {finding.suggestion for finding in found} == {"drop"}


def test_labels_that_agree_are_no_finding():
    assert list(label_findings([group(("train/a", "cat"), ("train/b", "cat"), ("train/c", None))])) == []


def test_of_a_leak_the_training_copy_goes():
    copies = group(("test/a", "x"), ("train/b", "x"), ("train/c", "x"), c=0.93)
    test, equal, near = leaks([copies])
    assert (test.kind, test.score, test.suggestion) == ("leak", 1.0, "look")
    assert test.why == "the same pixels are in train, as train/b"
    assert (equal.score, equal.suggestion, equal.why) == (
        1.0,
        "drop",
        "the same pixels are in test, as test/a",
    )
    assert (near.score, near.suggestion, near.why) == (0.93, "drop", "a near copy is in test, as test/a")


def test_between_val_and_test_a_person_decides():
    assert suggestions(leaks([group(("val/a", "x"), ("test/b", "x"))])) == {"val/a": "look", "test/b": "look"}
    assert list(leaks([group(("train/a", "x"), ("train/b", "x"))])) == []
