"""``answers.jsonl``: what a person said of images, a line an answer, appended and never rewritten."""

import fcntl
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, Final, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from platform.config.errors import UserError
from platform.datasets.sources.regular_files import read_regular
from platform.storage.disk import written_to

Said = Literal["right", "wrong", "off_topic", "unsure"]

MOST_BYTES: Final = 256_000_000
"""Of a file of answers: about two million."""


class Answer(BaseModel):
    """What a person said of one image.

    ``label`` is the class that it shows: its given one for ``right``, another one or null (not known which)
    for ``wrong``, null for the others. A line with ``undone`` takes back what was said of the image, which
    then counts as not reviewed; its answer is ``unsure``, so that a reader that does not know the field
    takes nothing from it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    path: str = Field(min_length=1, description="the image, as in images.parquet")
    answer: Said = Field(description="whether its label is right")
    label: str | None = Field(None, description="the class that it shows; null: none, or not known")
    at: AwareDatetime = Field(description="when it was said, with the time zone")
    undone: bool = Field(False, description="whether the line takes back the image's earlier answer")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.answer == "right" and self.label is None:
            raise ValueError("right needs the label that is right")
        if self.answer in ("off_topic", "unsure") and self.label is not None:
            raise ValueError(f"{self.answer} has no label, got {self.label!r}")
        if self.undone and self.answer != "unsure":
            raise ValueError(f"an undone answer is unsure, got {self.answer}")
        return self

    @property
    def line(self) -> bytes:
        """The line of the file, with its end."""
        left_out = set() if self.undone else {"undone"}
        return self.model_dump_json(exclude=left_out).encode() + b"\n"


def read_answers(file: Path) -> list[Answer]:
    """All lines in their order; none where there is no file.

    Half a line at the end, which a killed process left, was never acknowledged and is passed over. Raises
    UserError for any other line that is no answer, with its number.
    """
    if not file.exists():
        return []
    try:
        content = read_regular(file, MOST_BYTES)
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error}") from error
    whole, _, rest = content.rpartition(b"\n")
    lines = whole.split(b"\n") if whole else []
    found, mistakes = parsed(lines)
    if mistakes:
        raise UserError(f"{file}:{mistakes[0][0]}: {mistakes[0][1]}: correct the line or remove it")
    last, _ = parsed([rest])
    return [*(answer for _, answer in found), *(answer for _, answer in last)]


def parsed(lines: Sequence[bytes]) -> tuple[list[tuple[int, Answer]], list[tuple[int, str]]]:
    """The answers with their lines' numbers, from 1, and what is wrong with the other lines."""
    found, mistakes = [], []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            found.append((number, Answer.model_validate_json(line)))
        except ValidationError as error:
            mistakes.append((number, _why(error)))
    return found, mistakes


def latest(answers: Iterable[Answer]) -> dict[str, Answer]:
    """The answer that counts for each image: its last one, unless that was taken back."""
    last: dict[str, Answer] = {}
    for one in answers:
        last.pop(one.path, None)  # so that the order is that of the last answers
        last[one.path] = one
    return {path: one for path, one in last.items() if not one.undone}


def append_answers(file: Path, answers: Sequence[Answer]) -> None:
    """Append lines; when this returns they are on the disk.

    Several processes may append to one file. Half a line at its end is removed first. Raises StorageError
    where the lines cannot be written.
    """
    with written_to(file):
        is_new = not file.exists()
        with file.open("a+b") as opened:
            fcntl.flock(opened, fcntl.LOCK_EX)
            _heal(opened)
            start = opened.seek(0, os.SEEK_END)
            try:
                opened.write(b"".join(one.line for one in answers))
                opened.flush()
            except OSError:
                os.ftruncate(opened.fileno(), start)
                raise
            os.fsync(opened.fileno())
        if is_new:
            _sync_folder(file.parent)


def _heal(opened: BinaryIO) -> None:
    """End a whole last line that lacks its end; cut off half a line."""
    opened.seek(0)
    content = opened.read(MOST_BYTES)
    end = content.rfind(b"\n") + 1
    rest = content[end:]
    if not rest:
        return
    if parsed([rest])[0]:
        opened.write(b"\n")
        opened.flush()
    else:
        os.ftruncate(opened.fileno(), end)


def _why(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    words = first["msg"].removeprefix("Value error, ")
    return f"is no answer: {field}: {words}" if field else f"is no answer: {words}"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
