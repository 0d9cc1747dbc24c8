"""What kind of copy one image is of another, in words. P: pairs."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from platform.datasets.arrays import Ints
from platform.datasets.audit.copies.comparing.alignment import CHUNK, FINE, Bools, Laid, patches
from platform.datasets.audit.copies.comparing.small_pictures import Floats, SmallPictures

CROPPED = 0.94  # of the other's width or height: less is a crop
RESIZED = 0.03  # of the width: more is another size
GAIN, SHIFT = 0.08, 8.0  # of the contrast, and 8-bit levels of brightness: more is another brightness
BLOCKS = 8  # along a side
COVERED = 4.0, 18.0  # times the median difference of a block, and 8-bit levels: more is covered


def words_of_pairs(pictures: SmallPictures, laid: Laid, images: pd.DataFrame) -> list[str]:
    """[P] such as ``mirrored, cropped``: what was done to one image of each pair to make the other.

    ``re-encoded`` where nothing else is seen.
    """
    found: list[str] = []
    for first in range(0, len(laid), CHUNK):
        some = laid.at(slice(first, first + CHUNK))
        found += _words(pictures, some, images)
    return found


def _words(pictures: SmallPictures, laid: Laid, images: pd.DataFrame) -> list[str]:
    pieces, hosts = patches(pictures, laid, FINE)
    gain = hosts.std(axis=(1, 2)) / np.maximum(pieces.std(axis=(1, 2)), 1.0)
    shift = hosts.mean(axis=(1, 2)) - pieces.mean(axis=(1, 2))
    is_other_light: Bools = (np.abs(gain - 1) > GAIN) | (np.abs(shift) > SHIFT)
    is_part: Bools = np.asarray((laid.window_P4[:, 2:] < CROPPED).any(axis=1))
    is_bordered = _bordered(pictures, laid, is_part)
    columns = {
        "mirrored": laid.mirrored_P,
        "bordered": is_bordered,
        "cropped": is_part & ~is_bordered,
        "resized": _resized(pictures, laid, images),
        "brightness": is_other_light,
        "partly covered (a watermark?)": _covered(pieces, hosts, gain),
    }
    return [_joined([word for word, is_it in columns.items() if is_it[row]]) for row in range(len(laid))]


def _joined(words: Sequence[str]) -> str:
    return ", ".join(words) if words else "re-encoded"


def _bordered(pictures: SmallPictures, laid: Laid, is_part_P: Bools) -> Bools:
    """[P]: one of both is without its border here; or the other is a part of one that has a border."""
    is_whole_E = (pictures.box_E4 == np.array([0, 0, 1, 1])).all(axis=1)
    has_border_N = np.zeros(len(pictures.plain_N), dtype=np.bool_)
    has_border_N[pictures.image_E[~is_whole_E]] = True
    in_border_P = is_part_P & is_whole_E[laid.host_P] & has_border_N[pictures.image_E[laid.host_P]]
    bordered_P: Bools = (is_whole_E[laid.host_P] != is_whole_E[laid.piece_P]) | in_border_P
    return bordered_P


def _resized(pictures: SmallPictures, laid: Laid, images: pd.DataFrame) -> Bools:
    """[P]: the same part of the picture has another width in px."""
    width = images["width"].to_numpy(np.float64)

    def px(views: Ints) -> npt.NDArray[np.float64]:
        box = pictures.box_E4[views]
        return np.asarray(width[pictures.image_E[views]] * (box[:, 2] - box[:, 0]))

    ratio = px(laid.host_P) * laid.window_P4[:, 2] / np.maximum(px(laid.piece_P), 1.0)
    return np.asarray(np.abs(ratio - 1) > RESIZED + 2 / np.maximum(np.minimum(px(laid.piece_P), 100.0), 1.0))


def _covered(pieces: Floats, hosts: Floats, gain: Floats) -> Bools:
    """[P]: a part differs by far more than the rest does."""
    count, side = len(pieces), FINE // BLOCKS
    levelled = (pieces - np.median(pieces, axis=(1, 2), keepdims=True)) * gain[:, None, None]
    differ = np.abs(levelled - (hosts - np.median(hosts, axis=(1, 2), keepdims=True)))
    blocks = differ.reshape(count, BLOCKS, side, BLOCKS, side).mean(axis=(2, 4)).reshape(count, -1)
    middle, most = np.median(blocks, axis=1), blocks.max(axis=1)
    return np.asarray((most > COVERED[0] * middle) & (most > COVERED[1]))
