"""Gather crops on the network's device: images stay there, and a batch transfers only indices."""

from weakref import WeakValueDictionary

import torch
from torch import Tensor

from platform.datasets.arrays import Pixels
from platform.datasets.batches.crop_windows import Gather, Padding

DEVICES = ("cuda",)
"""Device types on which this is faster. On a CPU NumPy is faster."""
LIMIT_BYTES = 4 * 2**30
"""Keep images on a device up to this size only."""

_kept: "WeakValueDictionary[tuple[int, int, str], Tensor]" = WeakValueDictionary()
"""(address, bytes, device) -> the pixels on that device, while any loader uses them."""


class DeviceGather:
    """:class:`Gather` on a device, with the same result."""

    def __init__(self, gather: Gather, device: torch.device) -> None:
        self._here = gather  # keeps the pixels alive, so that their address stays unique
        self._there = _on_device(gather.flat, device)
        self._down = torch.arange(gather.size.height, device=device)
        self._across = torch.arange(gather.size.width, device=device)

    @staticmethod
    def pays(gather: Gather, device: torch.device) -> bool:
        return device.type in DEVICES and gather.flat.nbytes <= LIMIT_BYTES

    def __call__(self, places_B: Tensor, shifts_B2: Tensor, flip_B: Tensor) -> Tensor:
        """The crops [B, S, T, 3] uint8 of the images at ``places``; all on the device, ``flip`` as bool."""
        here, canvas, across_T = self._here, self._here.canvas, self._across
        y_BS = self._down + shifts_B2[:, :1]
        x_BT = torch.where(flip_B[:, None], across_T.flip(0), across_T) + shifts_B2[:, 1:]
        rows_BS = (places_B * here.height)[:, None] + _shifted(y_BS, canvas.height, here.mode) + here.top
        columns_BT = _shifted(x_BT, canvas.width, here.mode) + here.left
        indices_BST = rows_BS[:, :, None] * here.width + columns_BT[:, None, :]
        crops = self._there[indices_BST]
        if here.mode == "constant":
            outside_BST = _outside(y_BS, canvas.height)[:, :, None] | _outside(x_BT, canvas.width)[:, None, :]
            crops.masked_fill_(outside_BST[..., None], 0)
        return crops


def _on_device(flat: Pixels, device: torch.device) -> Tensor:
    address = (flat.ctypes.data, flat.nbytes, str(device))
    there = _kept.get(address)
    if there is None:
        # copied if read-only, which torch does not support
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
