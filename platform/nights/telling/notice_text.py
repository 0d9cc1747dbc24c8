"""The text of a notice: what happened, since when, what changed, where to look and what to do."""

import socket
from collections.abc import Iterator
from pathlib import Path

from platform.config.invocation import command_line
from platform.nights.ledger.records import Book, Night
from platform.nights.plan.notify_config import Occasion
from platform.nights.telling.figures import compared
from platform.nights.telling.occasions import Standing

NIGHTLY = "platform.nightly"
LOG_LINES = 5


def notice_text(book: Book, standing: Standing, occasion: Occasion, page: Path | None, file: Path) -> str:
    """``file``: the plan's YAML, for the commands. The first line says what happened."""
    night = standing.night
    lines = [_first(book, standing, occasion)]
    if occasion in ("worse", "better", "recovered"):
        lines += [f"  {line}" for line in _details(night)]
    if since := _since(standing, occasion):
        lines.append(since)
    if occasion == "failed":
        lines += [f"  {cause}" for run in night.sweeps for cause in run.failures[:LOG_LINES]]
    lines += _changes(standing, occasion)
    lines += ["", f"On {socket.gethostname()}, in {Path.cwd()}:"]
    if page is not None:
        lines.append(f"Page: {page}")
    lines += [f"{what}: {line}" for what, line in _next(standing, occasion, file)]
    return "\n".join(lines)


def _first(book: Book, standing: Standing, occasion: Occasion) -> str:
    night = standing.night
    if occasion == "missed":
        return _missed(book, standing)
    if occasion == "failed":
        verb = "was stopped" if night.state == "stopped" else "failed"
        return f"{night.identity} {verb}: {night.reason or 'no reason is recorded'}"
    if occasion == "recovered":
        return f"{night.identity} has recovered{_figure(night)}"
    return f"{night.identity} is {occasion}{_figure(night)}"


def _missed(book: Book, standing: Standing) -> str:
    """All missed nights in a row, as far as the ledger knows them now, in one line."""
    night = standing.night
    row = [one for one in book.of(night.night) if one.date >= standing.since.date]
    end = next((place for place, one in enumerate(row) if one.state not in ("missed", "skipped")), len(row))
    dates = [one.date for one in row[:end] if one.state == "missed"] or [night.date]
    if len(dates) == 1:
        return f"{night.night}@{dates[0]} was missed: {night.reason or 'nothing ticked while it was due'}"
    return f"{night.night} was missed {len(dates)} times, from {dates[0]} to {dates[-1]}: {night.reason}"


def _figure(night: Night) -> str:
    """The comparison that decided the night's verdict, and how many more there are like it."""
    deciding = [one for one in night.comparisons if one.verdict == night.verdict and night.verdict]
    if not deciding:
        return ""
    more = f", and {len(deciding) - 1} more" if len(deciding) > 1 else ""
    return f": {compared(deciding[0])}{more}"


def _details(night: Night) -> Iterator[str]:
    """Every comparison with its verdict, where there is more than the first line says."""
    if len(night.comparisons) > 1:
        for one in night.comparisons:
            yield f"{one.verdict or 'not compared'}: {compared(one)}"


def _since(standing: Standing, occasion: Occasion) -> str:
    before = standing.before
    if before is None:
        return ""
    if occasion == "recovered":
        was = "It failed" if before.condition == "failed" else f"It was {before.condition}"
        return f"{was} since {before.since.identity}."
    if occasion == "missed":
        return f"The last night that ran was {_last_run(standing)}."
    return f"New since this night; the one before, {before.night.identity}, {_was(before)}."


def _was(standing: Standing) -> str:
    night = standing.night
    if standing.condition != "well":
        return f"was {standing.condition}" if standing.condition != "failed" else "failed"
    if night.verdict is None:
        return "was the first of its series"
    return "was the same" if night.verdict == "same" else f"was {night.verdict}"


def _last_run(standing: Standing) -> str:
    before = standing.before
    while before is not None and before.condition == "missed":
        before = before.before
    return before.night.identity if before is not None else "none"


def _changes(standing: Standing, occasion: Occasion) -> list[str]:
    night = standing.night
    if occasion == "missed" or night.fingerprint is None:
        return []
    if not night.changes:
        if occasion == "failed":
            return []  # it ended before they were looked for
        return ["Nothing that is recorded changed: code, packages, spaces, data and device are the same."]
    return ["Changed since the level's last night:", *(f"  {line}" for line in night.changes)]


def _next(standing: Standing, occasion: Occasion, file: Path) -> Iterator[tuple[str, str]]:
    """What to do next, as commands that run as they are written."""
    night = standing.night
    if occasion in ("worse", "better"):
        other = standing.before.night.identity if standing.before else None
        if other is not None:
            yield "Compare", command_line(NIGHTLY, "compare", file, other, night.identity)
        why = f'{command_line(NIGHTLY, "accept", file, night.identity)} --why "…"'
        yield "If it is meant, make it the level", why
        if occasion == "worse":
            yield "Find the commit", command_line(NIGHTLY, "bisect", file, night.identity)
    elif occasion != "recovered":
        yield "All nights", command_line(NIGHTLY, "status", file)
