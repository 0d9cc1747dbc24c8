import logging
import pickle

import pytest
import safetensors.torch
import torch

from platform.models.build import build
from platform.models.errors import ModelError
from platform.models.model_config import ModelConfig
from platform.models.weights import load_weights

CONFIG = ModelConfig(backbone="test_resnet")


@pytest.fixture
def trained():
    torch.manual_seed(1)
    return build(CONFIG, 7, 32)


@pytest.fixture
def fresh():
    torch.manual_seed(2)
    return build(CONFIG, 7, 32)


def equal(one, other):
    return all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())


def test_safetensors_load_in_full(trained, fresh, tmp_path):
    safetensors.torch.save_model(trained, str(tmp_path / "w.safetensors"))
    assert load_weights(fresh, tmp_path / "w.safetensors") == ()
    assert equal(trained, fresh)


@pytest.mark.parametrize("wrap", [lambda state: state, lambda state: {"state_dict": state, "epoch": 3}])
def test_a_pth_file_loads_in_full(trained, fresh, tmp_path, wrap):
    state = {f"module.{name}": value for name, value in trained.state_dict().items()}
    torch.save(wrap(state), tmp_path / "w.pth")
    assert load_weights(fresh, tmp_path / "w.pth") == ()
    assert equal(trained, fresh)


def test_a_classifier_of_other_classes_stays_fresh_and_is_named(trained, tmp_path, caplog):
    safetensors.torch.save_model(trained, str(tmp_path / "w.safetensors"))
    with caplog.at_level(logging.WARNING):
        network = build(CONFIG.model_copy(update={"weights": str(tmp_path / "w.safetensors")}), 3, 32)
    assert torch.equal(network.conv1[0].weight, trained.conv1[0].weight)
    assert "not loaded, so initialised at random: fc.weight, fc.bias" in caplog.text


def test_a_file_of_another_network_is_an_error(fresh, tmp_path):
    other = build(ModelConfig(backbone="test_vit"), 7, 32)
    safetensors.torch.save_model(other, str(tmp_path / "w.safetensors"))
    with pytest.raises(ModelError, match=r"w.safetensors: none of its \d+ tensors fits the network"):
        load_weights(fresh, tmp_path / "w.safetensors")


def test_broken_files_are_one_line(fresh, tmp_path):
    truncated = tmp_path / "truncated.safetensors"
    truncated.write_bytes(b"\x10\0\0\0\0\0\0\0{")
    (tmp_path / "noise.pth").write_bytes(b"no weights at all")
    for path in (truncated, tmp_path / "noise.pth"):
        with pytest.raises(ModelError, match=f"{path.name}: not readable as weights") as raised:
            load_weights(fresh, path)
        assert "\n" not in str(raised.value)


class Hostile:
    def __reduce__(self):
        return print, ("executed",)


def test_nothing_in_a_file_is_executed(fresh, tmp_path, capsys):
    with (tmp_path / "w.pth").open("wb") as file:
        pickle.dump({"state_dict": Hostile()}, file, protocol=2)
    with pytest.raises(ModelError, match="w.pth: not readable as weights"):
        load_weights(fresh, tmp_path / "w.pth")
    assert "executed" not in capsys.readouterr().out
