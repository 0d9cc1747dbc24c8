from pathlib import Path

import numpy as np
import pytest
import torch

GOLDEN = Path(__file__).parents[1] / "golden" / "losses.npz"


@pytest.fixture(scope="session")
def golden_losses():
    """The inputs and outputs of a case of the authors' published losses."""
    with np.load(GOLDEN) as file:
        published = dict(file)

    def arrays(case):
        return {
            key.split("/")[1]: torch.tensor(published[key][()])
            for key in published
            if key.split("/")[0] == case
        }

    return arrays


@pytest.fixture
def equals_published(golden_losses):
    """Compares a loss and its gradient with a case of the authors' code.

    ``loss(golden)`` is computed from the case's arrays, of which ``trained`` gets the gradient and
    ``constant``, if there is one, must get none though it could.
    """

    def check(case, loss, trained, constant=None):
        golden = golden_losses(case)
        for name in (trained, constant):
            if name is not None:
                golden[name].requires_grad_()
        actual = loss(golden)
        actual.backward()
        torch.testing.assert_close(actual, golden["loss"])
        torch.testing.assert_close(golden[trained].grad, golden["grad"])
        assert constant is None or golden[constant].grad is None

    return check
