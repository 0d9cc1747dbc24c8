"""Refuse a folder in which a link leads elsewhere, before anything below it is written or deleted."""

import os
import stat
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from platform.config.errors import UserError


def refuse_links(
    folder: Path, *, replaced: Collection[str] = (), locks: str | None = None, deep: bool = True
) -> None:
    """Raise UserError, which names the first of them, for links, devices and pipes at any depth below.

    ``folder`` itself may be a link. A file must not have several names (hard links) either, as one that is
    appended to or cut changes under all of them; ``replaced``: the folders directly in ``folder`` whose files
    are only ever replaced and deleted, so that they may. No link is followed to find out. What is deleted
    meanwhile is passed over, and so is what lies directly in ``folder`` under a name that begins with
    ``locks``: links that are never opened. Not ``deep``: only what lies directly in it.
    """
    for entry, top in _below(folder, deep=deep):
        if locks is not None and top.startswith(locks) and entry.is_symlink():
            continue
        with suppress(FileNotFoundError):
            _refuse(entry, folder, may_share=top in replaced)


def _refuse(entry: os.DirEntry[str], folder: Path, *, may_share: bool) -> None:
    if entry.is_symlink():
        raise UserError(
            f"{entry.path}: is a link to {os.readlink(entry.path)}, and nothing is written or deleted "
            f"through links in {folder}: put what it leads to in its place, or remove it"
        )
    if entry.is_dir(follow_symlinks=False) or (may_share and entry.is_file(follow_symlinks=False)):
        return
    found = entry.stat(follow_symlinks=False)
    if not stat.S_ISREG(found.st_mode):
        raise UserError(f"{entry.path}: is neither a file nor a folder: remove it")
    if found.st_nlink > 1:
        raise UserError(
            f"{entry.path}: is a file with {found.st_nlink} names (hard links), and writing it would change "
            f"all of them: use a copy of {folder}, made with cp -r"
        )


def _below(folder: Path, *, deep: bool) -> Iterator[tuple[os.DirEntry[str], str]]:
    """Every entry, with the name of the one directly in ``folder`` that holds it."""
    waiting: list[tuple[str, str]] = [(str(folder), "")]
    while waiting:
        place, top = waiting.pop()
        with suppress(FileNotFoundError), os.scandir(place) as entries:
            for entry in entries:
                yield entry, top or entry.name
                if deep and entry.is_dir(follow_symlinks=False):
                    waiting.append((entry.path, top or entry.name))
