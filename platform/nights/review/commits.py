"""The commits between two nights, and a checkout of one of them beside the user's own (a git worktree)."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from platform.config.errors import UserError

SHORT = 10


@dataclass(frozen=True)
class Commit:
    sha: str
    author: str
    subject: str

    @property
    def short(self) -> str:
        return self.sha[:SHORT]

    def __str__(self) -> str:
        return f"{self.short} {self.subject} ({self.author})"


def commits_between(root: Path, good: str, bad: str) -> list[Commit]:
    """``good``, the commits after it on the way to ``bad`` (a merge counts as one), and ``bad``.

    Raises:
        UserError: the checkout at ``root`` does not have them, or one does not lead to the other.
    """
    for sha in (good, bad):
        if git(root, "cat-file", "-t", sha, is_asked=True) != "commit":
            raise UserError(f"{root}: there is no commit {sha[:SHORT]} in this checkout; fetch it first")
    if good == bad:
        raise UserError(f"both nights ran commit {good[:SHORT]}: no commit can be the cause")
    listed = git(root, "rev-list", "--first-parent", "--reverse", f"{good}..{bad}").split()
    if not listed or git(root, "merge-base", good, bad) != good:
        raise UserError(
            f"commit {good[:SHORT]} does not lead to {bad[:SHORT]}: there is nothing between them"
        )
    return [_commit(root, sha) for sha in (good, *listed)]


@contextmanager
def worktree(root: Path, folder: Path) -> Iterator[Path]:
    """A checkout at ``folder`` that :func:`check_out` fills; it is removed in the end.

    One that a killed process has left there is replaced.
    """
    _remove(root, folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    place = str(folder.absolute())
    git(root, "worktree", "add", "--quiet", "--force", "--detach", "--no-checkout", place, "HEAD")
    try:
        yield folder
    finally:
        _remove(root, folder)


def _remove(root: Path, folder: Path) -> None:
    git(root, "worktree", "remove", "--force", "--force", str(folder.absolute()), is_asked=True)
    shutil.rmtree(folder, ignore_errors=True)  # where git knew nothing of it


def check_out(folder: Path, commit: Commit) -> None:
    """Make the worktree at ``folder`` exactly the commit's files."""
    git(folder, "checkout", "--quiet", "--force", "--detach", commit.sha)
    git(folder, "clean", "--quiet", "-fdx")


def git(root: Path, *arguments: str, is_asked: bool = False) -> str:
    """What git prints, without the last newline; with ``is_asked`` "" where it refuses, else UserError."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise UserError(f"git cannot be run: {error}") from None
    if done.returncode == 0:
        return done.stdout.strip()
    if is_asked:
        return ""
    last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
    raise UserError(f"{root}: git {arguments[0]} failed: {last}")


def _commit(root: Path, sha: str) -> Commit:
    author, subject = git(root, "log", "-1", "--format=%an%n%s", sha).split("\n", 1)
    return Commit(sha, author, subject)
