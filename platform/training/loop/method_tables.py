"""The tables that a trial's method keeps: in the device's memory, or if large in memory-mapped files.

Shapes: N rows of a table, K values of a row, R rows of the manifest.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from platform.datasets.preparation.data import Data
from platform.methods import LearntRows, Table, TableSpec
from platform.storage.disk import written_to
from platform.training.errors import CheckpointError
from platform.training.loop.stages import Stage
from platform.training.seeding import Purpose, seed_torch

IN_MEMORY_BYTES = 2**30
"""A table with more bytes is memory-mapped from a file, so that it need not fit into memory."""


class MethodTables(nn.Module):
    """The tables of the stage's method, whose values checkpoints hold.

    A table goes on in the next stage if that has the same method and the method declares the same table;
    else it begins anew. A memory-mapped one has a file in ``scratch`` that has no name: it is gone when the
    process ends, however that happens. Every worker of a trial has all rows.
    """

    def __init__(self, data: Data, seed: int, device: torch.device, scratch: Path | None = None) -> None:
        super().__init__()
        self._data, self._seed, self._device = data, seed, device
        self._scratch = Path(tempfile.gettempdir()) if scratch is None else scratch
        self._tables = nn.ModuleDict()
        self._declared: tuple[str, tuple[TableSpec, ...]] = ("", ())

    @property
    def by_name(self) -> Mapping[str, Table]:
        """The method's tables."""
        return dict(self._named())

    def _named(self) -> Iterator[tuple[str, Table]]:
        for name, table in self._tables.items():
            assert isinstance(table, Table)
            yield name, table

    def enter(self, stage: Stage) -> None:
        """Make the tables of the stage's method, but for those that go on from the stage before.

        Raises :class:`StorageError` if there is no room for a memory-mapped one.
        """
        method, specs = stage.config.method.name, stage.method.tables()
        method_before, specs_before = self._declared
        before = self.by_name if method == method_before else {}
        kept = {spec.name: before[spec.name] for spec in specs if before and spec in specs_before}
        new = {spec.name: self._new(spec, place) for place, spec in enumerate(specs) if spec.name not in kept}
        self._tables = nn.ModuleDict({spec.name: (kept | new)[spec.name] for spec in specs})
        self._declared = method, specs

    def learn(self, learnt: Sequence[LearntRows], scaler: torch.amp.GradScaler) -> None:
        """Write values - learning rate · gradient; call it after backward of the scaled loss."""
        for each in learnt:
            if each.values_BK.grad is not None:
                scale: Tensor = scaler.scale(torch.ones_like(each.values_BK[:1, :1]))
                step_BK = each.learning_rate * each.values_BK.grad / scale
                each.table.write(each.rows_B, each.values_BK - step_BK)

    def save(self, folder: Path) -> None:
        """Write each table into ``folder`` as an array of numpy."""
        for name, table in self._named():
            np.save(folder / _file(name), table.values_NK.cpu().numpy(), allow_pickle=False)

    def read(self, folder: Path) -> dict[str, Tensor]:
        """The state of the checkpoint in ``folder``, memory-mapped.

        Raises :class:`CheckpointError` if a table is missing, broken or of another form.
        """
        return {f"_tables.{name}.values_NK": _read(folder / _file(name), own) for name, own in self._named()}

    def _new(self, spec: TableSpec, place: int) -> Table:
        rows = torch.from_numpy(self._data.rows("train"))
        place_R = None
        if spec.rows is None:
            place_R = torch.full((len(self._data.manifest),), len(rows))  # out of bounds for other splits
            place_R[rows] = torch.arange(len(rows))
            place_R = place_R.to(self._device)
        shape = (len(rows) if spec.rows is None else spec.rows, spec.width)
        is_mapped = spec.bytes(len(rows)) > IN_MEMORY_BYTES
        values_NK = self._memory_mapped(shape, spec) if is_mapped else torch.empty(shape, dtype=spec.dtype)
        with torch.random.fork_rng(devices=[]):
            seed_torch(self._seed, Purpose.TABLES, place)
            if spec.noise:
                values_NK.normal_(spec.initial, spec.noise)
            else:
                values_NK.fill_(spec.initial)
        return Table(values_NK if is_mapped else values_NK.to(self._device), place_R)

    def _memory_mapped(self, shape: tuple[int, int], spec: TableSpec) -> Tensor:
        count = shape[0] * shape[1]
        with written_to(self._scratch):
            self._scratch.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._scratch, prefix=".table_") as file:
                _reserve(file.fileno(), count * spec.dtype.itemsize)
                values = torch.from_file(file.name, shared=True, size=count, dtype=spec.dtype)
        return values.view(shape)


def _reserve(file: int, size: int) -> None:
    """Make the file so long; fails if the disk is too full, where a write to mapped memory would crash."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
    else:
        os.ftruncate(file, size)


def _file(name: str) -> str:
    return f"table_{name}.npy"


def _read(path: Path, own: Table) -> Tensor:
    try:
        values = np.load(path, mmap_mode="c", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise CheckpointError(f"{path}: missing or broken ({error})") from error
    expected = own.values_NK
    if values.shape != tuple(expected.shape) or torch.from_numpy(values).dtype != expected.dtype:
        form = " x ".join(map(str, values.shape))
        raise CheckpointError(f"{path}: of another trial: {form} {values.dtype}")
    return torch.from_numpy(values)
