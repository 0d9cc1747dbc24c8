"""Tables that strangers wrote: they are read in bounded memory, or refused in one line."""

import io
import json
import pickle
import tracemalloc

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from platform.datasets.data_config import DataConfig
from platform.datasets.errors import DataError
from platform.datasets.preparation.prepare import inspect
from platform.datasets.preparation.signature import signature
from platform.datasets.sources.source import open_source
from platform.datasets.tables import table_files
from platform.datasets.tables.table_files import MAX_BYTES, MAX_COLUMNS, MAX_VALUES, read_table

MEGABYTES = 200


def read(file):
    return read_table(open_source(str(file)), file.name)


def refused(file):
    tracemalloc.start()
    try:
        with pytest.raises(DataError) as refusal:
            read(file)
        assert tracemalloc.get_traced_memory()[1] < MEGABYTES * 1e6
    finally:
        tracemalloc.stop()
    message = str(refusal.value)
    assert "\n" not in message
    assert len(message) < 1_000
    return message


def parquet_file(file, columns, **options):
    parquet.write_table(pa.table(columns), file, **options)
    return file


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (",".join(f"c{number}" for number in range(300_000)), "300,000 columns; 2,000 are the most"),
        ("," * 1_000_000, "1,000,001 columns"),
        ("path,label\n" + '"' + "x" * 1_000_000, "field larger than field limit"),
        ("path,label\n" + "x" * 1_000_000, "field larger than field limit"),
        ("path,path\n", "more than once"),
        ("path,label\n" + "a," * 100_000, "100001 values in line 2"),
        ("\n" * 1_000_000, "it is empty"),
    ],
)
def test_a_csv_file_is_refused(text, expected, tmp_path):
    (tmp_path / "labels.csv").write_text(text)
    assert expected in refused(tmp_path / "labels.csv")


def test_too_many_values_are_counted_while_they_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(table_files, "MAX_VALUES", 10_000)
    monkeypatch.setattr(table_files, "AT_ONCE", 1_000)
    (tmp_path / "labels.csv").write_text("path,label\n" + "a.jpg,b\n" * 4_999)
    assert len(read(tmp_path / "labels.csv")) == 4_999
    (tmp_path / "labels.csv").write_text("path,label\n" + "a.jpg,b\n" * 100_000)
    assert "5,500 rows or more of 2 columns" in refused(tmp_path / "labels.csv")


def test_a_long_file_is_refused_unread(tmp_path):
    with (tmp_path / "labels.csv").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert "is larger than 1,000 MB" in refused(tmp_path / "labels.csv")


def test_rows_for_millions_of_images_fit():
    assert MAX_VALUES >= 10_000_000 * 3
    assert MAX_COLUMNS >= 1_000


def test_a_parquet_table_of_a_billion_rows_in_a_megabyte(tmp_path):
    file = parquet_file(tmp_path / "labels.parquet", {"path": pa.nulls(100_000_000)})
    assert file.stat().st_size < 1_000_000
    assert "100,000,000 rows or more" in refused(file)


def test_text_that_unfolds_is_measured_before_it_does(tmp_path):
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 500_000, pa.int32()), pa.array(["x" * 1_000_000]))
    file = parquet_file(tmp_path / "labels.parquet", {"path": text})
    assert file.stat().st_size < 1_000_000
    assert "its texts take more than 1,000 MB" in refused(file)


@pytest.mark.parametrize("value", [[[1]] * 4, [{"a": 1}] * 4, [[[["x"]]]] * 4])
def test_lists_and_records_are_no_labels(value, tmp_path):
    file = parquet_file(tmp_path / "labels.parquet", {"path": ["a"] * 4, "label": value})
    assert "the column 'label' holds lists or records" in refused(file)


def test_many_columns_of_a_parquet_table(tmp_path):
    file = parquet_file(tmp_path / "labels.parquet", {f"c{number}": [1] for number in range(2_500)})
    assert "2,500 columns" in refused(file)


@pytest.mark.parametrize("length", [0, 1, 2**31 - 1, 2**32 - 1])
def test_a_footer_of_a_false_length(length, tmp_path):
    content = parquet_file(tmp_path / "labels.parquet", {"path": ["a"]}).read_bytes()
    (tmp_path / "labels.parquet").write_bytes(content[:-8] + length.to_bytes(4, "little") + b"PAR1")
    assert "cannot be read as a table" in refused(tmp_path / "labels.parquet")


def test_a_footer_that_claims_more_rows_than_there_are(tmp_path):
    """The count stands in the footer as a varint: 100 rows become 2**60."""
    file = parquet_file(tmp_path / "labels.parquet", {"path": ["a"] * 5_555}, compression="none")
    content = file.read_bytes()
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    honest, footer = varint(2 * 5_555), content[start:-8]
    assert honest in footer
    for count in (2**60, 2**40, 3):
        false = footer.replace(honest, varint(2 * count))
        file.write_bytes(content[:start] + false + len(false).to_bytes(4, "little") + b"PAR1")
        assert refused_or_short(file, 5_555)


def varint(number):
    content = bytearray()
    while number > 127:
        content.append(number & 127 | 128)
        number >>= 7
    return bytes([*content, number])


def refused_or_short(file, rows):
    try:
        return len(read(file)) <= rows
    except DataError as error:
        return "\n" not in str(error)


def test_texts_are_read_as_ever(tmp_path):
    """Also as dictionaries, with gaps, and of the larger kind of text."""
    frame = pd.DataFrame({"path": ["b.jpg", "a.jpg", None, "b.jpg"], "label": ["007", "NA", "x", None]})
    frame["kind"] = frame["label"].astype("category")
    frame["number"] = pd.array([1, None, 3, 4], dtype="Int64")
    frame["share"] = [0.5, 1.0, None, 2.0]
    frame.to_parquet(tmp_path / "labels.parquet", index=False)
    table = read(tmp_path / "labels.parquet")
    assert table["path"].tolist() == ["b.jpg", "a.jpg", "", "b.jpg"]
    assert table["label"].tolist() == table["kind"].tolist() == ["007", "NA", "x", ""]
    assert table["number"].tolist() == ["1", "", "3", "4"]
    assert table["share"].tolist() == ["0.5", "1.0", "", "2.0"]
    large = pa.table({"path": pa.array(["a", None], pa.large_string())})
    content = io.BytesIO()
    parquet.write_table(large, content)
    (tmp_path / "labels.parquet").write_bytes(content.getvalue())
    assert read(tmp_path / "labels.parquet")["path"].tolist() == ["a", ""]


@pytest.mark.parametrize("path", ["a\0.png", "x" * 5_000, "/" + "y/" * 3_000, "../" * 500 + "z"])
def test_paths_that_no_file_can_have_are_not_there(path, tmp_path):
    for number in range(4):
        (tmp_path / f"{number}.png").write_bytes(b"x")
    rows = "".join(f"{number}.png,{'ab'[number % 2]}\n" for number in range(4))
    (tmp_path / "labels.csv").write_text(f"path,label\n{rows}{path},a\n")
    with pytest.raises(DataError, match="1 of 5 listed images is not there") as refusal:
        inspect(DataConfig(source=str(tmp_path / "labels.csv")))
    assert "\n" not in str(refusal.value)
    assert signature(DataConfig(source=str(tmp_path / "labels.csv"), max_bad=0.5))


class Runs:
    """Unpickled, it makes a file."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return open, (str(self.file), "w")


PLAIN = {"path": ["a.jpg", "b.jpg"], "label": ["x", "y"]}
INDEX = {"kind": "range", "name": "path", "start": 0, "stop": 2**60, "step": 1}


@pytest.mark.parametrize(
    "metadata",
    [
        {"pandas": json.dumps({"index_columns": [INDEX], "columns": [], "column_indexes": []})},
        {"pandas": json.dumps({"index_columns": ["label"], "columns": [{"name": "label"}]})},
        {"pandas": "{"},
        {"ARROW:schema": "not a schema"},
        {"text": "x" * 20_000_000},
        {f"key {number}": "" for number in range(20_000)},
    ],
    ids=["false range", "index", "broken", "no schema", "long", "many"],
)
def test_what_a_footer_says_besides_changes_nothing(metadata, tmp_path):
    file = tmp_path / "labels.parquet"
    parquet.write_table(pa.table(PLAIN).replace_schema_metadata(metadata), file, store_schema=False)
    assert read(file).to_dict("list") == PLAIN


def test_a_pickle_in_the_type_of_a_column_is_not_loaded(tmp_path):
    """As pyarrow did until 14.0.1 (CVE-2023-47248)."""
    made = tmp_path / "made"
    content = pickle.dumps(Runs(made), 0).decode("ascii")
    kind = {"ARROW:extension:name": "arrow.py_extension_type", "ARROW:extension:metadata": content}
    for values in (pa.string(), pa.binary()):
        field = pa.field("path", values, metadata=kind)
        table = pa.table(
            [pa.array(PLAIN["path"]).cast(values), PLAIN["label"]], pa.schema([field, ("label", "string")])
        )
        parquet.write_table(table, tmp_path / "labels.parquet")
        assert len(read(tmp_path / "labels.parquet")) == 2
        assert not made.exists()


@pytest.mark.parametrize("name", ["arrow.uuid", "arrow.fixed_shape_tensor", "arrow.opaque"])
def test_a_false_type_of_a_column_is_one_line(name, tmp_path):
    kind = {"ARROW:extension:name": name, "ARROW:extension:metadata": '{"shape": [9999999999999]}'}
    schema = pa.schema([pa.field("path", pa.string(), metadata=kind), ("label", pa.string())])
    parquet.write_table(pa.table(PLAIN, schema), tmp_path / "labels.parquet")
    assert "cannot be read as a table" in refused(tmp_path / "labels.parquet")


def test_two_columns_of_one_name_in_a_parquet_table(tmp_path):
    table = pa.table([["a"], ["x"], ["y"]], names=["path", "label", "label"])
    parquet.write_table(table, tmp_path / "labels.parquet")
    assert "cannot be read as a table" in refused(tmp_path / "labels.parquet")
