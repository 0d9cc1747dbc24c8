"""Tables in which a method keeps what it knows of each training image from one epoch to the next.

A method declares its tables as :class:`TableSpec` and finds them in ``Progress.tables``. The training loop
allocates them, puts them into checkpoints and keeps them through the stages of one method. Every worker sees
the outputs of the whole batch and therefore writes the same values: tables are the same on all of them.

The trial's ledger of samples is no such table: it sums over all epochs, for people; true labels are in its
reach, and methods have none. A method that needs each image's last loss keeps 4 bytes an image and network.

Shapes: N rows of a table, K values of a row, B samples of a batch, R rows of the manifest.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class TableSpec:
    """A table of ``width`` values of type ``dtype`` a row.

    ``rows``: their number; None: one for each training image. Each value begins as ``initial``, plus normal
    noise of the standard deviation ``noise``, drawn with the trial's seed.
    """

    name: str
    width: int
    rows: int | None = None
    dtype: torch.dtype = torch.float32
    initial: float = 0.0
    noise: float = 0.0

    def bytes(self, images: int) -> int:
        """Bytes of the table for so many training images."""
        return (images if self.rows is None else self.rows) * self.width * self.dtype.itemsize


class Table(nn.Module):
    """``values_NK`` [N, K]; a table of training images is read and written by rows of the manifest.

    ``values_NK`` may lie in a memory-mapped file, and then on the CPU whatever the networks' device is.
    """

    values_NK: Tensor
    place_R: Tensor | None

    def __init__(self, values_NK: Tensor, place_R: Tensor | None = None) -> None:
        """``place_R`` [R, int64]: the table's row of each row of the manifest; None: they are the same."""
        super().__init__()
        self.register_buffer("values_NK", values_NK)
        self.register_buffer("place_R", place_R, persistent=False)

    def read(self, rows_B: Tensor) -> Tensor:
        """A copy [B, K] of the values of these rows of the manifest, on their device; half as float32."""
        values_BK = self.values_NK[self._places(rows_B)].to(rows_B.device)
        return values_BK.float() if values_BK.dtype == torch.float16 else values_BK

    def write(self, rows_B: Tensor, values_BK: Tensor) -> None:
        """Replace the values of these rows; of a row that occurs twice one of the two remains."""
        values_BK = values_BK.detach().to(self.values_NK.device, self.values_NK.dtype)
        self.values_NK[self._places(rows_B)] = values_BK

    def _places(self, rows_B: Tensor) -> Tensor:
        places_B = rows_B if self.place_R is None else self.place_R[rows_B]
        return places_B.to(self.values_NK.device)


@dataclass(frozen=True)
class LearntRows:
    """Rows of a table that a step learns by gradient descent, without momentum and decay.

    ``values_BK``: what the loss was computed from, a leaf that requires its gradient. After backward, the
    training loop writes values - learning_rate · gradient into the rows ``rows_B`` of the manifest.
    """

    table: Table
    rows_B: Tensor
    values_BK: Tensor
    learning_rate: float


def learnt_rows(table: Table, rows_B: Tensor, *, learning_rate: float) -> LearntRows:
    """The present values of these rows, ready to be learnt."""
    return LearntRows(table, rows_B, table.read(rows_B).requires_grad_(), learning_rate)
