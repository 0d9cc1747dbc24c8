"""The commits between two nights, as far as the checkout knows them."""

import os
import subprocess
from pathlib import Path

from platform.nights.ledger.records import Fingerprint
from platform.nights.telling.changed_inputs import limited
from platform.tracking.environment import UNKNOWN

TIMEOUT_S = 30.0


def changed_code(before: str, old: Fingerprint, tonight: str, new: Fingerprint, root: Path) -> list[str]:
    """Lines on the code; ``before`` and ``tonight`` are identities. Empty where nothing changed."""
    lines = _commits(before, old, tonight, new, root)
    if old.code != new.code:
        lines += [
            f"code: files of the checkout differed from commit {_short(one.commit)} in {identity}"
            for identity, one in ((before, old), (tonight, new))
            if one.dirty and one.commit != UNKNOWN
        ]
    if old.code != new.code and not lines:
        lines = [f"code: platform/ or reports/ differ, though both nights ran commit {_short(new.commit)}"]
    return lines


def _commits(before: str, old: Fingerprint, tonight: str, new: Fingerprint, root: Path) -> list[str]:
    if UNKNOWN in (old.commit, new.commit):
        nameless = before if old.commit == UNKNOWN else tonight
        words = f"code: platform/ or reports/ differ; the commit of {nameless} is unknown"
        return [words] if old.code != new.code else []
    if old.commit == new.commit:
        return []
    span = f"{_short(old.commit)}..{_short(new.commit)}"
    for commit in (old.commit, new.commit):
        if not commit_is_known(commit, root):
            return [f"commits {span}: {_short(commit)} is not in the checkout {root}"]
    added = _log(old.commit, new.commit, root)
    gone = _log(new.commit, old.commit, root)
    if old.code == new.code:
        return [f"commits {span}: {len(added)}, after which platform/ and reports/ are as they were"]
    lines = limited([f"commit {one}" for one in added], "commits")
    if gone:
        lines += limited([f"commit no longer there: {one}" for one in gone], "commits no longer there")
    return lines


def commit_is_known(commit: str, root: Path) -> bool:
    return _git(root, "cat-file", "-e", f"{commit}^{{commit}}") is not None


def _log(old: str, new: str, root: Path) -> list[str]:
    return (
        _git(root, "log", "--oneline", "--no-decorate", "--first-parent", f"{old}..{new}") or ""
    ).splitlines()


def _short(commit: str) -> str:
    return commit[:7]


def _git(root: Path, *arguments: str) -> str | None:
    """What git says; None where it fails or there is none."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "-c", "core.quotePath=false", *arguments],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=TIMEOUT_S,
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
