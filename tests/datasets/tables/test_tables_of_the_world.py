"""Tables as people have them: commas, identifiers, labels that look alike, flags, paths of Windows."""

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from platform.datasets.data_config import DataConfig
from platform.datasets.errors import DataError
from platform.datasets.preparation.listing import list_images
from platform.datasets.sources.source import open_source
from platform.datasets.tables.table_files import read_table

IMAGES = [f"images/{number}.png" for number in range(6)]


@pytest.fixture
def images(tmp_path, save_image):
    for path in IMAGES:
        save_image(tmp_path / path)
    return tmp_path


def csv_of(folder, labels, header="path,label"):
    lines = [f"{path},{label}" for path, label in zip(IMAGES, labels, strict=True)]
    (folder / "labels.csv").write_text("\n".join([header, *lines]), encoding="utf-8")
    return folder / "labels.csv"


def rows(table, **fields):
    return list_images(DataConfig.model_validate({"source": str(table), **fields})).rows


def remarks(table, **fields):
    return list_images(DataConfig.model_validate({"source": str(table), **fields})).remarks


@pytest.mark.parametrize("first", [0, 3])
def test_unquoted_commas_are_refused_with_their_line(images, first):
    labels = ["Roe"] * first + ["Doe, Jane", "Doe, John"] * 3
    with pytest.raises(DataError, match=rf"3 values in line {first + 2}, the header has 2; quote"):
        rows(csv_of(images, labels[:6]))
    assert set(rows(csv_of(images, ['"Doe, Jane"', '"Doe, John"'] * 3))["label"]) == {
        "Doe, Jane",
        "Doe, John",
    }


def test_empty_values_at_the_end_of_lines_and_blank_lines_say_nothing(images):
    (images / "labels.csv").write_text(
        "path,label\n\n" + "\n".join(f"{path},a,," for path in IMAGES) + "\n\n", encoding="utf-8"
    )
    assert rows(images / "labels.csv")["label"].tolist() == ["a"] * 6


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label,label\na,b,c\n", "the column 'label' is there more than once"),
        ('path,label\na,"b\n', "unexpected end of data"),
    ],
)
def test_a_csv_that_cannot_be_understood_is_refused(images, text, message):
    (images / "labels.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        rows(images / "labels.csv")


def test_identifiers_of_64_bits_beside_nulls_keep_every_digit(images):
    identifiers = [9007199254740993, 9007199254740995, None, 3, 4, 5]
    table = pa.table({"path": IMAGES, "label": list("ababab"), "clean": pa.array(identifiers, pa.int64())})
    parquet.write_table(table, images / "labels.parquet")
    read = read_table(open_source(str(images)), "labels.parquet")
    assert read["clean"].tolist() == ["9007199254740993", "9007199254740995", "", "3", "4", "5"]


def test_identifiers_that_were_rounded_before_are_refused(images):
    frame = pd.DataFrame({"path": IMAGES, "label": [9007199254740993, 1, 2, 3, 4, None]})
    frame.to_parquet(images / "labels.parquet")
    with pytest.raises(DataError, match="column 'label' were stored as floats, which rounds"):
        rows(images / "labels.parquet")


ALIKE = ["cat", "cat ", "cat\u00a0", "caf\u00e9", "cafe\u0301", "dog"]


def test_labels_that_look_alike_are_said_and_made_one_on_request(images):
    table = csv_of(images, ALIKE)
    said = remarks(table).look_alike_labels
    assert said == (("cafe\u0301", "caf\u00e9"), ("cat", "cat ", "cat\u00a0"))
    assert len(set(rows(table)["label"])) == 6
    one = rows(table, normalise_labels=True)
    assert set(one["label"]) == {"cat", "caf\u00e9", "dog"}
    after = remarks(table, normalise_labels=True)
    assert after.look_alike_labels == () and after.normalised_labels == 3


def test_class_folders_that_look_alike_are_said_too(tmp_path, make_classes):
    make_classes(tmp_path, {"caf\u00e9": 1, "cafe\u0301": 1})
    assert len(remarks(tmp_path).look_alike_labels) == 1
    assert set(rows(tmp_path, normalise_labels=True)["label"]) == {"caf\u00e9"}


def test_paths_of_windows_get_a_hint(images):
    table = csv_of(images, "ababab")
    table.write_text(table.read_text().replace("/", "\\"))
    with pytest.raises(DataError, match=r"with / in place of \\ they are: write them with /"):
        rows(table)
    table.write_text(table.read_text().replace("images\\", "C:\\images\\"))
    with pytest.raises(DataError, match="they are Windows paths"):
        rows(table)


@pytest.mark.parametrize("flags", ["010101", ["True", "False"] * 3, ["yes", "no"] * 3])
@pytest.mark.parametrize("labels", ["ababab", "234567"])
def test_a_column_of_flags_is_no_column_of_true_labels(images, labels, flags):
    values = [f"{label},{flag}" for label, flag in zip(labels, flags, strict=True)]
    table = csv_of(images, values, header="path,label,clean")
    with pytest.raises(DataError, match="flags, not labels; set data.clean_label to null"):
        rows(table, clean_label="clean")
    assert rows(table)["label"].tolist() == list(labels)


def test_true_labels_that_are_called_0_and_1_are_labels(images):
    table = csv_of(images, ["0,0", "1,1", "0,0", "1,1", "7,1", "1,1"], header="path,label,clean")
    assert rows(table, clean_label="clean")["clean"].tolist() == list("010111")


def test_paths_in_another_unicode_form_get_a_hint(tmp_path, save_image):
    save_image(tmp_path / "cafe\u0301" / "0.png")
    (tmp_path / "labels.csv").write_text("path,label\ncaf\u00e9/0.png,a\n", encoding="utf-8")
    with pytest.raises(DataError, match="in Unicode's form NFD they are: write them so"):
        rows(tmp_path / "labels.csv")
