"""How far a sweep goes, as the command line says it: the only settings that a resumed one may change."""

from collections.abc import Sequence
from pathlib import Path

from platform.config.document import read_document
from platform.config.errors import UserError

TRIALS, BUDGET, CONFIRM = "search.trials", "search.budget", "search.confirm"


def overrides_of(
    space: Path, overrides: Sequence[str], *, trials: str | None, budget: str | None
) -> list[str]:
    """``overrides`` with ``--trials`` and ``--budget``, which leaves a budget's other limits as they are."""
    found = list(overrides)
    if trials is not None:
        found.append(f"{TRIALS}={trials}")
    if budget is not None:
        search = read_document(space).tree.get("search")
        is_section = isinstance(search, dict) and isinstance(search.get("budget"), dict)
        is_section = is_section or any(_key(one).startswith(f"{BUDGET}.") for one in overrides)
        found.append(f"{BUDGET}.time={budget}" if is_section else f"{BUDGET}={budget}")
    return found


def refuse_all_but_limits(overrides: Sequence[str]) -> None:
    """Raises UserError for what a resumed sweep may not change."""
    for one in overrides:
        key = _key(one)
        if not any(key == limit or key.startswith(f"{limit}.") for limit in (TRIALS, BUDGET, CONFIRM)):
            raise UserError(
                f"--resume goes on with a sweep as it was started, but for {TRIALS}, {BUDGET} and {CONFIRM}: "
                f"not {one}"
            )


def _key(override: str) -> str:
    return override.partition("=")[0].strip()
