"""Networks whose logits are given, and a step of a method with them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from platform.datasets.batches.loader import Batch
from platform.methods import Progress
from platform.methods._protocol import StepOutput, TrainingMethod
from platform.methods._tables import Table

GOLDEN = Path(__file__).parents[1] / "golden" / "losses.npz"


class Fixed(nn.Module):
    """A network whose logits are its only weights, whatever the images."""

    def __init__(self, logits_BC: Any) -> None:
        super().__init__()
        self.logits_BC = nn.Parameter(torch.as_tensor(logits_BC))

    def forward(self, images: Tensor) -> Tensor:
        return self.logits_BC


def batch_of(labels: Any) -> Batch:
    labels_B = torch.as_tensor(labels)
    return Batch(torch.zeros(len(labels_B), 3, 8, 8), labels_B, torch.arange(len(labels_B)))


def step(
    method: TrainingMethod, logits: Sequence[Any], labels: Any, epoch: int = 100
) -> tuple[list[Fixed], StepOutput]:
    """The networks, with gradients of the sum of the losses, and the output."""
    networks = [Fixed(each) for each in logits]
    output = method.step(networks, batch_of(labels), Progress(epoch))
    torch.stack(output.losses).sum().backward()
    return networks, output


def golden_case(case: str) -> dict[str, Any]:
    """The arrays of a case of the authors' published losses."""
    with np.load(GOLDEN) as published:
        return {key.split("/")[1]: published[key][()] for key in published.files if key.split("/")[0] == case}


def tables_of(method: TrainingMethod, images: int, dtype: torch.dtype | None = None) -> dict[str, Table]:
    """The method's tables for so many training images, which are the first rows of the manifest."""
    return {
        spec.name: Table(
            torch.full((spec.rows or images, spec.width), spec.initial, dtype=dtype or spec.dtype)
        )
        for spec in method.tables()
    }
