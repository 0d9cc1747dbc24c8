"""What every section of a YAML is: a strict, frozen model, and how one field's check names another."""

from typing import NoReturn

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError


class Section(BaseModel):
    """Base of every configuration section.

    Strict (no coercion but int to float), frozen, unknown keys are errors, infinities and NaN too. A
    section lives in the file of the thing it configures; each field's ``description`` states its unit
    and meaning.
    """

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True
    )


def reject(path: str, message: str, value: object) -> NoReturn:
    """Refuse a combination of fields from inside a model validator, pointing at one of them.

    ``path`` is dotted and relative to the section whose validator calls; ``value`` is what stands there.
    The error is placed in the YAML at that field, not at the section's start.
    """
    raise PydanticCustomError("combination", "{message}", {"message": message, "path": path, "value": value})
