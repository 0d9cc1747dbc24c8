"""Image sizes in a YAML: valid values, and how they are written."""

import pytest
from pydantic import TypeAdapter, ValidationError

from platform.datasets.image_size import ImageSize, Size, as_size, covering

READ = TypeAdapter(ImageSize)


@pytest.mark.parametrize(
    ("written", "size", "shown"),
    [
        ("224", Size(224, 224), "224"),
        ("[256, 128]", Size(256, 128), "256x128"),
        ("[128, 256]", Size(128, 256), "128x256"),
        ("8", Size(8, 8), "8"),
        ("2048", Size(2048, 2048), "2048"),
    ],
)
def test_a_size_is_written_again_as_it_was(written, size, shown):
    read = READ.validate_json(written)
    assert (read, type(read), str(read)) == (size, Size, shown)
    assert READ.dump_json(read).decode() == written.replace(" ", "")
    assert READ.validate_python(READ.dump_python(read)) == read


def test_a_square_is_written_as_one_number():
    assert READ.dump_json(READ.validate_json("[64, 64]")) == b"64"


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("[256]", r"must be a whole number or \[height, width\], got \[256\]"),
        ("[256, 128, 3]", r"must be a whole number or \[height, width\], got \[256, 128, 3\]"),
        ("[]", r"must be a whole number or \[height, width\], got \[\]"),
        ("[256, 128.0]", r"must be a whole number or \[height, width\], got \[256, 128.0\]"),
        ("224.5", r"must be a whole number or \[height, width\], got 224.5"),
        ("true", r"must be a whole number or \[height, width\], got True"),
        ("null", r"must be a whole number or \[height, width\], got None"),
        ('"256x128"', r"must be a whole number or \[height, width\], got '256x128'"),
        ("[0, 5]", r"must be >= 8, got \[0, 5\]"),
        ("7", "must be >= 8, got 7"),
        ("[128, 4096]", r"must be <= 2048, got \[128, 4096\]"),
    ],
)
def test_what_is_no_size_is_one_error(written, message):
    with pytest.raises(ValidationError, match=message) as raised:
        READ.validate_json(written)
    assert raised.value.error_count() == 1


@pytest.mark.parametrize("value", [32, (32, 32), [32, 32], Size(32, 32)])
def test_callers_may_name_a_size_as_they_like(value):
    assert as_size(value) == Size(32, 32)


def test_scaling_rounds_each_side_and_leaves_a_pixel():
    assert Size(256, 128).scaled(1.125) == Size(288, 144)
    assert Size(10, 3).scaled(0.1) == Size(1, 1)


def test_what_covers_sizes_is_as_high_and_as_wide_as_any():
    assert covering([Size(256, 128), Size(128, 224), Size(64, 64)]) == Size(256, 224)
