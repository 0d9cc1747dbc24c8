"""From a YAML file and overrides to a checked search space."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

from platform.config.check import validate
from platform.config.document import Document, dotted, override, read_document
from platform.config.errors import ConfigError
from platform.config.ranges import parse_ranges
from platform.config.section import Section
from platform.config.space import Resolved, Space, Suggest

S = TypeVar("S", bound=Section)


@dataclass(frozen=True)
class LoadedSpace(Generic[S]):
    """A space whose every corner builds a valid ``root``."""

    document: Document
    space: Space
    root: type[S]

    def build(self, suggest: Suggest) -> S:
        """One sample as a validated section; raises :class:`ConfigError` for an invalid one."""
        return self.validate(self.space.resolve(suggest))

    def corners(self) -> tuple[S, ...]:
        """The space's, validated; raises :class:`ConfigError` for the first that is invalid."""
        return self._corners

    @cached_property
    def _corners(self) -> tuple[S, ...]:
        return tuple(self.validate(corner) for corner in self.space.corners())  # 2,000 take a second

    def validate(self, resolved: Resolved) -> S:
        return validate(resolved, self.root, self.document)

    def first(self) -> S:
        """The space's first corner: what every sample has in common stands in it."""
        return self.validate(next(self.space.corners()))


def load_space(
    path: Path, root: type[S], *, overrides: Iterable[str] = (), fixed: Collection[str] = ()
) -> LoadedSpace[S]:
    """Read, override and check a space.

    ``fixed`` names the top-level sections that are one for the whole sweep: a range in one of them is an
    error. Raises :class:`ConfigError` (one line a mistake) before anything else has happened.
    """
    document = read_document(path)
    for assignment in overrides:
        override(document, assignment)
    loaded = LoadedSpace(document, Space(parse_ranges(document.tree, document)), root)
    _refuse_ranges_in(fixed, loaded)
    loaded.corners()
    return loaded


def known_space(tree: dict[str, Any], source: str, root: type[S]) -> LoadedSpace[S]:
    """A space that was checked when it was loaded, from the tree that was kept of it."""
    document = Document(source, tree)
    return LoadedSpace(document, Space(parse_ranges(tree, document)), root)


def _refuse_ranges_in(fixed: Collection[str], loaded: LoadedSpace[Any]) -> None:
    for parameter in loaded.space.parameters():
        section = parameter.path.split(".")[0]
        if section in fixed:
            path = next(known for known in loaded.document.marks if dotted(known) == parameter.path)
            message = f"{section} is one for the whole sweep, so that its trials can be compared: not a range"
            raise ConfigError.at(loaded.document.mark(path), parameter.path, message)
