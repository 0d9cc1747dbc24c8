"""Every setting of a YAML, found in the sections' fields."""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from platform.config.section import Section

TAGS = ("name", "kind")
"""Fields that tell the options of a choice between sections apart."""


@dataclass(frozen=True)
class Place:
    """Where a section stands in the YAML.

    ``steps`` are keys; ``0`` stands for each entry of a list, ``NAME`` for a key of your choice. ``tags`` are
    the options that hold on the way, as the step's number and the tag: ``((1, "name", "peer"),)``.
    """

    steps: tuple[str | int, ...] = ()
    tags: tuple[tuple[int, str, str], ...] = ()

    def child(self, step: str | int) -> "Place":
        return Place((*self.steps, step), self.tags)

    def option(self, key: str, value: str) -> "Place":
        return Place(self.steps, (*self.tags, (len(self.steps), key, value)))

    def __str__(self) -> str:
        return ".".join("N" if step == 0 else str(step) for step in self.steps)

    @property
    def anchor(self) -> str:
        """The id of its heading: the path, with the options in it."""
        words: list[str] = []
        for number, step in enumerate((None, *self.steps)):
            words += [] if step is None or step == 0 else [str(step)]
            words += [value for place, _, value in self.tags if place == number]
        return "-".join(words)


@dataclass(frozen=True)
class Setting:
    """One field of a section."""

    place: Place
    field: FieldInfo

    @property
    def name(self) -> str:
        return str(self.place.steps[-1])

    @property
    def is_required(self) -> bool:
        return self.field.is_required()

    @property
    def default(self) -> Any:
        if self.field.default_factory is not None:
            return self.field.default_factory()  # type: ignore[call-arg]
        return None if self.field.default is PydanticUndefined else self.field.default

    @cached_property
    def sections(self) -> tuple["SectionAt", ...]:
        """The sections that its value may be, or may hold as a list's entry or a mapping's value."""
        return tuple(_sections(self.field.annotation, self.place))

    @property
    def tag(self) -> str | None:
        """The only value that it may have, as it names its section among several; else None."""
        values = get_args(self.field.annotation) if get_origin(self.field.annotation) is Literal else ()
        return str(values[0]) if self.name in TAGS and len(values) == 1 else None


@dataclass(frozen=True)
class SectionAt:
    """A section's class at one place."""

    section: type[Section]
    place: Place

    @cached_property
    def settings(self) -> tuple[Setting, ...]:
        fields = self.section.model_fields.items()
        return tuple(Setting(self.place.child(name), field) for name, field in fields)

    @property
    def about(self) -> str:
        """Its docstring, or that of the class it extends; "" if there is none."""
        return inspect.cleandoc(self.section.__doc__ or "")

    @property
    def option(self) -> str | None:
        """Its name among several sections that may stand at its place; None if it is the only one."""
        here = [value for number, _, value in self.place.tags if number == len(self.place.steps)]
        return here[-1] if here else None


def every(section: SectionAt) -> Iterator[SectionAt]:
    """The section and all below it."""
    yield section
    for setting in section.settings:
        for below in setting.sections:
            yield from every(below)


def undescribed(section: SectionAt) -> list[str]:
    """The settings below ``section`` without a description; an option's tag is described by its docstring."""
    found = []
    for one in every(section):
        for setting in one.settings:
            words = one.about if setting.tag is not None else setting.field.description
            if not (words or "").strip():
                found.append(f"{setting.place} ({one.section.__name__})")
    return list(dict.fromkeys(found))


def _sections(annotation: Any, place: Place) -> Iterator[SectionAt]:
    origin = get_origin(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Section):
        tag = next((each for each in SectionAt(annotation, place).settings if each.tag is not None), None)
        yield SectionAt(annotation, place if tag is None else place.option(tag.name, str(tag.tag)))
    elif origin in (tuple, list):
        for inner in get_args(annotation):
            yield from _sections(inner, place.child(0))
    elif origin is dict:
        yield from _sections(get_args(annotation)[1], place.child("NAME"))
    elif origin in (Union, UnionType):
        for inner in get_args(annotation):
            yield from _sections(inner, place)
    elif origin is Annotated:
        yield from _sections(get_args(annotation)[0], place)
