"""Lay one small picture over a part of another, and measure how alike they are there.

P: pairs, S: SIDE of a small picture, T: samples along a side, C: candidates of a step.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from platform.datasets.arrays import Ints
from platform.datasets.audit.copies.comparing.small_pictures import SIDE, Floats, SmallPictures
from platform.datasets.images.available_cores import usable_cores

Bools = npt.NDArray[np.bool_]

COARSE, FINE = 16, 32  # samples along a side
STEPS = ((COARSE, 0.06), (COARSE, 0.03), (FINE, 0.015), (FINE, 0.008))
"""Samples and step (share of the host's side) of each round of the search for the window."""
WORTH_A_SEARCH = 0.4  # correlation where a pair lies at first: pairs below it are no copies
WORTH_MORE = 0.55  # correlation after the first two rounds
SMALLEST_WINDOW = 0.5  # of the host's side
COMPARED = 12  # samples along a side when edges are compared
CHUNK = 256  # pairs at a time


@dataclass(frozen=True)
class Laid:
    """P pairs of views: each ``piece`` lies over a window of its ``host``, mirrored or not.

    Attributes:
        window_P4: Left, top, width and height in shares of the host's view.
    """

    piece_P: Ints
    host_P: Ints
    mirrored_P: Bools
    window_P4: Floats

    def __len__(self) -> int:
        return len(self.piece_P)

    @staticmethod
    def joined(parts: Sequence["Laid"]) -> "Laid":
        """All pairs of the parts, in their order."""
        if not parts:
            none = np.empty(0, dtype=np.int64)
            return Laid(none, none, none.astype(np.bool_), np.empty((0, 4), dtype=np.float32))
        return Laid(
            np.concatenate([part.piece_P for part in parts]),
            np.concatenate([part.host_P for part in parts]),
            np.concatenate([part.mirrored_P for part in parts]),
            np.concatenate([part.window_P4 for part in parts]),
        )

    def at(self, places: Ints | slice | Bools) -> "Laid":
        return Laid(
            self.piece_P[places], self.host_P[places], self.mirrored_P[places], self.window_P4[places]
        )


def sampling(start_P: Floats, share_P: Floats, samples: int) -> Floats:
    """[P, T, S]: the mean of each of T equal parts of a window of a line of S px."""
    edges_PT = (start_P[:, None] + share_P[:, None] * np.arange(samples + 1) / samples) * SIDE
    covered = np.clip(edges_PT[:, :, None] - np.arange(SIDE), 0.0, 1.0)
    part = np.diff(covered, axis=1)
    shares: Floats = (part / np.maximum(part.sum(axis=2, keepdims=True), 1e-6)).astype(np.float32)
    return shares


def standardised(patch: Floats) -> Floats:
    """Each patch [..., T, T] with mean 0 and length 1."""
    centred = patch - patch.mean(axis=(-2, -1), keepdims=True)
    length = np.sqrt((centred * centred).sum(axis=(-2, -1), keepdims=True))
    unit: Floats = centred / np.maximum(length, 1e-3)
    return unit


def pieces(pictures: SmallPictures, laid: Laid, samples: int) -> Floats:
    """[P, T, T] brightness of the pieces, turned as their hosts are."""
    whole = sampling(np.zeros(1, np.float32), np.ones(1, np.float32), samples)[0]
    patch: Floats = whole @ pictures.luma[laid.piece_P].astype(np.float32) @ whole.T
    return np.where(laid.mirrored_P[:, None, None], patch[:, :, ::-1], patch)


def confirmed(pictures: SmallPictures, laid: Laid) -> tuple[Laid, Floats]:
    """The windows where the pieces fit best, near where they lie, and the scores [P] there, in [0, 1].

    The score is the correlation of the edges: of the differences between neighbours among 12 x 12 samples.
    Brightness and contrast do not change it; pictures that are alike only from afar have a low one.
    0: given up on the way.
    """
    if not len(laid):
        return laid, np.empty(0, dtype=np.float32)
    chunks = [laid.at(slice(first, first + CHUNK)) for first in range(0, len(laid), CHUNK)]
    with ThreadPoolExecutor(usable_cores(), thread_name_prefix="confirm") as pool:
        found = list(pool.map(partial(_confirmed, pictures), chunks))
    return Laid.joined([one for one, _ in found]), np.concatenate([scores for _, scores in found])


def _confirmed(pictures: SmallPictures, laid: Laid) -> tuple[Laid, Floats]:
    window, score = laid.window_P4.copy(), np.zeros(len(laid), dtype=np.float32)
    pieces_PTT, hosts_PTT = patches(pictures, laid, COARSE)
    fit = (standardised(pieces_PTT) * standardised(hosts_PTT)).sum(axis=(1, 2))
    active = np.flatnonzero(fit >= WORTH_A_SEARCH)
    for number, (samples, step) in enumerate(STEPS):
        hosts = pictures.luma[laid.host_P[active]].astype(np.float32)
        target = standardised(pieces(pictures, laid.at(active), samples))
        for axis in (1, 0):
            window[active], fit = _moved(hosts, target, window[active], axis, step)
        if number == 1:
            active = active[fit >= WORTH_MORE]
    moved = replace(laid, window_P4=window)
    score[active] = _edges_alike(*patches(pictures, moved.at(active), COMPARED))
    return moved, score


def _edges_alike(pieces_PTT: Floats, hosts_PTT: Floats) -> Floats:
    """[P]: correlation of the differences between neighbours, across and down; at least 0."""
    one, other = (
        np.stack([np.diff(each, axis=2)[:, 1:], np.diff(each, axis=1)[:, :, 1:]], axis=1)
        for each in (pieces_PTT, hosts_PTT)
    )
    product = (one * other).sum(axis=(1, 2, 3))
    lengths = np.sqrt((one * one).sum(axis=(1, 2, 3)) * (other * other).sum(axis=(1, 2, 3)))
    alike: Floats = np.clip(product / (lengths + 1.0), 0.0, 1.0).round(4).astype(np.float32)
    return alike


def _moved(hosts: Floats, target: Floats, window_P4: Floats, axis: int, step: float) -> tuple[Floats, Floats]:
    """The windows moved and stretched along one axis by up to ``step``, where that fits better."""
    samples = target.shape[-1]
    other = sampling(window_P4[:, 1 - axis], window_P4[:, 3 - axis], samples)
    across = hosts if axis == 0 else hosts.transpose(0, 2, 1)  # lines along the axis are its last dimension
    lines: Floats = other @ across  # [P, T, S]
    flipped = target if axis == 0 else target.transpose(0, 2, 1)
    best = np.full(len(hosts), -2.0, dtype=np.float32)
    found = window_P4.copy()
    for start_step in (0, -1, 1):
        for end_step in (0, -1, 1):
            start = np.clip(window_P4[:, axis] + start_step * step, 0.0, 1 - SMALLEST_WINDOW)
            end = np.clip(window_P4[:, axis] + window_P4[:, axis + 2] + end_step * step, 0.0, 1.0)
            share = np.maximum(end - start, SMALLEST_WINDOW)
            patch = lines @ sampling(start, share, samples).transpose(0, 2, 1)
            fit = (standardised(patch.astype(np.float32, copy=False)) * flipped).sum(axis=(1, 2))
            is_better = fit > best + 1e-6
            best = np.where(is_better, fit, best)
            found[:, axis] = np.where(is_better, start, found[:, axis])
            found[:, axis + 2] = np.where(is_better, share, found[:, axis + 2])
    return found, best


def patches(pictures: SmallPictures, laid: Laid, samples: int = FINE) -> tuple[Floats, Floats]:
    """[P, T, T] brightness of the pieces, and of the windows under them."""
    left, top, width, height = laid.window_P4.T
    down, across = sampling(top, height, samples), sampling(left, width, samples)
    hosts = down @ pictures.luma[laid.host_P].astype(np.float32) @ across.transpose(0, 2, 1)
    return pieces(pictures, laid, samples), hosts
