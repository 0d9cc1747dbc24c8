"""What ``--plan`` says of the tables that a method keeps: how many bytes, and where they lie."""

from collections.abc import Iterable, Sequence

import torch

from platform.datasets.errors import counted
from platform.datasets.preparation.data import Summary
from platform.methods import TableSpec, build_method
from platform.storage.disk import size
from platform.training.loop.method_tables import IN_MEMORY_BYTES
from platform.tuning.settings.sweep_config import SweepConfig


def table_bytes(config: SweepConfig, data: Summary) -> int:
    """The most bytes that a checkpoint's tables take."""
    images = data.rows.get("train", 0)
    return max(sum(spec.bytes(images) for spec in specs) for _, specs in _tables(config, data))


def state_lines(corners: Sequence[SweepConfig], data: Summary, place: str) -> list[str]:
    """A line for each method that keeps tables; ``place``: the folder of memory-mapped ones."""
    images = data.rows.get("train", 0)
    found: dict[str, tuple[TableSpec, ...]] = {}
    for corner in corners:
        for method, specs in _tables(corner, data):
            before = found.get(method, ())
            if sum(spec.bytes(images) for spec in specs) > sum(spec.bytes(images) for spec in before):
                found[method] = specs
    return [_line(method, specs, images, place) for method, specs in found.items()]


def _line(method: str, specs: Sequence[TableSpec], images: int, place: str) -> str:
    """How large and where, of a trial: each of its workers has all of it."""
    whole = size(sum(spec.bytes(images) for spec in specs))
    each = "; ".join(
        f"{spec.name} {images if spec.rows is None else spec.rows:,} x {spec.width:,} "
        f"{str(spec.dtype).removeprefix('torch.')}, {_where(spec, images, place)}"
        for spec in specs
    )
    many = counted(len(specs), "table")
    return f"{method} keeps {whole} for each worker, and in each checkpoint, in {many}: {each}"


def _where(spec: TableSpec, images: int, place: str) -> str:
    if spec.bytes(images) > IN_MEMORY_BYTES:
        return f"memory-mapped in {place}"
    return "in the memory of the device"


def _tables(config: SweepConfig, data: Summary) -> Iterable[tuple[str, tuple[TableSpec, ...]]]:
    counts = torch.ones(len(data.classes), dtype=torch.int64)
    for phase in config.phases:
        yield phase.method.name, build_method(phase.method, counts).tables()
