"""Pictures gathered where the network is: the images are kept there, and only places cross for a batch."""

from weakref import WeakValueDictionary

import torch
from torch import Tensor

from platform.datasets.sources.image_decoding import Pixels
from platform.datasets.batches.crop_windows import Gather, Padding

DEVICES = ("cuda",)
"""Kinds of devices on which this pays. On a CPU numpy is faster."""
LIMIT_BYTES = 4 * 2**30
"""Images are kept on a device only up to this size."""

_kept: "WeakValueDictionary[tuple[int, int, str], Tensor]" = WeakValueDictionary()
"""(address, bytes, device) -> the same pixels there, for as long as any loader uses them."""


class DeviceGather:
    """:class:`Gather` on a device; its pictures are the same."""

    def __init__(self, gather: Gather, device: torch.device) -> None:
        self._here = gather  # so that nothing else comes to lie at the pixels' address
        self._there = _on_device(gather.flat, device)
        self._down = torch.arange(gather.size.height, device=device)
        self._across = torch.arange(gather.size.width, device=device)

    @staticmethod
    def pays(gather: Gather, device: torch.device) -> bool:
        return device.type in DEVICES and gather.flat.nbytes <= LIMIT_BYTES

    def __call__(self, places_B: Tensor, shifts_B2: Tensor, flip_B: Tensor) -> Tensor:
        """[B, S, T, 3] uint8 of the images at ``places``; all on the device, ``flip`` as bool."""
        here, canvas, across_T = self._here, self._here.canvas, self._across
        y_BS = self._down + shifts_B2[:, :1]
        x_BT = torch.where(flip_B[:, None], across_T.flip(0), across_T) + shifts_B2[:, 1:]
        rows_BS = (places_B * here.height)[:, None] + _shifted(y_BS, canvas.height, here.mode) + here.top
        columns_BT = _shifted(x_BT, canvas.width, here.mode) + here.left
        indices_BST = rows_BS[:, :, None] * here.width + columns_BT[:, None, :]
        pictures = self._there[indices_BST]
        if here.mode == "constant":
            outside_BST = _outside(y_BS, canvas.height)[:, :, None] | _outside(x_BT, canvas.width)[:, None, :]
            pictures.masked_fill_(outside_BST[..., None], 0)
        return pictures


def _on_device(flat: Pixels, device: torch.device) -> Tensor:
    address = (flat.ctypes.data, flat.nbytes, str(device))
    there = _kept.get(address)
    if there is None:
        # copied where it is read-only, which torch has no notion of
        there = torch.from_numpy(flat if flat.flags.writeable else flat.copy()).to(device)
        _kept[address] = there
    return there


def _shifted(positions_BS: Tensor, side: int, mode: Padding) -> Tensor:
    if mode == "reflect" and side > 1:
        positions_BS = positions_BS % (2 * (side - 1))
        return torch.minimum(positions_BS, 2 * (side - 1) - positions_BS)
    return positions_BS.clamp(0, side - 1)


def _outside(positions_BS: Tensor, side: int) -> Tensor:
    return (positions_BS < 0) | (positions_BS >= side)
