"""Loads a YAML file with overrides as a checked search space."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

from platform.config.check import validate
from platform.config.document import Document, dotted, override, read_document
from platform.config.errors import SHOWN, ConfigError
from platform.config.ranges import parse_ranges
from platform.config.section import Section
from platform.config.space import Resolved, Space, Suggest

S = TypeVar("S", bound=Section)

CORNERS_AFTER_A_WRONG_ONE = 128
"""Corners that are still checked for other mistakes once one is wrong."""
MAX_RANGES = 500
"""Ranges and choices of a space."""


@dataclass(frozen=True)
class LoadedSpace(Generic[S]):
    """A space whose every corner builds a valid ``root``."""

    document: Document
    space: Space
    root: type[S]

    def build(self, suggest: Suggest) -> S:
        """Draw one sample as a validated section; raises :class:`ConfigError` if it is invalid."""
        return self.validate(self.space.resolve(suggest))

    def corners(self) -> tuple[S, ...]:
        """The space's corners, validated; raises one :class:`ConfigError` for all that are invalid."""
        return self._corners

    @cached_property
    def _corners(self) -> tuple[S, ...]:
        valid: list[S] = []
        wrong: dict[str, list[str]] = {}  # of a setting, what the first corner in which it is wrong says
        looked_at_more = 0
        for corner in self.space.corners():  # 2,000 take a second
            looked_at_more += bool(wrong)
            if len(wrong) > SHOWN or looked_at_more > CORNERS_AFTER_A_WRONG_ONE:
                break
            try:
                valid.append(self.validate(corner))
            except ConfigError as error:
                here: dict[str, list[str]] = {}
                for path, line in zip(error.paths, error.lines, strict=True):
                    here.setdefault(path, []).append(line)
                wrong |= {path: lines for path, lines in here.items() if path not in wrong}
        if wrong:
            raise ConfigError(*dict.fromkeys(line for lines in wrong.values() for line in lines))
        return tuple(valid)

    def validate(self, resolved: Resolved) -> S:
        return validate(resolved, self.root, self.document)

    def first(self) -> S:
        """The space's first corner, to read settings that are the same in every sample."""
        return self.validate(next(self.space.corners()))


def load_space(
    path: Path, root: type[S], *, overrides: Iterable[str] = (), fixed: Collection[str] = ()
) -> LoadedSpace[S]:
    """Read, override and check a space.

    ``fixed`` names the top-level sections that hold for the whole sweep: a range in one of them is an error.
    Raises :class:`ConfigError`, one line for each mistake.
    """
    document = read_document(path)
    for assignment in overrides:
        override(document, assignment)
    loaded = LoadedSpace(document, Space(parse_ranges(document.tree, document)), root)
    if (ranges := len(loaded.space.parameters())) > MAX_RANGES:
        raise ConfigError(f"{path}: holds {ranges:,} ranges and choices; {MAX_RANGES} are the most")
    _refuse_ranges_in(fixed, loaded)
    loaded.corners()
    return loaded


def known_space(tree: dict[str, Any], source: str, root: type[S]) -> LoadedSpace[S]:
    """A space from the stored tree of one that was checked before."""
    document = Document(source, tree)
    return LoadedSpace(document, Space(parse_ranges(tree, document)), root)


def _refuse_ranges_in(fixed: Collection[str], loaded: LoadedSpace[Any]) -> None:
    for parameter in loaded.space.parameters():
        section = parameter.path.split(".")[0]
        if section in fixed:
            path = next(known for known in loaded.document.marks if dotted(known) == parameter.path)
            message = f"{section} is one for the whole sweep, so that its trials can be compared: not a range"
            raise ConfigError.at(loaded.document.mark(path), parameter.path, message)
