"""The page docs/reference/python.md: the functions of platform/api.py and what they return."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

from platform import api
from platform.api_arguments import Settings
from platform.config.errors import UserError
from platform.reference.markdown import docstring
from reports.deploy.best_network import BestNetwork

PAGE = "python.md"
INTRODUCTION = """# Python

The functions of `platform_api`, and what they return. How to import it, and a tour, are in
[From Python](../python.md).

```python
import platform_api as api
```

`Settings` replace those of a YAML: `{"optim.lr": 0.1}` or `["optim.lr=0.1"]`; ranges, too.
"""
LISTS = {"Args:": "Arguments", "Attributes:": "Attributes", "Raises:": "Raises", "Returns:": "Returns"}
WIDTH = 88


class Undocumented(UserError):
    """A public name of platform/api.py has no docstring."""


def python_page() -> dict[str, str]:
    """The page by its path below docs/reference/."""
    names = [getattr(api, name) for name in api.__all__]
    functions = sorted((each for each in names if inspect.isfunction(each)), key=_line)
    classes = [each for each in names if inspect.isclass(each)]
    parts = [INTRODUCTION, "## Functions", *map(_function, functions), "## What they return and raise"]
    parts += [_class(each) for each in [*classes, BestNetwork]]
    return {PAGE: "\n\n".join(parts) + "\n"}


def _line(function: Any) -> int:
    return int(function.__code__.co_firstlineno)


def _function(function: Any) -> str:
    name = function.__name__
    return "\n\n".join((f"### `{name}` {{ #{name} }}", _signature(f"api.{name}", function), _about(function)))


def _class(each: type) -> str:
    parts = [f"### `{each.__name__}` {{ #{each.__name__} }}", _about(each)]
    for name, member in vars(each).items():
        is_own = isinstance(member, property) or inspect.isfunction(member)
        if name.startswith("_") or not is_own or not inspect.getdoc(member):
            continue
        if isinstance(member, property):
            parts.append(f"`.{name}`: {_about(member)}")
        else:
            parts += [_signature(f".{name}", member), _about(member)]
    return "\n\n".join(parts)


def _signature(name: str, function: Any) -> str:
    """The call with its arguments, types and defaults; on lines of their own where it is long."""
    given = inspect.signature(function)
    words, is_named = [], False
    for parameter in given.parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not is_named:
            words.append("*")
            is_named = True
        words.append(_plain(str(parameter)))
    returned = (
        "" if given.return_annotation is given.empty else f" -> {_plain(_type(given.return_annotation))}"
    )
    line = f"{name}({', '.join(words)}){returned}"
    if len(line) > WIDTH:
        line = "\n".join((f"{name}(", *(f"    {word}," for word in words), f"){returned}"))
    return f"```python\n{line}\n```"


def _type(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _plain(text: str) -> str:
    """Types without modules and quotes: ``Sweep | str | Path``."""
    text = text.replace(str(Settings), "Settings").replace("'", '"')
    text = re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Z])", "", text)
    text = re.sub(r'(: )"([\w. |\[\]]+)"', r"\1\2", text)
    return text[1:-1] if re.fullmatch(r'"[\w. |\[\]]+"', text) else text


def _about(thing: Any) -> str:
    """A docstring as Markdown; its lists (``Args:`` and the like) become lists."""
    text = inspect.getdoc(thing)
    if not text:
        raise Undocumented(f"{thing!r} has no docstring: the docs list it")
    return "\n\n".join(_block(block) for block in re.split(r"\n\n(?=\S)", text))


def _block(block: str) -> str:
    heading, _, body = block.partition("\n")
    if heading not in LISTS or not body.startswith("    "):
        return docstring(block)
    return "\n".join([f"**{LISTS[heading]}**", "", *_entries(inspect.cleandoc("\n" + body))])


def _entries(body: str) -> Iterator[str]:
    for entry in re.split(r"\n(?=\S)", body):
        name, _, words = entry.partition(":")
        yield f"- `{name}`: {docstring(words.strip())}"
