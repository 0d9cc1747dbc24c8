"""A YAML file as plain values with their lines and columns, and overrides applied to it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from platform.config.errors import ConfigError, Mark, UserError, shortened, show
from platform.config.yaml_limits import (
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_KEY,
    MAX_NODES,
    compose,
    deeper,
    more_nodes,
    read_text,
    refuse_long,
)

TreePath = tuple[str | int, ...]
YAML_TAG = "tag:yaml.org,2002:"
NUMBERS = {YAML_TAG + name for name in ("int", "float")}
SCALARS = {YAML_TAG + name for name in ("null", "bool", "str")} | NUMBERS


def dotted(path: Sequence[str | int]) -> str:
    return ".".join(str(part) for part in path)


@dataclass
class Document:
    """A tree of mappings, lists and scalars, and the :class:`Mark` of each key and value, by path."""

    source: str
    tree: dict[str, Any] = field(default_factory=dict)
    marks: dict[TreePath, Mark] = field(default_factory=dict)
    key_marks: dict[TreePath, Mark] = field(default_factory=dict)

    def mark(self, path: TreePath, *, key: bool = False) -> Mark:
        """Where ``path`` is written (or its key), or else its nearest parent that is."""
        if key and path in self.key_marks:
            return self.key_marks[path]
        while path not in self.marks and path:
            path = path[:-1]
        return self.marks.get(path, Mark(self.source, 1, 1))


def read_document(path: Path) -> Document:
    """Read a YAML file (YAML 1.2, one document, a mapping at its top).

    Raises :class:`ConfigError` for a file that is missing or unreadable, for text that is not YAML, for a
    duplicate key, for a tag other than YAML's plain scalars, and for more than :mod:`yaml_limits` allows.
    """
    text = read_text(path)
    document = Document(str(path))
    node = compose(text, document.source)
    if not isinstance(node, MappingNode):
        raise ConfigError.at(Mark(document.source, 1, 1), "", "must be a mapping of settings (key: value)")
    document.tree = _Values(document).value(node, ())
    return document


def override(document: Document, assignment: str) -> None:
    """Apply ``key.path=value`` (the value is YAML) to the document, in place."""
    key, equals, text = assignment.partition("=")
    path = _path_in(document.tree, key.strip().split("."))
    if not equals or "" in path:
        raise UserError(f"command line: {assignment!r} is not an override; write key.path=value")
    source = f"command line: {assignment}"
    assigned = Document(source)
    refuse_long(text.encode("utf-8", "surrogateescape"), "command line")
    node = compose(text, source) or ScalarNode(YAML_TAG + "null", "")
    value = _Values(assigned).value(node, path)
    _parent(document, path)[path[-1]] = value
    for marks in (document.marks, document.key_marks):
        for stale in [known for known in marks if known[: len(path)] == path]:
            del marks[stale]
    parents = [path[:depth] for depth in range(1, len(path) + 1) if path[:depth] not in document.key_marks]
    on_command_line = Mark("command line")
    document.marks.update(dict.fromkeys([*assigned.marks, *parents, path], on_command_line))
    document.key_marks.update(dict.fromkeys([*assigned.key_marks, *parents, path], on_command_line))


def _path_in(tree: Any, parts: list[str]) -> TreePath:
    """A numeric part is an index in a list and a key elsewhere."""
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


def yaml_text(tree: dict[str, Any]) -> str:
    """A tree of plain values as YAML in block style, its keys in their order."""
    yaml = YAML()
    yaml.default_flow_style = None
    yaml.width = 110
    text = StringIO()
    yaml.dump(tree, text)
    return text.getvalue()


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


def _mark(node: Node, source: str) -> Mark:
    if node.start_mark is None:
        return Mark(source)
    return Mark(source, node.start_mark.line + 1, node.start_mark.column + 1)


class _Values:
    """Makes plain values of a document's nodes, and notes their marks in the document."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.constructor = YAML(typ="safe", pure=True).constructor
        self.nodes = 0

    def value(self, node: Node, path: TreePath) -> Any:
        mark = self.document.marks[path] = _mark(node, self.document.source)
        self.nodes += 1
        if self.nodes > MAX_NODES:  # an alias stands for all the nodes of its anchor
            raise ConfigError.at(mark, "", more_nodes())
        if len(path) > MAX_DEPTH:  # an alias inside its own anchor never ends
            raise ConfigError.at(mark, "", deeper())
        if isinstance(node, MappingNode):
            self._refuse_tag(node, path, {YAML_TAG + "map"})
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            self._refuse_tag(node, path, {YAML_TAG + "seq"})
            return [self.value(child, (*path, index)) for index, child in enumerate(node.value)]
        if node.tag == YAML_TAG + "timestamp":
            return str(node.value)
        self._refuse_tag(node, path, SCALARS)
        return self._scalar(node, path)

    def _refuse_tag(self, node: Node, path: TreePath, known: Collection[str]) -> None:
        if node.tag not in known:
            tag = shortened(str(node.tag))
            raise ConfigError.at(self.document.marks[path], dotted(path), f"unknown YAML tag {tag}")

    def _scalar(self, node: Node, path: TreePath) -> Any:
        if node.tag in NUMBERS and len(node.value) > MAX_DIGITS:
            message = f"a number of {len(node.value):,} characters; {MAX_DIGITS} are the most"
            raise ConfigError.at(self.document.marks[path], dotted(path), message)
        try:
            value = self.constructor.construct_object(node)
        except (ValueError, KeyError):
            message = f"is not {str(node.tag).removeprefix(YAML_TAG)}, as its tag says: {show(node.value)}"
            raise ConfigError.at(self.document.marks[path], dotted(path), message) from None
        if isinstance(value, str):
            self._refuse_surrogates(value, path)
        return value

    def _refuse_surrogates(self, text: str, path: TreePath) -> None:
        """Escapes such as \\ud800 are half a character, which no file and no database can hold."""
        if any("\ud800" <= character <= "\udfff" for character in text):
            message = "holds half a character (a lone surrogate such as \\ud800)"
            raise ConfigError.at(self.document.marks[path], dotted(path), message)

    def _mapping(self, node: MappingNode, path: TreePath) -> dict[str, Any]:
        document = self.document
        values: dict[str, Any] = {}
        for key_node, child in node.value:
            mark = _mark(key_node, document.source)
            if not isinstance(key_node, ScalarNode):
                raise ConfigError.at(mark, dotted(path), "a key must be a plain word")
            key = str(key_node.value)
            if len(key) > MAX_KEY:
                message = f"a key of {len(key):,} characters; {MAX_KEY} are the most"
                raise ConfigError.at(mark, dotted(path), message)
            here = (*path, key)
            if key in values:
                first = document.key_marks[here].line
                raise ConfigError.at(mark, dotted(here), f"duplicate key {key!r} (first on line {first})")
            self._refuse_surrogates(key, path)
            document.key_marks[here] = mark
            values[key] = self.value(child, here)
        return values
