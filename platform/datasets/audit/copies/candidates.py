"""Pairs of images that may be copies, and how one may lie over the other. E: views, P: pairs."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from platform.datasets.arrays import Ints
from platform.datasets.audit.copies.comparing.alignment import Laid
from platform.datasets.audit.copies.comparing.descriptors import CHUNK, WINDOWS, descriptors, mirrored
from platform.datasets.audit.copies.comparing.hamming import pairs_within
from platform.datasets.audit.copies.comparing.nearest import Index
from platform.datasets.audit.copies.comparing.small_pictures import Floats, SmallPictures

RADIUS = 6  # bits of 64 in which two hashes may differ
MOST_NEAR = 3  # views that are confirmed for each window of a view
WINDOW_BOXES = np.array([(left, top, side, side) for left, top, side in WINDOWS], dtype=np.float32)
QUERIES = ((0, True), *((window, False) for window in range(len(WINDOWS))))
"""Window of a view, and whether it is mirrored: what is looked for among the whole views."""


@dataclass(frozen=True)
class LookAlikes:
    """What is near by descriptor, and the share of it that inverted lists find."""

    laid: Laid
    recall: float


def by_hash(images: pd.DataFrame, rows: Ints, pictures: SmallPictures) -> Laid:
    """Pairs of the images ``rows`` whose pHash or dHash differ in few bits, as they are or mirrored."""
    whole = np.full(len(pictures.plain_N), -1, dtype=np.int64)
    whole[pictures.image_E[::-1]] = np.arange(len(pictures.image_E))[::-1]  # the first view is the whole
    parts = []
    for kind in ("phash", "dhash"):
        left, turned = (images[name].to_numpy(np.uint64)[rows] for name in (kind, f"{kind}_mirrored"))
        for pairs_K2, is_mirrored in (
            (pairs_within(left, None, RADIUS), False),
            (pairs_within(left, turned, RADIUS), True),
        ):
            host, piece = whole[rows[pairs_K2[:, 0]]], whole[rows[pairs_K2[:, 1]]]
            parts.append(_over_whole(piece, host, is_mirrored))
    return without_repeats(Laid.joined(parts))


def by_look(pictures: SmallPictures, views: Ints, least: float, most: int = MOST_NEAR) -> LookAlikes:
    """Pairs of ``views`` where a window of one is near another, whole, by their descriptors."""
    if not len(views):
        return LookAlikes(Laid.joined([]), 1.0)
    index = Index(described(pictures, views, 0))
    parts, recalls = [], []
    for window, is_mirrored in QUERIES:
        queries = described(pictures, views, window)
        queries = mirrored(queries) if is_mirrored else queries
        recalls.append(index.set_recall(queries, least, most + 2))
        near = index.near(queries, least, most + 2)  # itself, and its other view
        host, piece = views[near.query], views[near.view]
        differ = pictures.image_E[host] != pictures.image_E[piece]
        host, piece = host[differ], piece[differ]
        boxes = np.repeat(WINDOW_BOXES[window][None], len(host), axis=0)
        parts.append(Laid(piece, host, np.full(len(host), is_mirrored), boxes))
    return LookAlikes(without_repeats(Laid.joined(parts)), min(recalls))


def every_way(pictures: SmallPictures, one: Ints, other: Ints) -> Laid:
    """The pairs of images ``one[k]`` and ``other[k]`` in every way that one may lie over the other."""
    order = np.argsort(pictures.image_E, kind="stable").astype(np.int64)
    start = np.searchsorted(pictures.image_E[order], np.arange(len(pictures.plain_N) + 1))
    parts = []
    for host_image, piece_image in ((one, other), (other, one)):
        hosts, pieces = np.diff(start)[host_image], np.diff(start)[piece_image]
        for host_view in range(int(hosts.max(initial=0))):
            for piece_view in range(int(pieces.max(initial=0))):
                there = (hosts > host_view) & (pieces > piece_view)
                host = order[start[host_image[there]] + host_view]
                piece = order[start[piece_image[there]] + piece_view]
                for window, is_mirrored in QUERIES:
                    boxes = np.repeat(WINDOW_BOXES[window][None], len(host), axis=0)
                    parts.append(Laid(piece, host, np.full(len(host), is_mirrored), boxes))
    return Laid.joined(parts)


def closeness(pictures: SmallPictures, laid: Laid) -> Floats:
    """[P]: the cosine by which :func:`by_look` would find each pair."""
    found = np.zeros(len(laid), dtype=np.float32)
    for window, is_mirrored in QUERIES:
        box = WINDOW_BOXES[window]
        asked = np.flatnonzero((laid.window_P4 == box).all(axis=1) & (laid.mirrored_P == is_mirrored))
        hosts = described(pictures, laid.host_P[asked], window)
        hosts = mirrored(hosts) if is_mirrored else hosts
        found[asked] = (hosts * described(pictures, laid.piece_P[asked], 0)).sum(axis=1)
    return found


def described(pictures: SmallPictures, views: Ints, window: int) -> Floats:
    """[views, D] descriptors, a chunk at a time: brightness as floats takes four times its memory."""
    parts = [
        descriptors(pictures, window, views[first : first + CHUNK]) for first in range(0, len(views), CHUNK)
    ]
    return np.concatenate(parts) if parts else descriptors(pictures, window, views)


def without_repeats(laid: Laid) -> Laid:
    """Each pair of views once for each way of lying, the whole pairs of both directions once."""
    key = np.column_stack([laid.host_P, laid.piece_P, laid.mirrored_P, (laid.window_P4 * 1000).astype(int)])
    is_whole = (laid.window_P4 == WINDOW_BOXES[0]).all(axis=1)
    key[is_whole, :2] = np.sort(key[is_whole, :2], axis=1)
    places = np.sort(np.unique(key, axis=0, return_index=True)[1])
    return laid.at(places)


def _over_whole(piece: Ints, host: Ints, is_mirrored: bool) -> Laid:
    boxes = np.repeat(WINDOW_BOXES[0][None], len(host), axis=0)
    return Laid(piece, host, np.full(len(host), is_mirrored), boxes)
