from PIL import Image

from platform.datasets.preview.preview_sheet import unwritable
from platform.datasets.preview.sheet_font import font_for


def test_the_font_of_a_name_has_its_characters():
    assert font_for("cat, caf\u00e9", 14) is not None
    assert font_for("\u043a\u043e\u0442", 14) is not None


def test_a_name_that_no_font_can_write_is_given_by_its_row():
    nobodys = "cat \U0010fffe"  # no character at all
    assert font_for(nobodys, 14) is None
    assert unwritable(["cat", nobodys]) == [f"row 2: {nobodys}"]


def test_a_chinese_name_is_drawn_or_listed():
    name = "\u732b"
    font = font_for(name, 14)
    if font is None:
        assert unwritable([name]) == [f"row 1: {name}"]
    else:
        assert isinstance(font.getmask(name), type(Image.new("L", (1, 1)).im))
