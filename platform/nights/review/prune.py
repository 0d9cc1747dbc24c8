"""``prune FILE``: delete what nights beyond `keep` have left, after saying how much that frees."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from platform.config.errors import UserError
from platform.datasets.errors import counted
from platform.nights.ledger.ledger import Ledger
from platform.nights.ledger.records import Night
from platform.nights.plan.plan_config import PlanConfig
from platform.nights.review.kept_nights import measured_of_level, nights_to_prune
from platform.nights.review.remains import NotOurs, Remains
from platform.storage.disk import size

Say = Callable[[str], None]


def prune(plan: PlanConfig, ledger: Ledger, now: datetime, *, dry_run: bool, say: Say) -> None:
    """Delete the folders and MLflow runs of nights that are no longer kept; the ledger keeps what they found.

    Never the champion's night, the first of the level, or one that runs; of the level's other nights the
    sweeps go, and what they measured stays. Killed in between, it is repeated.

    Raises:
        UserError: another `prune` runs; MLflow or a storage does not answer; or a night could not be deleted,
            as something else lies in its place. The others are deleted then.
    """
    if dry_run:
        _prune(plan, ledger, now, dry_run=True, say=say)
        return
    with ledger.alone("prune") as is_alone:
        if not is_alone:
            raise UserError(f"{ledger.folder}: another prune runs")
        _prune(plan, ledger, now, dry_run=False, say=say)


def _prune(plan: PlanConfig, ledger: Ledger, now: datetime, *, dry_run: bool, say: Say) -> None:
    book = ledger.read()
    nights, stay = nights_to_prune(plan, book)
    for why, count in Counter(stay.values()).items():
        identities = [identity for identity, reason in stay.items() if reason == why]
        span = identities[0] if count == 1 else f"{identities[0]} to {identities[-1]}"
        say(f"{counted(count, 'night')} beyond keep stay{'s' * (count == 1)}, as {why}: {span}")
    found, refused = _remains(nights, Path(plan.out), ledger.folder, measured_of_level(book))
    sizes = {night.identity: remains.total_bytes() for night, remains in found}
    for night, remains in found:
        folders = counted(len(remains.sweeps), "sweep")
        say(f"{night.identity}: {folders}, {size(sizes[night.identity])}")
    whole = f"{counted(len(found), 'night')}, {size(sum(sizes.values()))}, besides what MLflow keeps"
    if dry_run or not found:
        say(f"would free {whole}" if found else "nothing to prune")
    else:
        say(f"frees {whole}")
        refused += _delete(found, ledger, now, say)
    if refused:
        raise UserError("\n".join(f"not pruned: {line}" for line in refused))


def _remains(
    nights: list[Night], out: Path, state: Path, measured: set[str]
) -> tuple[list[tuple[Night, Remains]], list[str]]:
    """What each night has left, and a line for each that is not deleted; ``measured``: whose values stay."""
    found, refused = [], []
    for night in nights:
        try:
            keeps_own = night.identity in measured
            found.append((night, Remains.of(night, out, state, keeps_own=keeps_own)))
        except NotOurs as error:
            refused.append(f"{night.identity}: {error}")
    return found, refused


def _delete(found: list[tuple[Night, Remains]], ledger: Ledger, now: datetime, say: Say) -> list[str]:
    """Delete them one after another; returns one line for each that has changed in the meantime."""
    from platform.tracking.writing.deletion import command_that_frees

    addresses, refused = set(), []
    for night, remains in found:
        try:
            addresses |= remains.delete()
        except NotOurs as error:
            refused.append(f"{night.identity}: {error}")
            continue
        ledger.append(replace(night, pruned=True), at=now)
        say(f"{night.identity}: pruned")
    for uri in sorted(addresses):
        say(f"MLflow still keeps the deleted runs' files; this frees them: {command_that_frees(uri)}")
    return refused
