"""Ten steps of each method as they were when the file was written (see tests/golden/steps.py)."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "golden"
RECORDED = json.loads((GOLDEN / "steps.json").read_text())


@pytest.fixture(scope="module")
def steps():
    specification = importlib.util.spec_from_file_location("golden_steps", GOLDEN / "steps.py")
    module = importlib.util.module_from_spec(specification)
    sys.modules[module.__name__] = module
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize("method", RECORDED)
def test_the_first_ten_steps_are_as_recorded(method, steps):
    found = steps.step_losses(method, steps.few_digits())
    for step, (here, recorded) in enumerate(zip(found, RECORDED[method], strict=True)):
        assert here == pytest.approx(recorded, rel=1e-3), f"step {step}"
