"""List the files of a folder: links are followed, circles of them end, nothing is gone in silence."""

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass

from platform.datasets.errors import DataError

NOT_THE_USERS = ("__MACOSX", "Thumbs.db", "desktop.ini")


@dataclass(frozen=True)
class Walk:
    """``files``: sorted, relative to the root; links that lead nowhere are among them.

    ``same_folders``: groups of folders that are one, because some of them are links.
    """

    files: tuple[str, ...]
    same_folders: tuple[tuple[str, ...], ...]


def walk(root: str) -> Walk:
    """List what is visible below ``root``; raises :class:`DataError` for a folder that cannot be listed."""
    files: list[str] = []
    places: dict[str, list[str]] = {}
    for folder, names in _folders(root, "", frozenset(), through_link=False, places=places):
        files += [folder + name for name in names]
    same = (tuple(sorted(group)) for group in places.values() if len(group) > 1)
    return Walk(tuple(sorted(files)), tuple(sorted(same)))


def _folders(
    root: str, prefix: str, above: frozenset[str], *, through_link: bool, places: dict[str, list[str]]
) -> Iterator[tuple[str, list[str]]]:
    """Each folder (with ``/`` at its end, '' for the root) and the names of its files, from the top down.

    ``above``: the real paths of the folders around; one of them below itself would never end. ``places``
    collects where each real folder was found; folders inside a link's target are not listed again.
    """
    real = os.path.realpath(os.path.join(root, prefix))
    if real in above:
        return
    if not through_link:
        places.setdefault(real, []).append(prefix.rstrip("/"))
    names: list[str] = []
    folders: list[tuple[str, bool]] = []
    try:
        with os.scandir(os.path.join(root, prefix)) as entries:
            for entry in entries:
                if not is_visible(entry.name):
                    continue
                if is_folder(entry):
                    folders.append((entry.name, entry.is_symlink()))
                else:
                    names.append(entry.name)
    except OSError as error:
        raise DataError(
            f"data.source: the folder {os.path.join(root, prefix)} cannot be listed: {error.strerror}"
        ) from error
    yield prefix, names
    for name, is_link in sorted(folders):
        below = f"{prefix}{name}/"
        if is_link and os.path.realpath(os.path.join(root, below)) not in above | {real}:
            places.setdefault(os.path.realpath(os.path.join(root, below)), []).append(below.rstrip("/"))
        inside_link = through_link or is_link
        yield from _folders(root, below, above | {real}, through_link=inside_link, places=places)


def is_folder(entry: "os.DirEntry[str]") -> bool:
    """Also of a link to a folder; a link that leads back to itself is a file, which cannot be read.

    Raises OSError for a link whose target may not be looked at: a class may lie there.
    """
    try:
        return entry.is_dir()
    except OSError as error:
        if error.errno == errno.ELOOP:
            return False
        raise


def is_file(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_file()
    except OSError as error:
        if error.errno == errno.ELOOP:
            return False
        raise


def is_visible(name: str) -> bool:
    return not name.startswith(".") and name not in NOT_THE_USERS
