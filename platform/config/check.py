"""Validation of one trial's tree by a section, with its errors put where they were written."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import ValidationError

from platform.config.document import Document, TreePath, dotted
from platform.config.errors import ConfigError, did_you_mean, located, show
from platform.config.ranges import NUMBER_RANGES, RANGE_KINDS
from platform.config.section import Section
from platform.config.space import Resolved

S = TypeVar("S", bound=Section)

# pydantic's error type -> what must hold, with the names of its context
BOUNDS = {
    "greater_than": "must be > {gt}",
    "greater_than_equal": "must be >= {ge}",
    "less_than": "must be < {lt}",
    "less_than_equal": "must be <= {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "finite_number": "must be finite",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must match {pattern}",
    "literal_error": "must be one of {expected}",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a section (key: value)",
    "model_type": "must be a section (key: value)",
    "model_attributes_type": "must be a section (key: value)",
    "none_required": "must be null",
}


def validate(resolved: Resolved, root: type[S], document: Document) -> S:
    """Build ``root`` from a tree without ranges; raises :class:`ConfigError` with a line for each mistake."""
    try:
        return root.model_validate_json(json.dumps(resolved.tree))
    except ValidationError as error:
        found = [(_path_in_tree(one, resolved.tree, root), one) for one in error.errors(include_url=False)]
    written = [path for path, _ in found if path in resolved.origins]
    lines = [
        _line(path, one, resolved, root, document)
        for path, one in found
        if path in resolved.origins or not any(_ends_with(path, other) for other in written)
    ]
    raise ConfigError(*dict.fromkeys(lines))


def _ends_with(path: TreePath, end: TreePath) -> bool:
    """Whether a mistake at ``path`` was only inherited from ``end``, as a stage inherits from its trial."""
    return path[-len(end) :] == end


def _line(
    path: TreePath, error: Mapping[str, Any], resolved: Resolved, root: type[Section], document: Document
) -> str:
    context = error.get("ctx", {})
    written = resolved.origin(path)
    is_unknown_key = error["type"] == "extra_forbidden"
    words = _words(error, context, _fields(root, error["loc"]))
    if is_unknown_key:  # its value may be a range or a choice
        while written and written[-1] != path[-1]:
            written = written[:-1]
    return located(document.mark(written, key=is_unknown_key), dotted(path), words + _end(written))


def _path_in_tree(error: Mapping[str, Any], tree: Any, root: type[Section]) -> TreePath:
    """pydantic's ``loc`` names a union's member as well; the tree has no such level, so it is left out."""
    location: list[str | int] = list(error["loc"])
    if error["type"] == "combination":
        location += [int(part) if part.isdigit() else part for part in error["ctx"]["path"].split(".")]
    elif error["type"].startswith("union_tag"):
        location.append(error["ctx"]["discriminator"].strip("'"))
    path: list[str | int] = []
    here = tree
    for place, part in enumerate(location):
        is_key = isinstance(here, dict) and part in here
        is_index = isinstance(here, list) and isinstance(part, int) and part < len(here)
        if is_key or is_index:
            here = here[part]
        elif _is_tag(part, here):
            continue
        elif part in _fields(root, tuple(location[: place + 1])):
            here = None  # inherited: it is not written here
        elif place < len(location) - 1:
            continue
        path.append(part)
    return tuple(path)


def _is_tag(part: str | int, here: Any) -> bool:
    return isinstance(here, dict) and part in (here.get("name"), here.get("kind"))


def _end(written: TreePath) -> str:
    """Say that a value is the end of a range and not one that the user wrote as it is."""
    if len(written) >= 2 and written[-2] in NUMBER_RANGES:
        return f" (the {('lower', 'upper')[int(written[-1])]} end of its range)"
    return ""


def _words(error: Mapping[str, Any], context: Mapping[str, Any], fields: list[str]) -> str:
    kind, value = error["type"], error["input"]
    if kind == "combination":
        return f"{context['message']}, got {show(context['value'])}"
    if kind == "extra_forbidden":
        key = error["loc"][-1]
        return f"unknown key {key!r}{did_you_mean(key, fields)}; there are {', '.join(sorted(fields))}"
    if kind == "missing":
        return "is missing"
    if kind == "union_tag_not_found":
        return "is missing: it says which settings the section has"
    if kind == "union_tag_invalid":
        choices = [choice.strip(" '") for choice in context["expected_tags"].split(",")]
        tag = context["tag"]
        return f"unknown name {tag!r}{did_you_mean(tag, choices)}; there are {', '.join(choices)}"
    if kind == "literal_error":
        choices = [choice.strip(" '") for choice in context["expected"].replace(" or ", ", ").split(",")]
        return f"must be one of {', '.join(choices)}, got {show(value)}{did_you_mean(value, choices)}"
    if kind in BOUNDS:
        plain = {key: f"{bound:g}" if isinstance(bound, float) else bound for key, bound in context.items()}
        return f"{BOUNDS[kind].format(**plain)}, got {show(value)}{_misspelt_range(value)}"
    if kind == "value_error":
        return f"{context['error']}{_misspelt_range(value)}"
    return f"{error['msg']}, got {show(value)}"


def _misspelt_range(value: Any) -> str:
    if isinstance(value, dict) and len(value) == 1:
        return did_you_mean(next(iter(value)), RANGE_KINDS)
    return ""


def _fields(root: type[Section], location: tuple[str | int, ...]) -> list[str]:
    """The keys that are valid at the mapping which holds ``location``'s last part."""
    sections = [root]
    for part in location[:-1]:
        tagged = [section for section in sections if part in _tags(section)]
        inner = [
            section
            for owner in sections
            if part in owner.model_fields
            for section in _sections_in(owner.model_fields[str(part)].annotation)
        ]
        sections = inner or tagged or sections
    return [name for section in sections for name in section.model_fields]


def _tags(section: type[Section]) -> tuple[Any, ...]:
    tags = (section.model_fields[key].annotation for key in ("name", "kind") if key in section.model_fields)
    return tuple(value for tag in tags if get_origin(tag) is Literal for value in get_args(tag))


def _sections_in(annotation: Any) -> Iterator[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for argument in get_args(annotation):
        yield from _sections_in(argument)
