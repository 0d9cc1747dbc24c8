"""The stage on a folder with planted copies, placeholders, leaks, flat and damaged files."""

import numpy as np
import pytest
from PIL import Image

from platform.config.errors import UserError
from platform.datasets.audit.copies.stage import find_copies
from platform.datasets.audit.folder import AuditFolder
from platform.datasets.audit.scan.one_image import READING


def test_equal_files_are_duplicates(copied):
    found = copied.findings("duplicate")
    assert found.loc["train/a/same_bytes.jpg", "why"] == "same bytes as train/a/00.jpg"
    # the PNG has more bytes, so it is the one to keep
    assert found.loc["train/a/01.jpg", "suggestion"] == "merge:train/a/same_pixels.png"
    assert found.loc["train/a/01.jpg", "why"] == "same pixels as train/a/same_pixels.png"
    gone = found[found.index.str.endswith("gone.png")]
    assert set(gone["suggestion"]) == {"merge:train/a/gone.png"} and len(gone) == 3
    assert set(found["score"]) == {1.0} and len(found) == 5


@pytest.mark.parametrize(
    ("path", "original", "kind"),
    [
        ("train/a/resized.jpg", "train/a/02.jpg", "resized"),
        ("train/b/cropped.jpg", "train/b/08.jpg", "cropped"),
        ("train/c/12.jpg", "train/d/bordered_with_other_label.jpg", "bordered"),
    ],
)
def test_a_near_duplicate_says_what_was_done_to_it(copied, path, original, kind):
    found = copied.findings("near_duplicate").loc[path]
    assert found["why"].startswith(f"copy of {original} ({kind}): edges correlate to 0.9")
    assert found["suggestion"] == f"merge:{original}"
    assert 0.9 <= found["score"] <= 1 and found["score"] >= copied.notes["threshold"]


def test_a_mirrored_copy_in_train_leaks_the_test_image(copied):
    found = copied.findings("leak")
    assert set(found.index) == {"test/b/07.jpg", "train/b/mirrored_of_test.jpg"}
    assert found.loc["train/b/mirrored_of_test.jpg", "suggestion"] == "drop"
    assert found.loc["test/b/07.jpg", "suggestion"] == "look"
    near = copied.findings("near_duplicate").loc["train/b/mirrored_of_test.jpg"]
    assert "(mirrored)" in near["why"] and near["suggestion"] == "look"
    assert copied.notes["splits"] == "test, train"


def test_one_picture_under_two_labels_and_one_under_many(copied):
    conflict, placeholder = copied.findings("conflicting_labels"), copied.findings("placeholder")
    assert set(conflict.index) == {"train/c/12.jpg", "train/d/bordered_with_other_label.jpg"}
    assert set(conflict["suggestion"]) == {"unlabel"}
    assert set(placeholder.index) == {f"train/{name}/gone.png" for name in "abcd"}
    assert set(placeholder["suggestion"]) == {"drop"}


def test_flat_and_damaged_files_are_no_copies_of_one_another(copied):
    issues = copied.folder.issues()
    assert not issues["path"].str.contains("flat|broken").any()
    assert copied.notes["images of one colour"] == 8
    assert copied.notes["largest group"] == 4


def test_no_other_pictures_are_called_copies(copied):
    groups = copied.folder.issues().dropna(subset=["group"]).groupby("group")["path"].apply(set)
    assert copied.notes["groups"] == len(groups) == 7
    assert len(copied.findings("near_duplicate")) == 4


def test_the_notes_say_what_the_threshold_is_worth(copied):
    recalls = {name: share for name, share in copied.notes.items() if name.startswith("recall of planted: ")}
    assert len(recalls) == 7 and min(recalls.values()) >= 0.9
    # the bordered copy has another label, so that it is among the pairs of other classes
    assert copied.notes["false rate of random pairs"] < 0.01 and copied.notes["random pairs"] > 100
    assert copied.notes["false rate of nearest pairs"] < 0.3
    assert copied.notes["same scene"] == "no embeddings: not looked for"


def test_the_same_tables_give_the_same_findings_to_the_byte(copied):
    before = copied.folder.findings_file("copies").read_bytes()
    assert find_copies(copied.folder, copied.source, READING) == copied.notes
    assert copied.folder.findings_file("copies").read_bytes() == before


def test_a_table_of_other_images_is_one_line(copied, tmp_path):
    other = AuditFolder(tmp_path)
    other.images_file.write_bytes(copied.folder.images_file.read_bytes())
    with pytest.raises(UserError, match=r"thumbnails.parquet: is missing: run the audit again$"):
        find_copies(other, copied.source, READING)
    other.thumbnails_file.write_bytes(copied.folder.thumbnails_file.read_bytes())
    np.save(other.embeddings_file, np.zeros((3, 4), np.float16))
    with pytest.raises(UserError, match=r"embeddings.npy: has 3 rows, images.parquet has 5\d: run"):
        find_copies(other, copied.source, READING)


def test_a_folder_of_flat_pictures_alone_has_no_groups(tmp_path, audited_files):
    for number in range(6):
        file = tmp_path / "photos" / "train" / "ab"[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (60 + number, 60), (9, 9, 9)).save(file)
    source, folder = audited_files(tmp_path / "photos", tmp_path / "audit")
    notes = find_copies(folder, source, READING)
    assert (notes["groups"], notes["images of one colour"], notes["pairs compared on pixels"]) == (0, 6, 0)
    assert notes["splits"] == "the source has no splits of its own: nothing can leak"
    assert folder.issues().empty
