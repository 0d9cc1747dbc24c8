"""A YAML file as plain values that remember where they were written, and overrides laid over them."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from platform.config.errors import ConfigError, Mark, UserError

TreePath = tuple[str | int, ...]
SCALARS = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str")}


def dotted(path: Sequence[str | int]) -> str:
    return ".".join(str(part) for part in path)


@dataclass
class Document:
    """A tree of mappings, lists and scalars, with the mark of every key and value by its path."""

    source: str
    tree: dict[str, Any] = field(default_factory=dict)
    marks: dict[TreePath, Mark] = field(default_factory=dict)
    key_marks: dict[TreePath, Mark] = field(default_factory=dict)

    def mark(self, path: TreePath, *, key: bool = False) -> Mark:
        """Where ``path`` stands (its key, if asked), or else its nearest parent that was written."""
        if key and path in self.key_marks:
            return self.key_marks[path]
        while path not in self.marks and path:
            path = path[:-1]
        return self.marks.get(path, Mark(self.source, 1, 1))


def read_document(path: Path) -> Document:
    """Read a YAML file (YAML 1.2, one document, a mapping at its top).

    Raises :class:`ConfigError` for a file that is missing or unreadable, for text that is not YAML, for a
    duplicate key and for a tag other than YAML's plain scalars.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    document = Document(str(path))
    node = _compose(text, document.source)
    if not isinstance(node, MappingNode):
        raise ConfigError.at(Mark(document.source, 1, 1), "", "must be a mapping of settings (key: value)")
    document.tree = _value(node, (), document)
    return document


def override(document: Document, assignment: str) -> None:
    """Lay ``key.path=value`` (the value is YAML) over the document, in place."""
    key, equals, text = assignment.partition("=")
    path = _path_in(document.tree, key.strip().split("."))
    if not equals or "" in path:
        raise UserError(f"command line: {assignment!r} is not an override; write key.path=value")
    source = f"command line: {assignment}"
    laid = Document(source)
    node = _compose(text, source) or ScalarNode("tag:yaml.org,2002:null", "")
    value = _value(node, path, laid)
    _parent(document, path)[path[-1]] = value
    for marks in (document.marks, document.key_marks):
        for stale in [known for known in marks if known[: len(path)] == path]:
            del marks[stale]
    parents = [path[:depth] for depth in range(1, len(path) + 1) if path[:depth] not in document.key_marks]
    on_command_line = Mark("command line")
    document.marks.update(dict.fromkeys([*laid.marks, *parents, path], on_command_line))
    document.key_marks.update(dict.fromkeys([*laid.key_marks, *parents, path], on_command_line))


def _path_in(tree: Any, parts: list[str]) -> TreePath:
    """A number is an index where there is a list, and a key like any other elsewhere."""
    path: list[str | int] = []
    for part in parts:
        path.append(int(part) if isinstance(tree, list) and part.isdigit() else part)
        if isinstance(tree, dict):
            tree = tree.get(part)
        elif isinstance(tree, list) and part.isdigit() and int(part) < len(tree):
            tree = tree[int(part)]
        else:
            tree = None
    return tuple(path)


def write_yaml(tree: dict[str, Any], path: Path) -> None:
    """Write the file, which is there afterwards in full or as it was before."""
    yaml = YAML()
    yaml.default_flow_style = None
    yaml.width = 110
    draft = path.with_name(f".{path.name}.draft")
    try:
        with draft.open("w", encoding="utf-8") as file:
            yaml.dump(tree, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _parent(document: Document, path: TreePath) -> Any:
    here: Any = document.tree
    for depth, part in enumerate(path[:-1], start=1):
        if isinstance(here, dict):
            if here.get(str(part)) is None:
                here[str(part)] = {}
            here = here[str(part)]
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            here = here[part]
        if not isinstance(here, dict | list):
            raise UserError(f"command line: {dotted(path)}: {dotted(path[:depth])} is a value, not a section")
        if isinstance(here, dict) and "choice" in here:
            raise UserError(
                f"command line: {dotted(path)}: {dotted(path[:depth])} is a choice; override it as a whole, "
                f"e.g. {dotted(path[:depth])}='{{…}}'"
            )
    if isinstance(here, list) and not (isinstance(path[-1], int) and path[-1] < len(here)):
        raise UserError(f"command line: {dotted(path)}: the list has {len(here)} entries, numbered from 0")
    return here


def _compose(text: str, source: str) -> Node | None:
    yaml = YAML(typ="safe", pure=True)
    try:
        return yaml.compose(StringIO(text))  # type: ignore[no-any-return]
    except MarkedYAMLError as error:
        where = error.problem_mark
        mark = Mark(source, where.line + 1, where.column + 1) if where else Mark(source)
        raise ConfigError.at(mark, "", f"is not YAML: {error.problem}") from None
    except YAMLError as error:
        raise ConfigError.at(Mark(source), "", f"is not YAML: {str(error).splitlines()[0]}") from None


def _mark(node: Node, source: str) -> Mark:
    if node.start_mark is None:
        return Mark(source)
    return Mark(source, node.start_mark.line + 1, node.start_mark.column + 1)


def _value(node: Node, path: TreePath, document: Document) -> Any:
    document.marks[path] = _mark(node, document.source)
    if isinstance(node, MappingNode):
        return _mapping(node, path, document)
    if isinstance(node, SequenceNode):
        return [_value(child, (*path, index), document) for index, child in enumerate(node.value)]
    if node.tag == "tag:yaml.org,2002:timestamp":
        return str(node.value)
    if node.tag not in SCALARS:
        raise ConfigError.at(document.marks[path], dotted(path), f"unknown YAML tag {node.tag}")
    return YAML(typ="safe", pure=True).constructor.construct_object(node)


def _mapping(node: MappingNode, path: TreePath, document: Document) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key_node, child in node.value:
        mark = _mark(key_node, document.source)
        if not isinstance(key_node, ScalarNode):
            raise ConfigError.at(mark, dotted(path), "a key must be a plain word")
        key = str(key_node.value)
        here = (*path, key)
        if key in values:
            first = document.key_marks[here].line
            raise ConfigError.at(mark, dotted(here), f"duplicate key {key!r} (first on line {first})")
        document.key_marks[here] = mark
        values[key] = _value(child, here, document)
    return values
