"""Validates a trial's tree with a section and reports each error at its line in the YAML."""

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import ValidationError

from platform.config.document import Document, TreePath, dotted
from platform.config.errors import ConfigError, did_you_mean, located, show
from platform.config.range_hint import hint
from platform.config.ranges import NUMBER_RANGES
from platform.config.section import COMBINATION, SAID, Section
from platform.config.space import Resolved

S = TypeVar("S", bound=Section)

DESCRIBED = 100
"""Mistakes that are put into words; a message lists fewer."""

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
    """Build ``root`` from a tree without ranges; raises :class:`ConfigError`, one line for each mistake."""
    try:
        return root.model_validate_json(json.dumps(resolved.tree))
    except ValidationError as error:
        own = error.errors(include_url=False)
        raised = [
            *own,
            *_errors_besides({str(one["loc"][0]) for one in own if one["loc"]}, resolved.tree, root),
        ]
        errors = [each for one in raised for each in _separated(one)][:DESCRIBED]
        found = [(_path_in_tree(one, resolved.tree, root), one) for one in errors]
    written = [path for path, _ in found if path in resolved.origins]
    lines = {
        _line(path, one, resolved, root, document): dotted(path)
        for path, one in found
        if path in resolved.origins or not any(_ends_with(path, other) for other in written)
    }
    raise ConfigError(*lines, paths=[*lines.values()])


def _errors_besides(wrong: Collection[str], tree: Mapping[str, Any], root: type[Section]) -> list[Any]:
    """The errors of the part that ``root`` inherits, if none of the ``wrong`` sections belongs to it.

    A section's checks run only if all its fields are valid: without this, a mistake in ``data`` would hide
    those that a trial's settings have among each other.
    """
    parts = (base for base in root.__mro__[1:] if issubclass(base, Section) and base.model_fields)
    part = next((base for base in parts if not set(wrong) & set(base.model_fields)), None)
    if part is None or not wrong:
        return []
    try:
        part.model_validate_json(json.dumps({key: tree[key] for key in tree if key in part.model_fields}))
    except ValidationError as error:
        return error.errors(include_url=False)
    return []


def _separated(error: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The error, or each of the problems that a section's checks found together."""
    if error["type"] != COMBINATION:
        yield dict(error)
        return
    for problem in error["ctx"]["problems"]:
        yield dict(error) | {"ctx": problem._asdict()}


def _ends_with(path: TreePath, end: TreePath) -> bool:
    """Whether a mistake at ``path`` is inherited from ``end``, as a stage inherits from its trial."""
    return path[-len(end) :] == end


def _line(
    path: TreePath, error: Mapping[str, Any], resolved: Resolved, root: type[Section], document: Document
) -> str:
    context = error.get("ctx", {})
    written = resolved.origin(path)
    is_unknown_key = error["type"] == "extra_forbidden"
    inside = _fields(root, (*error["loc"], ""))
    words = _words(error, context, _fields(root, error["loc"]), inside)
    if is_unknown_key:  # its value may be a range or a choice
        while written and written[-1] != path[-1]:
            written = written[:-1]
    return located(document.mark(written, key=is_unknown_key), dotted(path), words + _end(written))


def _path_in_tree(error: Mapping[str, Any], tree: Any, root: type[Section]) -> TreePath:
    """pydantic's ``loc`` without the names of union members, which are not levels of the tree."""
    location: list[str | int] = list(error["loc"])
    if error["type"] == COMBINATION:
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
    """Say that a value is the end of a range, not a value that the user wrote."""
    if len(written) >= 2 and written[-2] in NUMBER_RANGES:
        return f" (the {('lower', 'upper')[int(written[-1])]} end of its range)"
    return ""


def _words(error: Mapping[str, Any], context: Mapping[str, Any], fields: list[str], inside: list[str]) -> str:
    kind, value = error["type"], error["input"]
    if kind == COMBINATION:
        got = "" if context["value"] is SAID else f", got {show(context['value'])}"
        return f"{context['message']}{got}"
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
        return f"{BOUNDS[kind].format(**plain)}, got {show(value)}{hint(kind, value, inside)}"
    if kind == "value_error":
        return f"{context['error']}{hint(kind, value, inside)}"
    return f"{error['msg']}, got {show(value)}"


def _fields(root: type[Section], location: tuple[str | int, ...]) -> list[str]:
    """The valid keys of the mapping that contains ``location``'s last part."""
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
