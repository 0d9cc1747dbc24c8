"""Names from strangers in CSV files: no spreadsheet runs them, and they are read back as they were."""

import csv
import io

import pandas as pd
import pytest

from platform.datasets.sources.source import open_source
from platform.datasets.tables.spreadsheet_cells import csv_text, plain_cell, read_csv_text, safe_cell
from platform.datasets.tables.table_files import read_table

RUN = [
    "=cmd|' /C calc'!A0.jpg",
    "=cmd.jpg",
    "=1+2",
    "+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+9)*cmd",
    "\t=HYPERLINK(1)",
    "\r=1",
    " =1",
    "-'file:///etc/passwd'#$passwd.A1",
    "+[book.xlsx]sheet",
    "=x\n=y",
]
TEXT = ["-x.jpg", "-0.5", "+1e5", "@home", "+", "-", "", "a=b", "cat/=x(1).jpg", "'tis", "''", "'-x.jpg"]
TEXT += ["NA", "007"]
MARKED = ["'=x.jpg", "''=x.jpg", "'+cmd|'!A0"]


@pytest.mark.parametrize("name", RUN)
def test_what_a_spreadsheet_would_run_becomes_text(name):
    assert safe_cell(name) == "'" + name


@pytest.mark.parametrize("name", TEXT)
def test_other_text_stays_as_it_is(name):
    assert safe_cell(name) == plain_cell(name) == name


@pytest.mark.parametrize("name", RUN + TEXT + MARKED)
def test_a_name_is_read_back(name):
    assert plain_cell(safe_cell(name)) == name


def test_tables_keep_names_and_numbers(tmp_path):
    frame = pd.DataFrame({"path": RUN + TEXT[:-3], "probability": [-0.5] * len(RUN + TEXT[:-3])})
    text = csv_text(frame)
    first = [row[0] for row in csv.reader(io.StringIO(text, newline=""))][1:]
    assert not [cell for cell in first if cell.lstrip().startswith("=")]
    again = read_csv_text(io.StringIO(text, newline=""), dtype={"path": str}, keep_default_na=False)
    assert again["path"].tolist() == frame["path"].tolist()
    assert again["probability"].tolist() == [-0.5] * len(frame)


def test_a_table_of_labels_names_the_files_as_they_are(tmp_path):
    names = [name for name in RUN + MARKED if not name.startswith(" ")]
    table = pd.DataFrame({"path": names, "label": names})
    (tmp_path / "labels.csv").write_text(csv_text(table), encoding="utf-8", newline="")
    source = open_source(str(tmp_path / "labels.csv"))
    assert read_table(source, "labels.csv")["label"].tolist() == names
