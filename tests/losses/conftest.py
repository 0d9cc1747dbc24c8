from pathlib import Path

import numpy as np
import pytest
import torch

GOLDEN = Path(__file__).parents[1] / "golden" / "losses.npz"


@pytest.fixture(scope="session")
def golden_losses():
    """The inputs and outputs of a case of the authors' published losses."""
    published = np.load(GOLDEN)

    def arrays(case):
        return {
            key.split("/")[1]: torch.tensor(published[key][()])
            for key in published.files
            if key.split("/")[0] == case
        }

    return arrays
