"""Published weights are fetched before the sweep; what cannot be had is one line with a way out."""

import pytest

from platform.config.errors import UserError
from platform.config.load import load_space
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from platform.tuning.space.pretrained_weights import fetch_pretrained

SPACE = """
epochs: 4
batch_size: 256
image_size: 32
model: {backbone: test_resnet, pretrained: PRETRAINED}
method: {name: cross_entropy, label_smoothing: {choice: [0.0, 0.1]}}
optim: {name: sgd, lr: {loguniform: [1e-2, 1e-1]}}
search: {trials: 10}
"""


@pytest.fixture
def loaded(tmp_path):
    def load(pretrained):
        (tmp_path / "space.yaml").write_text(SPACE.replace("PRETRAINED", pretrained))
        return load_space(tmp_path / "space.yaml", SweepConfig, fixed=SWEEP_FIELDS)

    return load


def test_weights_that_cannot_be_had_are_named_with_the_way_to_bring_them(loaded, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))  # empty, tests are offline
    said = []
    with pytest.raises(UserError) as raised:
        fetch_pretrained(loaded("true"), 5, said.append)
    assert said == ["weights of test_resnet"], "once, not for each corner"
    message = str(raised.value)
    assert message.startswith("model.pretrained: timm's weights of test_resnet cannot be loaded: ")
    assert "model.safetensors of https://huggingface.co/timm/test_resnet" in message
    assert message.endswith("and set model.pretrained=false model.weights=FILE")
    assert "\n" not in message


def test_nothing_is_fetched_for_random_weights(loaded):
    said = []
    fetch_pretrained(loaded("false"), 5, said.append)
    assert said == []
