"""Types, bounds and values in plain words, and text as Markdown."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import ByteSize, Field
from pydantic.fields import FieldInfo

from platform.datasets.image_size import Size
from platform.reference.markdown import docstring, prose, sentence, table
from platform.reference.words import bounds_in_words, type_in_words, value_in_words


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (int, "whole number"),
        (float | None, "number or null"),
        (bool | None, "true or false, or null"),
        (Literal["a", "b"], "`a` or `b`"),
        (float | Literal["auto"], "number or `auto`"),
        (tuple[float, float], "list of two numbers: [low, high]"),
        (tuple[Annotated[str, Field(min_length=1)], ...], "list of texts"),
        (dict[str, str], "mapping of names to texts"),
        (ByteSize, "size such as 20GB, or a number of bytes"),
        (Size, "size in px: a whole number or [height, width]"),
    ],
)
def test_a_type_in_words(annotation: Any, words: str):
    assert type_in_words(annotation) == words


def test_an_unknown_type_is_refused():
    with pytest.raises(TypeError, match="no words for the type"):
        type_in_words(complex)


def field_of(annotation: Any, field: Any) -> FieldInfo:
    return FieldInfo.from_annotated_attribute(annotation, field)


@pytest.mark.parametrize(
    ("field", "words"),
    [
        (FieldInfo(annotation=int), ""),
        (field_of(float, Field(0.1, ge=0, lt=1)), "at least 0, below 1"),
        (field_of(int | None, Field(None, ge=1)), "at least 1"),
        (
            field_of(tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(())),
            "above 0, at most 1",
        ),
        (field_of(str, Field("x", min_length=1)), "not empty"),
    ],
)
def test_bounds_in_words(field: FieldInfo, words: str):
    assert bounds_in_words(field) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "`null`"),
        (True, "`true`"),
        (1.0, "`1`"),
        (Size(8, 4), "`[8, 4]`"),
        ("auto", "`auto`"),
        ((), "`[]`"),
    ],
)
def test_a_value_as_in_a_yaml(value: Any, words: str):
    assert value_in_words(value) == words


def test_names_become_code_and_nothing_else_becomes_markup():
    assert (
        prose("val/loss of few_shot: {a: b} * <x> --out")
        == "`val/loss` of `few_shot`: `{a: b}` \\* \\<x> `--out`"
    )
    assert prose("`a_b` stays") == "`a_b` stays"
    assert sentence("share of rows") == "Share of rows."
    assert sentence("drop_rate of it") == "`drop_rate` of it."
    assert docstring("See :class:`a.b.Goal`, ``x``.\n\nMore\nof it.") == "See `Goal`, `x`.\n\nMore of it."
    assert table(("A",), [("x|y",)]) == "| A |\n| --- |\n| x\\|y |"
