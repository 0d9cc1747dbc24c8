"""Write the page across nights: state/index.html."""

from datetime import datetime
from pathlib import Path

from platform.nights.ledger.records import Book
from platform.nights.plan.plan_config import PlanConfig
from platform.storage.whole_files import write_whole

PAGE = "index.html"


def write_page(
    plan: PlanConfig, plan_name: str, book: Book, state: Path, now: datetime, *, file: Path | None = None
) -> Path:
    """Write the page and return its path.

    Args:
        plan_name: What the page is called.
        file: The plan's YAML, for the commands on the page.

    Raises:
        StorageError: it cannot be written; the old page is still there.
    """
    from platform.nights.page.render import render  # templates take a second to import; most ticks write none

    target = state / PAGE
    write_whole(target, render(plan, plan_name, book, state, now, file or Path(f"{plan_name}.yaml")))
    return target
