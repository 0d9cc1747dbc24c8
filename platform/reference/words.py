"""Types, bounds and defaults of settings in plain words."""

import json
from collections.abc import Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import ByteSize
from pydantic.fields import FieldInfo

from platform.config.section import Section
from platform.datasets.image_size import Size

PLAIN = {
    bool: ("true or false", "true or false"),
    int: ("whole number", "whole numbers"),
    float: ("number", "numbers"),
    str: ("text", "texts"),
    ByteSize: ("size such as 20GB, or a number of bytes", "sizes such as 20GB"),
    Size: ("size in px: a whole number or [height, width]", "sizes in px"),
    Any: ("any value", "any values"),
    NoneType: ("null", "null"),
}
"""One and several of a type."""


def type_in_words(annotation: Any, *, several: bool = False) -> str:
    """What a setting of this type takes, as Markdown; choices are in code quotes."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return "sections" if several else "section"
    if annotation in PLAIN:
        return PLAIN[annotation][several]
    if origin is Annotated:
        return type_in_words(inner[0], several=several)
    if origin is Literal:
        return _either([f"`{_plain(value)}`" for value in inner])
    if origin in (Union, UnionType):
        return _either(list(dict.fromkeys(type_in_words(each, several=several) for each in inner)))
    if origin in (tuple, list):
        if len(inner) == 2 and inner[1] is not Ellipsis:
            return f"list of two {type_in_words(inner[0], several=True)}: [low, high]"
        return f"list of {type_in_words(inner[0], several=True)}"
    if origin is dict:
        return f"mapping of names to {type_in_words(inner[1], several=True)}"
    raise TypeError(f"no words for the type {annotation!r}: add them to platform/reference/words.py")


def bounds_in_words(field: FieldInfo) -> str:
    """``at least 0, below 1``; "" without bounds. Bounds of a list's numbers count as the list's."""
    return ", ".join(dict.fromkeys(words for each in _constraints(field) if (words := _bound(each))))


def value_in_words(value: Any) -> str:
    """A value as one writes it in a YAML, in code quotes."""
    return f"`{_plain(value)}`"


def plain_value(value: Any) -> Any:
    """A setting's value as YAML has it."""
    if isinstance(value, Section):
        return plain_value(value.model_dump(mode="json"))
    if isinstance(value, Size):
        return value.as_written()
    if isinstance(value, tuple | list):
        return [plain_value(each) for each in value]
    if isinstance(value, dict):
        return {key: plain_value(each) for key, each in value.items()}
    return value


def _plain(value: Any) -> str:
    value = plain_value(value)
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:.12g}"
    return json.dumps(value, ensure_ascii=False)


def _either(words: Sequence[str]) -> str:
    if len(words) == 1:
        return words[0]
    comma = "," if any(" or " in word for word in words) else ""
    return f"{', '.join(words[:-1])}{comma} or {words[-1]}"


def _constraints(field: FieldInfo) -> list[Any]:
    """The constraints of a field and of what its type holds."""
    found = list(field.metadata)

    def look(annotation: Any) -> None:
        if isinstance(annotation, type) and issubclass(annotation, Section):
            return
        if get_origin(annotation) is Annotated:
            for each in get_args(annotation)[1:]:
                found.extend(each.metadata if isinstance(each, FieldInfo) else [each])
        for inner in get_args(annotation):
            look(inner)

    look(field.annotation)
    return found


def _bound(constraint: Any) -> str:
    """A constraint of annotated_types, told by its attribute, in words; "" for others."""
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    for name, word in words.items():
        if (limit := getattr(constraint, name, None)) is not None:
            return f"{word} {'2^63' if limit == 2**63 else _plain(limit)}"
    if (length := getattr(constraint, "min_length", None)) is not None:
        return "not empty" if length == 1 else f"at least {length} long"
    return ""
