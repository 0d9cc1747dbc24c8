"""Find the methods: each file of this folder is one."""

import importlib
import pkgutil
from functools import reduce
from operator import or_
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import Field, create_model
from torch import Tensor

from platform.methods._protocol import MethodSection, TrainingMethod


def method_names() -> tuple[str, ...]:
    """The valid values of ``method.name``: the files of this folder, in alphabetical order."""
    names = (module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return tuple(sorted(name for name in names if not name.startswith("_")))


def build_method(
    config: MethodSection,
    class_counts: Tensor,
    *,
    teacher_dims: tuple[int, ...] | None = None,
    cosine_scale: float | None = None,
) -> TrainingMethod:
    """Build the method of a YAML section; for the other arguments see :class:`TrainingMethod`."""
    method = _module(config.name).Method(
        config, class_counts, teacher_dims=teacher_dims, cosine_scale=cosine_scale
    )
    return cast(TrainingMethod, method)


def metrics_in_words() -> dict[str, dict[str, str]]:
    """What the metrics of the methods' steps are: name without ``train/`` -> method -> words."""
    found: dict[str, dict[str, str]] = {}
    for method in method_names():
        for name, words in _module(method).Method.metrics.items():
            found.setdefault(name, {})[method] = words
    return found


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"platform.methods.{name}")


def _section(name: str) -> type[MethodSection]:
    """The file's ``Config`` and docstring, plus the key ``name``, which distinguishes the sections."""
    tag: Any = (Literal[name], Field(name, description="the training method: a file of platform/methods"))
    title = name.title().replace("_", "") + "Section"
    bases = (_module(name).Config, MethodSection)
    return create_model(title, __base__=bases, __module__=__name__, __doc__=_module(name).__doc__, name=tag)


SECTIONS = {name: _section(name) for name in method_names()}
"""Method name -> class of its YAML section."""

globals().update({section.__name__: section for section in SECTIONS.values()})  # so that they can be pickled

if TYPE_CHECKING:
    MethodConfig = MethodSection
else:
    MethodConfig = Annotated[reduce(or_, SECTIONS.values()), Field(discriminator="name")]
