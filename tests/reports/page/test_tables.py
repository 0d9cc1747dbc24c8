"""Tables of the page: what the CSV file holds, and what the page shows of it."""

import math

from reports.page.tables import Column, Table, integers


def cells_of(table):
    return [cells for _, cells in table.rows()]


def test_the_frame_has_typed_values_and_the_csv_file_keeps_every_digit():
    table = Table(
        "t",
        [Column("name", ["a", None]), Column("share", [0.1234567, math.nan]), integers("images", [1, 2000])],
    )
    assert [str(one) for one in table.frame.dtypes] == ["string", "Float64", "Int64"]
    assert table.csv() == "name,share,images\na,0.1234567,1\n,,2000\n"


def test_numbers_of_which_some_are_unknown_stay_whole():
    """A float of pandas would make 12345 of a trial that drew it 1.234e+04 on the page."""
    [[known], [unknown]] = cells_of(Table("t", [Column("batch_size", [12345, None], unknown="")]))
    assert (known.text, known.sort_value) == ("12345", 12345)
    assert (unknown.text, unknown.sort_value) == ("", None)


def test_the_page_shows_text_and_sorts_by_value():
    column = Column("share", [0.25, math.nan], "{:.0%}".format, "number", notes=["± 1", ""])
    [[known], [unknown]] = cells_of(Table("t", [column]))
    assert (known.text, known.sort_value, known.note) == ("25%", 0.25, "± 1")
    assert (unknown.text, unknown.sort_value) == ("–", ""), "which sorts last"


def test_words_in_a_column_of_numbers_and_truth_values_sort_as_text():
    table = Table("t", [Column("mean", ["0.3 ± 0.1"], kind="number"), Column("ema", [True])])
    [[mean, ema]] = cells_of(table)
    assert mean.sort_value is None and ema.sort_value is None
    assert (mean.text, ema.text) == ("0.3 ± 0.1", "True")


def test_two_columns_may_have_the_same_heading():
    frame = Table("t", [Column("a", [1]), Column("a", [2])]).frame
    assert (list(frame), frame.values.tolist()) == (["a", "a"], [[1, 2]])


def test_pictures_are_words_in_the_file():
    column = Column("Examples", ["a; b"], kind="pictures", pictures=[[("data:,1", "a"), ("data:,2", "b")]])
    table = Table("t", [column])
    [[cell]] = cells_of(table)
    assert cell.pictures == [("data:,1", "a"), ("data:,2", "b")]
    assert table.csv() == "Examples\na; b\n"
