"""From uint8 pictures to what a network takes. B: batch, S x T: height and width of a picture (px)."""

import numpy as np
import torch
from torch import Tensor

from platform.datasets.sources.image_decoding import Pixels
from platform.datasets.image_size import Size

Colour = tuple[float, float, float]


class Normaliser:
    """(value / 255 - mean) / std, as float32 [B, 3, S, T] in channels_last memory on ``device``.

    On a CPU the pictures are normalised as they are written. For another device they are gathered as
    uint8, a quarter of the bytes, in pinned memory if it is a GPU, and normalised there.
    """

    def __init__(self, mean: Colour, std: Colour, size: Size, device: torch.device) -> None:
        self.size, self.device = size, device
        # one value for each of a picture's numbers: broadcasting over three channels is far slower
        self._scale = np.tile(1 / (255 * np.array(std)), size.area).astype(np.float32)
        self._offset = np.tile(-np.array(mean) / np.array(std), size.area).astype(np.float32)
        self._there = [torch.from_numpy(values).to(device) for values in (self._scale, self._offset)]

    def empty(self, batch: int) -> Tensor:
        """[B, S * T * 3]: room for the pictures of a batch."""
        numbers = (batch, self.size.area * 3)
        if self.device.type == "cpu":
            # numpy asks the system for huge pages, torch does not: at 224 px its page faults would take
            # longer than everything else that is done to a picture
            return torch.from_numpy(np.empty(numbers, dtype=np.float32))
        return torch.empty(numbers, dtype=torch.uint8, pin_memory=self.device.type == "cuda")

    def write(self, room: Tensor, pictures: Pixels) -> None:
        """Put ``pictures`` [b, S, T, 3] into b rows of what :meth:`empty` gave."""
        # numpy: this runs in several threads, in each of which torch would start threads of its own
        written, flat = room.numpy(), pictures.reshape(len(pictures), -1)
        if self.device.type == "cpu":
            # two operations, not one fused: rounding then does not depend on where a vector register ends
            np.multiply(flat, self._scale, out=written)
            np.add(written, self._offset, out=written)
        else:
            written[...] = flat

    def images(self, room: Tensor) -> Tensor:
        """The filled room as images on the device."""
        if self.device.type != "cpu":
            room = self.scaled(room.to(self.device, non_blocking=True))
        return self.as_images(room)

    def scaled(self, pixels: Tensor) -> Tensor:
        """uint8 [B, S * T * 3] on the device to what they are normalised."""
        scale, offset = self._there
        return pixels.float().mul_(scale).add_(offset)

    def as_images(self, numbers: Tensor) -> Tensor:
        """[B, S * T * 3] to [B, 3, S, T]."""
        return numbers.view(-1, *self.size, 3).permute(0, 3, 1, 2)
