"""What may change in a sweep's space between two of its processes; the spaces are real ones."""

import pytest

from platform.config.errors import ConfigError
from platform.config.load import load_space
from platform.tuning.resume.space_change import changes_between
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig

SPACE = """
epochs: 4
image_size: 32
model: {backbone: resnet10t}
method:
  choice:
  - {name: cross_entropy}
  - {name: peer, drop_rate: {uniform: [0.1, 0.6]}, ramp_epochs: 2}
optim: {lr: {loguniform: [1.0e-3, 1.0e-1]}}
"""
PEER = "{name: peer, drop_rate: {uniform: [0.1, 0.6]}, ramp_epochs: 2}"


@pytest.fixture
def changes(tmp_path):
    """The changes that overrides make of the space, as they are said."""

    def load(text, *overrides):
        file = tmp_path / "space.yaml"
        file.write_text(text)
        return load_space(file, SweepConfig, overrides=overrides, fixed=SWEEP_FIELDS)

    def between(*overrides, text=SPACE):
        return [str(one) for one in changes_between(load(SPACE), load(text, *overrides), "mine")]

    return between


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("search.trials=40", "search.trials: 16 → 40"),
        ("search.budget=2h", "search.budget.time: null → 2h"),
        ("search.statistic=last", "search.statistic: best → last"),
        ("report.top=2", "report.top: 5 → 2"),
        ("resources.workers=2", "resources.workers: 1 → 2"),
        (
            "search.sampler={name: random}",
            "search.sampler: curves → random, for trials drawn from now on",
        ),
        ("optim.lr={loguniform: [1e-3, 1]}", "optim.lr: loguniform [0.001, 0.1] → loguniform [0.001, 1]"),
        ("optim.lr=0.01", "optim.lr: loguniform [0.001, 0.1] → 0.01"),
        ("batch_size={choice: [32, 64]}", "batch_size: 64 → choice [32, 64]"),
        ("ema={choice: [null, {decay: 0.9}]}", "ema: null → choice [null, decay 0.9]"),
        ("method={name: cross_entropy}", "method: choice [cross_entropy, peer] → cross_entropy"),
        (
            f"method={{choice: [{{name: core}}, {PEER}]}}",
            "method: choice [cross_entropy, peer] → choice [core, peer]",
        ),
        ("data.source=elsewhere", "data.source: digits → elsewhere, if the images are the same"),
    ],
)
def test_what_may_change_is_said(changes, override, expected):
    assert changes(override) == [expected]


def test_a_range_inside_an_option_bears_the_options_name(changes):
    wider = PEER.replace("0.6", "0.9")
    assert changes(f"method={{choice: [{{name: cross_entropy}}, {wider}]}}") == [
        "method[peer].drop_rate: uniform [0.1, 0.6] → uniform [0.1, 0.9]"
    ]


@pytest.mark.parametrize(
    "override",
    [
        "seed=0",
        "search={trials: 16, budget: null, scheduler: {name: asha}, mode: max}",
        f"method={{choice: [{PEER}, {{name: cross_entropy}}]}}",
    ],
)
def test_a_default_that_is_written_out_and_another_order_are_no_change(changes, override):
    assert changes(override) == []


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("epochs=5", "epochs: was 4 in every trial and is 5: "),
        ("seed=1", "seed: was 0 in every trial and is 1: "),
        ("model.backbone=resnet18", "model.backbone: was resnet10t in every trial and is resnet18: "),
        ("ema={decay: 0.9}", "ema: was null in every trial and is {"),
        (
            f"method={{choice: [{{name: cross_entropy}}, {PEER.replace('epochs: 2', 'epochs: 3')}]}}",
            "method[peer].ramp_epochs: was 2 in every trial and is 3: ",
        ),
        ("image_size={choice: [32, 64]}", "image_size: the largest was 32 and is 64: "),
        ("data.noise={kind: symmetric, rate: 0.1}", "data.noise: was null and is symmetric: trials on other"),
        ("search.metric=val/loss", "search.metric: was val/accuracy and is val/loss: the checkpoints"),
        ("search.mode=min", "search.mode: was auto and is min: the checkpoints"),
        ("search.storage=sqlite:///o.db", "search.storage: was null and is sqlite:///o.db: the study lies"),
        ("tracking.uri=sqlite:///m.db", "tracking.uri: was null and is sqlite:///m.db: the sweep's MLflow"),
        ("experiment=other", "experiment: was null and is other: the sweep's runs"),
    ],
)
def test_what_may_not_is_one_line_that_says_why(changes, override, expected):
    with pytest.raises(ConfigError) as refused:
        changes(override)
    line = str(refused.value)
    assert line.startswith(f"command line: {expected}") and "\n" not in line
    assert "start a new sweep, which may begin with this sweep's best trials" in line


def test_a_line_of_the_yaml_is_named_and_every_mistake_has_its_own(changes, tmp_path):
    text = SPACE.replace("epochs: 4", "epochs: 6").replace("resnet10t", "resnet18")
    with pytest.raises(ConfigError) as refused:
        changes(text=text)
    first, second = str(refused.value).splitlines()
    assert first.startswith(f"{tmp_path}/space.yaml:2:9: epochs: was 4")
    assert second.startswith(f"{tmp_path}/space.yaml:4:19: model.backbone: was resnet10t")
    assert first.endswith("search.start_with: [{from: mine}]")
