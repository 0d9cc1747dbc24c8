"""What differs between two nights, one line each: commits, packages, settings, images, the device."""

from pathlib import Path

from platform.nights.ledger.records import Fingerprint, Night
from platform.nights.telling.changed_code import changed_code
from platform.nights.telling.changed_inputs import changed_data, changed_packages, changed_spaces


def changes_between(before: Night, tonight: Night, state: Path, root: Path) -> tuple[str, ...]:
    """Lines such as ``commit 1a2b3c4 Decode with libjpeg`` and ``package torch 2.11.0 → 2.12.0``.

    Args:
        before: The night that tonight is compared with: the level's last one.
        state: The plan's state folder, whose ``nights/<identity>/`` hold the snapshots of both.
        root: The checkout whose history has the commits.
    """
    old, new = before.fingerprint, tonight.fingerprint
    if old is None or new is None:
        nameless = before if old is None else tonight
        return (f"what {nameless.identity} ran with is not recorded: its changes cannot be told",)
    folders = [state / "nights" / one.identity for one in (before, tonight)]
    return (
        *changed_code(before.identity, old, tonight.identity, new, root),
        *changed_packages(old, new, *folders),
        *changed_spaces(old, new, *folders),
        *changed_data(old, new, *folders),
        *_changed_device(old, new),
    )


def _changed_device(old: Fingerprint, new: Fingerprint) -> list[str]:
    return [f"device {old.device} → {new.device}"] if old.device != new.device else []
