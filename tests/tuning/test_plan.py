"""What a sweep would do, without Ray."""

import subprocess
import sys

import pytest

from platform.config.load import load_space
from platform.tuning.plan import as_text, make_plan, size
from platform.tuning.sweep_config import SWEEP_FIELDS, SweepConfig

SPACE = """
epochs: {choice: [4, 9]}
method: {name: peer, drop_rate: {uniform: [0.1, 0.5]}, ramp_epochs: 2}
model: {backbone: resnet10t}
image_size: {choice: [16, 24, [16, 32]]}
optim: {name: sgd}
search: {trials: 10}
"""


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "space.yaml"
    path.write_text(SPACE)
    return make_plan(load_space(path, SweepConfig, fixed=SWEEP_FIELDS), "night")


def test_the_plan_counts_epochs_images_and_bytes_at_most(plan):
    assert (plan.trials, plan.epochs_at_most, plan.epochs_a_trial) == (10, 90, 9)
    assert plan.largest_image == (24, 32), "it covers every size of the space"
    assert sum(plan.data.rows.values()) == 1797
    # resnet10t has 4.93 M parameters; two networks, each weights and momentum, best and last
    assert plan.checkpoint_bytes == pytest.approx(10 * 2 * 2 * 2 * 4.93e6 * 4, rel=0.01)


def test_the_plan_is_shown_as_text(plan):
    text = as_text(plan)
    for words in ("night", "10, ", "90 at most (9 a trial)", "uniform [0.1, 0.5]", "choice [4, 9]"):
        assert words in text


def test_the_plan_needs_neither_ray_nor_timm(root):
    code = (
        "import sys; from platform.search import main; code = main(sys.argv[1:]);"
        "loaded = {'ray', 'timm', 'mlflow', 'torchvision'} & set(sys.modules); sys.exit(code or bool(loaded))"
    )
    arguments = ["search_spaces/peer.yaml", "--plan"]
    done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("count", "text"),
    [(12, "12 B"), (1_200, "1 kB"), (2_500_000, "2.5 MB"), (7.9e9, "7.9 GB"), (2e12, "2.0 TB")],
)
def test_sizes(count, text):
    assert size(count) == text
