"""What a YAML may hold at most: a file made to exhaust time or memory is answered in one line."""

import warnings
from io import StringIO
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, MaxDepthExceededError
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, StringMark, YAMLError
from ruamel.yaml.nodes import Node

from platform.config.errors import ConfigError, Mark, shortened

MAX_BYTES = 500_000
MAX_NODES = 20_000
"""Keys, values, lists and sections; where an alias stands, those of its anchor count again."""
MAX_DEPTH = 50
"""Lists and sections inside each other."""
MAX_DIGITS = 100
"""Characters of a number."""
MAX_KEY = 255
"""Characters of a key: a class's name may be as long as a folder's."""
MAX_OPTIONS = 1_000
"""Options of a choice: each is tried in a corner of the space."""


def read_text(path: Path) -> str:
    """The text of a YAML file; raises :class:`ConfigError` if it is missing, too large or not UTF-8."""
    if path.exists() and not path.is_file():
        raise ConfigError(f"{path}: is not a file")  # a pipe would be waited for, a device has no end
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        refuse_long(content, str(path))
        return content.decode("utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None


def refuse_long(content: bytes, source: str) -> None:
    if len(content) > MAX_BYTES:
        raise ConfigError(f"{source}: is longer than {MAX_BYTES:,} bytes, the most that a YAML may have")


def compose(text: str, source: str) -> Node | None:
    """The nodes of a document, None if it is empty; raises :class:`ConfigError` if it is not YAML."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _Counting
    yaml.max_depth = MAX_DEPTH
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReusedAnchorWarning)  # YAML allows it: the later one counts
            return yaml.compose(StringIO(text))  # type: ignore[no-any-return]
    except MaxDepthExceededError as error:
        raise _at(error.problem_mark, source, deeper()) from None
    except TooManyNodes as error:
        raise _at(error.problem_mark, source, str(error.problem)) from None
    except MarkedYAMLError as error:
        raise _at(error.problem_mark, source, f"is not YAML: {shortened(str(error.problem))}") from None
    except YAMLError as error:
        raise ConfigError.at(Mark(source), "", f"is not YAML: {str(error).splitlines()[0]}") from None


def deeper() -> str:
    return f"lists and sections lie more than {MAX_DEPTH} deep in each other"


def more_nodes() -> str:
    return f"holds more than {MAX_NODES:,} keys and values, aliases counted as often as they stand for some"


class TooManyNodes(MarkedYAMLError):
    """Raised while a document is read, before the rest of it is."""


class _Counting(Composer):
    nodes = 0

    def compose_node(self, parent: object, index: object) -> Node:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise TooManyNodes(problem=more_nodes(), problem_mark=self.parser.peek_event().start_mark)
        return super().compose_node(parent, index)  # type: ignore[no-any-return]


def _at(mark: StringMark | None, source: str, message: str) -> ConfigError:
    where = Mark(source, mark.line + 1, mark.column + 1) if mark else Mark(source)
    return ConfigError.at(where, "", message)
