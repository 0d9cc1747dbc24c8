"""Normalise uint8 images for a network. B: batch, S x T: height and width of the network's input (px)."""

import numpy as np
import torch
from torch import Tensor

from platform.datasets.arrays import Pixels
from platform.datasets.image_size import Size

Colour = tuple[float, float, float]


class Normaliser:
    """(value / 255 - mean) / std, as float32 [B, 3, S, T] in channels_last memory on ``device``.

    On a CPU images are normalised as they are written. For other devices they are gathered as uint8, a
    quarter of the bytes (in pinned memory for a GPU), and normalised there.
    """

    def __init__(self, mean: Colour, std: Colour, size: Size, device: torch.device) -> None:
        self.size, self.device = size, device
        # one value per number of an image: broadcasting over three channels is far slower
        self._scale = np.tile(1 / (255 * np.array(std)), size.area).astype(np.float32)
        self._offset = np.tile(-np.array(mean) / np.array(std), size.area).astype(np.float32)
        self._there = [torch.from_numpy(values).to(device) for values in (self._scale, self._offset)]

    def empty(self, batch: int) -> Tensor:
        """[B, S * T * 3]: uninitialised memory for the images of a batch."""
        numbers = (batch, self.size.area * 3)
        if self.device.type == "cpu":
            # NumPy asks for huge pages and torch does not: at 224 px its page faults take longer than
            # everything else done to an image
            return torch.from_numpy(np.empty(numbers, dtype=np.float32))
        return torch.empty(numbers, dtype=torch.uint8, pin_memory=self.device.type == "cuda")

    def write(self, room: Tensor, pictures: Pixels) -> None:
        """Write ``pictures`` [b, S, T, 3] into b rows of the memory from :meth:`empty`."""
        # NumPy, because this runs in several threads, in each of which torch would start more threads
        written, flat = room.numpy(), pictures.reshape(len(pictures), -1)
        if self.device.type == "cpu":
            # two operations instead of a fused one, so that rounding does not depend on vector registers
            np.multiply(flat, self._scale, out=written)
            np.add(written, self._offset, out=written)
        else:
            written[...] = flat

    def images(self, room: Tensor) -> Tensor:
        """The filled memory as images on the device."""
        if self.device.type != "cpu":
            room = self.scaled(room.to(self.device, non_blocking=True))
        return self.as_images(room)

    def scaled(self, pixels: Tensor) -> Tensor:
        """Normalise uint8 [B, S * T * 3] on the device."""
        scale, offset = self._there
        return pixels.float().mul_(scale).add_(offset)

    def as_images(self, numbers: Tensor) -> Tensor:
        """[B, S * T * 3] as [B, 3, S, T]."""
        return numbers.view(-1, *self.size, 3).permute(0, 3, 1, 2)
