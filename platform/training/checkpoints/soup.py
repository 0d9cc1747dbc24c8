"""Model soups: average the weights of several networks.

B: batch.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from platform.datasets.batches.loader import Batch
from platform.training.evaluation.prediction import to_layout

State = Mapping[str, Tensor]


def mean_weights(states: Sequence[State]) -> dict[str, Tensor]:
    """θ = 1/k Σ_i θ_i, tensor by tensor, added up in float64 (Wortsman et al., ICML 2022, arXiv 2203.05482).

    Integers (counters) are the first network's. Batch norm's running statistics are averaged too; they do not
    fit the averaged network, so call :func:`recompute_batch_norm`.

    Raises ValueError if names or shapes differ.
    """
    first = states[0]
    shapes = {name: value.shape for name, value in first.items()}
    if any({name: value.shape for name, value in one.items()} != shapes for one in states):
        raise ValueError("networks whose weights are to be averaged must have the same tensors")
    return {
        name: torch.stack([one[name].double() for one in states]).mean(0).to(value.dtype)
        if value.is_floating_point()
        else value.clone()
        for name, value in first.items()
    }


@torch.no_grad()
def recompute_batch_norm(network: nn.Module, batches: Iterable[Batch], *, channels_last: bool) -> None:
    """Running statistics of batch norm anew: the plain mean over ``batches`` of each batch's own.

    Averaged weights make other activations than any of the networks that they are of (Izmailov et al.,
    Averaging Weights Leads to Wider Optima, UAI 2018, section 3.3). Images only, no labels; all else is as
    when predicting. Nothing happens where there is no batch norm.
    """
    norms = [one for one in network.modules() if isinstance(one, _BatchNorm) and one.track_running_stats]
    if not norms:
        return
    with _measuring(network, norms):
        for batch in batches:
            network(to_layout(batch.images, channels_last=channels_last))


@contextmanager
def _measuring(network: nn.Module, norms: Sequence[_BatchNorm]) -> Iterator[None]:
    momenta = [one.momentum for one in norms]
    network.eval()
    for one in norms:
        one.reset_running_stats()
        one.momentum = None  # torch's word for the plain mean
        one.train()
    try:
        yield
    finally:
        for one, momentum in zip(norms, momenta, strict=True):
            one.momentum = momentum
        network.eval()
