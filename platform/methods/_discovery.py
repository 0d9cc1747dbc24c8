"""The methods are the files of this folder: none is listed anywhere."""

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
    """The names that ``method.name`` may have: the files of this folder, in alphabetical order."""
    found = (module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return tuple(sorted(name for name in found if not name.startswith("_")))


def build_method(
    config: MethodSection, class_counts: Tensor, *, teacher_dims: tuple[int, ...] | None = None
) -> TrainingMethod:
    """The method that a section of the YAML describes; ``teacher_dims`` as :class:`TrainingMethod` has it."""
    method = _module(config.name).Method(config, class_counts, teacher_dims=teacher_dims)
    return cast(TrainingMethod, method)


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"platform.methods.{name}")


def _section(name: str) -> type[MethodSection]:
    """The file's ``Config`` with the key ``name`` added, which tells the sections apart."""
    tag: Any = (Literal[name], Field(name, description="the training method: a file of platform/methods"))
    title = name.title().replace("_", "") + "Section"
    bases = (_module(name).Config, MethodSection)
    return create_model(title, __base__=bases, __module__=__name__, name=tag)


SECTIONS = {name: _section(name) for name in method_names()}
"""The section of the YAML for each method's name."""

globals().update({section.__name__: section for section in SECTIONS.values()})  # so that they can be pickled

if TYPE_CHECKING:
    MethodConfig = MethodSection
else:
    MethodConfig = Annotated[reduce(or_, SECTIONS.values()), Field(discriminator="name")]
