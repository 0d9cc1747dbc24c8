"""A review: its questions, what the page is told of them, and the answers as they come."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from platform.datasets.audit.answers import Answer, Said, append_answers, latest, read_answers
from platform.datasets.review.audited import Audited, open_audit, row_of
from platform.datasets.review.examples import examples
from platform.datasets.review.questions import Asked, Question, questions
from platform.datasets.review.summary import Counts, lines, next_commands


class Refused(Exception):
    """An answer that does not fit the audit; ``str()`` says why."""


class Given(BaseModel):
    """An answer as the page sends it; ``known``: how many lines of the file the page has."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    path: str
    answer: Said
    label: str | None = None
    undone: bool = False
    known: int = 0


@dataclass(frozen=True)
class Review:
    """``examples``: for each class rows of images that surely show it."""

    audited: Audited
    questions: list[Question]
    examples: list[list[int]]

    @property
    def file(self) -> Path:
        return self.audited.folder.answers_file

    @property
    def rows(self) -> set[int]:
        """Of all images that the page may show."""
        return {one.row for one in self.questions} | {row for rows in self.examples for row in rows}

    def save(self, given: Given) -> dict[str, Any]:
        """Write the answer; what the page does not know yet, in return. Raises :class:`Refused`."""
        try:
            answer = Answer(at=datetime.now(UTC), **given.model_dump(exclude={"known"}))
        except ValidationError as error:
            raise Refused(error.errors(include_url=False)[0]["msg"]) from error
        if why := mistake(self.audited, answer):
            raise Refused(why)
        append_answers(self.file, [answer])
        return self.news(given.known)

    def news(self, known: int) -> dict[str, Any]:
        """The lines of the file after the first ``known``, and the commands to run next."""
        answers = read_answers(self.file)
        start = known if 0 <= known <= len(answers) else 0
        counts = Counts.of(latest(answers).values())
        return {
            "start": start,
            "lines": [_shown(one) for one in answers[start:]],
            "next": next_commands(self.audited, counts),
        }

    def end(self) -> list[str]:
        """The last lines of the command."""
        return lines(self.audited, Counts.of(latest(read_answers(self.file)).values()))

    def described(self) -> dict[str, Any]:
        """The review as the page gets it, without pictures and answers."""
        folder = self.audited.folder.path
        key = f"{folder.resolve()} {self.audited.data.source}"
        return {
            "name": str(folder),
            "key": hashlib.sha256(key.encode()).hexdigest()[:16],
            "questions": [vars(one) for one in self.questions],
            "classes": self.audited.classes,
            "examples": self.examples,
        }


def open_review(folder: Path, kind: Asked | None, most: int) -> Review:
    """Read the audit and choose the images; raises UserError where there is nothing to review."""
    audited = open_audit(folder)
    said = latest(read_answers(audited.folder.answers_file))
    return Review(audited, questions(audited, kind, most, said.keys()), examples(audited, said))


def mistake(audited: Audited, answer: Answer) -> str | None:
    """Why the answer does not fit the audit; None if it does."""
    row = row_of(audited, answer.path)
    if row < 0:
        return f"path: {answer.path!r} is no image of this audit"
    if answer.label is not None and answer.label not in audited.known_classes:
        return f"label: {answer.label!r} is no class of this audit"
    if answer.answer == "wrong" and answer.label == audited.labels[row]:
        return f"label: {answer.label!r} is the given label, which the answer calls wrong"
    return None


def counts_by_kind(chosen: Sequence[Question]) -> dict[str, int]:
    """How many questions there are of each kind, in their order."""
    return {kind: sum(one.kind == kind for one in chosen) for kind in dict.fromkeys(q.kind for q in chosen)}


def _shown(answer: Answer) -> dict[str, Any]:
    return answer.model_dump(mode="json", exclude={"at"})
