"""What ``--plan`` says of the tables that a method keeps: how many bytes, and where they lie."""

from collections.abc import Iterable, Sequence

import torch

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
    """How much, where, and which tables have a row for each training image."""
    whole = size(sum(spec.bytes(images) for spec in specs))
    by_place: dict[str, list[str]] = {}
    for spec in specs:
        if spec.rows is None:
            form = f"{spec.name} {images:,} x {spec.width:,} {str(spec.dtype).removeprefix('torch.')}"
            is_mapped = spec.bytes(images) > IN_MEMORY_BYTES
            where = f"memory-mapped in {place}" if is_mapped else "in the device's memory"
            by_place.setdefault(where, []).append(form)
    each = "; ".join(f"{where}: {', '.join(forms)}" for where, forms in by_place.items())
    return f"{method} keeps {whole} for each worker and in each checkpoint; {each}"


def _tables(config: SweepConfig, data: Summary) -> Iterable[tuple[str, tuple[TableSpec, ...]]]:
    counts = torch.ones(len(data.classes), dtype=torch.int64)
    for phase in config.phases:
        yield phase.method.name, build_method(phase.method, counts).tables()
