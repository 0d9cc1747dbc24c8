"""The HTML of the page across rounds: one file that loads nothing from elsewhere, and has no script."""

import json
from datetime import datetime
from pathlib import Path

from platform.config.invocation import command_line
from platform.rounds.ledger.records import Book
from platform.rounds.page.course_figure import figures
from platform.rounds.page.headline import DONE_TO, answer, caveats, sentences
from platform.rounds.page.tables import data_rows, score_rows
from platform.rounds.plan.rounds_config import RoundsConfig
from reports.page.html import course_style, environment, policy

TEMPLATES = Path(__file__).parent / "templates"


def render(config: RoundsConfig, file: Path, book: Book, folder: Path, now: datetime) -> str:
    """The page's HTML. All that comes from the ledger is escaped."""
    return (
        environment(TEMPLATES)
        .get_template("rounds.html.j2")
        .render(
            config=config,
            answer=answer(book),
            made_at=f"{now:%A}, {now.day} {now:%B %Y, %H:%M} ({now:%Z})",
            sentences=[*sentences(book, config)],
            caveats=[*caveats(book)],
            scores=score_rows(book, folder),
            data=data_rows(book, folder),
            actions=list(DONE_TO.values()),
            figures=figures(book),
            begun=book.begun,
            selects_on_clean=book.begun is not None
            and json.loads(book.begun.section)["val_label"] == "clean",
            undone=book.undone,
            commands={
                "go on": command_line("platform.rounds", file),
                "take the last round back": command_line("platform.rounds", file, "--undo"),
            },
            style=course_style(TEMPLATES / "rounds.css"),
            policy=policy([]),
        )
    )
