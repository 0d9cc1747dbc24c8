"""The base class of every section of a YAML, and how its checks point at fields that do not fit together."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, NoReturn, Self, TypeVar

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

COMBINATION = "combination"
"""The type of pydantic's error for fields that do not fit together."""


SAID = object()
"""The value of a problem whose message says everything: nothing is appended to it."""


class Problem(NamedTuple):
    """A field that does not fit the others. ``path`` is dotted and relative to the section that is checked.

    The message is followed by ``, got`` and the value, unless that is :data:`SAID`.
    """

    path: str
    message: str
    value: object


Check = TypeVar("Check", bound=Callable[[Any], Iterator[Problem]])


def combination(check: Check) -> Check:
    """Mark a method of a section that yields each :class:`Problem`; all of them are reported at once."""
    check.__dict__["is_combination"] = True
    return check


class Section(BaseModel):
    """Base of every configuration section.

    Strict (no coercion except int to float) and frozen; unknown keys, infinities and NaN are errors. A
    section is defined in the file of the thing it configures; each field's ``description`` states its unit
    and meaning.
    """

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        names = {
            name: None
            for owner in reversed(type(self).__mro__)
            for name, member in vars(owner).items()
            if getattr(member, "is_combination", False)
        }
        refuse([problem for name in names for problem in getattr(self, name)()])
        return self


def refuse(problems: Sequence[Problem]) -> None:
    """Raise one error for all ``problems``, if there are any, from inside a model validator.

    Each names its field's place in the YAML, not the section's start.
    """
    if problems:
        words = "; ".join(problem.message for problem in problems)
        raise PydanticCustomError(COMBINATION, "{message}", {"message": words, "problems": list(problems)})


def reject(path: str, message: str, value: object) -> NoReturn:
    """Refuse one field from inside a model validator; see :class:`Problem` and :func:`combination`."""
    refuse([Problem(path, message, value)])
    raise AssertionError("refuse raises for one problem")
