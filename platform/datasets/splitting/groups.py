"""Groups of images that must be in one split: copies that an audit found, or files with the same bytes.

N: images.
"""

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import numpy as np
import pandas as pd

from platform.datasets.arrays import Ints
from platform.datasets.audit.findings import members_of_groups
from platform.datasets.geometry import MAX_BYTES
from platform.datasets.sources.source import FolderSource, Source

OF_COPIES: Final = ("duplicate", "near_duplicate", "conflicting_labels", "placeholder", "leak")
"""Kinds of findings whose groups hold one picture, or nearly one."""
Progress = Callable[[int, int], None]


def groups_of_findings(paths: Sequence[str], findings: pd.DataFrame) -> Ints:
    """[N]: the number of each path's group; paths that share a group of a finding have the same."""
    place = {path: number for number, path in enumerate(paths)}
    own = members_of_groups(findings, OF_COPIES)
    own = own[own["path"].isin(place)]
    members: dict[str, list[int]] = defaultdict(list)
    for path, group in zip(own["path"], own["group"], strict=True):
        members[group].append(place[path])
    return _joined(len(paths), members.values())


def groups_of_bytes(source: Source, paths: Sequence[str], progress: Progress | None = None) -> Ints:
    """[N]: the same number for files with the same bytes; files that cannot be read are alone.

    In a folder only files of equal size are read.
    """
    sizes = [_size(source, path) for path in paths]
    counts = pd.Series(sizes).value_counts()
    members: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    for number, (path, size) in enumerate(zip(paths, sizes, strict=True)):
        if size is None or counts[size] > 1:
            content = _content(source, path)
            if content is not None:
                members[len(content), hashlib.sha256(content).digest()].append(number)
        if progress is not None:
            progress(number + 1, len(paths))
    return _joined(len(paths), members.values())


def _joined(count: int, groups: Iterable[Sequence[int]]) -> Ints:
    """[N] from 0, in the order of first members: places that are in one group, directly or over others."""
    parent = list(range(count))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    for group in groups:
        first = root(group[0])
        for other in group[1:]:
            one, two = sorted((first, root(other)))
            parent[two] = first = one
    roots = np.array([root(place) for place in range(count)], dtype=np.int64)
    return np.unique(roots, return_inverse=True)[1].astype(np.int64)


def _size(source: Source, path: str) -> int | None:
    """Bytes of a file in a folder; None where reading it is the only way to know."""
    if not isinstance(source, FolderSource):
        return None
    try:
        return os.stat(source.root / path).st_size
    except (OSError, ValueError):
        return None


def _content(source: Source, path: str) -> bytes | None:
    try:
        return source.read(path, MAX_BYTES)
    except OSError:
        return None
