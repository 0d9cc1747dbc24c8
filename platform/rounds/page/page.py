"""Write the page across rounds: state/NAME/index.html."""

from datetime import datetime
from pathlib import Path

from platform.rounds.ledger.places import PAGE
from platform.rounds.ledger.records import Book
from platform.rounds.plan.load_rounds import LoadedRounds
from platform.storage.whole_files import write_whole


def write_page(plan: LoadedRounds, book: Book) -> Path:
    """Write the page and return its path.

    Raises:
        StorageError: it cannot be written; the old page is still there.
    """
    from platform.rounds.page.render import render  # templates take a second to import

    target = plan.folder / PAGE
    write_whole(target, render(plan.config, plan.file, book, plan.folder, datetime.now().astimezone()))
    return target
