"""``--take``: answers from a page that was a file, checked and appended to those of the audit."""

from dataclasses import dataclass
from pathlib import Path

from platform.config.errors import ConfigError, UserError, one_line
from platform.datasets.audit.answers import MOST_BYTES, Answer, append_answers, parsed, read_answers
from platform.datasets.review.audited import Audited
from platform.datasets.review.session import mistake
from platform.datasets.sources.regular_files import read_regular


@dataclass(frozen=True)
class Taken:
    """Numbers of lines.

    Attributes:
        new: Appended.
        known: There already.
        older: Left out, because the audit has a later answer for the image.
    """

    new: int
    known: int
    older: int


def take(audited: Audited, file: Path) -> Taken:
    """Append the answers of a file, all or none; taking a file twice changes nothing.

    Raises:
        UserError: the file cannot be read, or a line is no answer to an image of this audit; a line each.
    """
    answers = _checked(audited, file)
    ours = read_answers(audited.folder.answers_file)
    there = {one.line for one in ours}
    last = {one.path: one for one in ours}
    new = [one for one in answers if one.line not in there]
    fresh = [one for one in new if one.path not in last or one.at >= last[one.path].at]
    if fresh:
        append_answers(audited.folder.answers_file, fresh)
    return Taken(len(fresh), len(answers) - len(new), len(new) - len(fresh))


def _checked(audited: Audited, file: Path) -> list[Answer]:
    try:
        content = read_regular(file, MOST_BYTES)
    except OSError as error:
        raise UserError(f"--take: {file} cannot be read: {error}") from error
    found, mistakes = parsed(content.split(b"\n"))
    if not found and not mistakes:
        raise UserError(f"--take: {file} holds no answers")
    wrong = [(number, why) for number, one in found if (why := mistake(audited, one)) is not None]
    if mistakes or wrong:
        raise ConfigError(*(one_line(f"{file}:{number}: {why}") for number, why in sorted(mistakes + wrong)))
    return [one for _, one in found]
