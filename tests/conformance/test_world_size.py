"""A trial on several workers makes the same updates as on one, for every method."""

import pytest
import torch

from platform.methods import SECTIONS, method_names
from tests.conformance.spread import VARIANTS, train_all
from tests.forked import warm_processes

pytestmark = pytest.mark.sweep

SIZES = (1, 2, 4)
TRIALS = [
    *method_names(),
    *(f"{name}, unlabelled" for name, section in SECTIONS.items() if section.takes_unlabelled),
    "peer, weighted",
    *VARIANTS,
]
RELATIVE = 1e-5


@pytest.fixture(scope="module")
def trained(root, tmp_path_factory):
    """Results of each worker of each world size, by method, from real processes that talk through gloo."""
    folder, found = tmp_path_factory.mktemp("spread"), {}
    for size in SIZES:
        files = [folder / f"{size}_{rank}.pt" for rank in range(size)]
        workers = [
            warm_processes().Process(target=train_all, args=(rank, size, folder / f"meet_{size}", file))
            for rank, file in enumerate(files)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert [worker.exitcode for worker in workers] == [0] * size
        found[size] = [torch.load(file, weights_only=True) for file in files]
    return found


def relative(one, other):
    return ((one - other).abs().max() / other.abs().max().clamp(min=1e-12)).item()


@pytest.mark.parametrize("size", SIZES[1:])
@pytest.mark.parametrize("method", TRIALS)
def test_losses_and_weights_are_those_of_one_worker(method, size, trained):
    (alone,), workers = trained[1], trained[size]
    for worker in workers:
        assert relative(worker[method]["losses"], alone[method]["losses"]) < RELATIVE
        for own, other in zip(worker[method]["weights"], alone[method]["weights"], strict=True):
            assert own.keys() == other.keys()
            for name, value in own.items():
                if value.is_floating_point():
                    assert relative(value, other[name]) < RELATIVE, name


@pytest.mark.parametrize("size", SIZES[1:])
@pytest.mark.parametrize("method", TRIALS)
def test_every_worker_has_the_metrics_of_the_whole(method, size, trained):
    (alone,), workers = trained[1], trained[size]
    for worker in workers:
        for epoch, expected in zip(worker[method]["metrics"], alone[method]["metrics"], strict=True):
            assert epoch == pytest.approx(expected, rel=1e-4, abs=1e-6)
        for name, value in worker[method]["ledger"].items():
            assert torch.allclose(
                value.double(), alone[method]["ledger"][name].double(), rtol=1e-4, atol=1e-5
            ), name
