import argparse
import logging
import os
import pickle

import pytest
import safetensors.torch
import timm
import torch

from platform.models.build import build, build_blank
from platform.models.errors import ModelError
from platform.models.model_config import ModelConfig
from platform.models.weights import Loaded, check_weights, load_weights

CONFIG = ModelConfig(backbone="test_resnet")
IN_FULL = Loaded(missing=(), ignored=(), resampled=())


@pytest.fixture
def trained():
    torch.manual_seed(1)
    return build(CONFIG, 7, 32)


@pytest.fixture
def fresh():
    torch.manual_seed(2)
    return build(CONFIG, 7, 32)


def blank(name):
    with torch.device("meta"):
        return timm.create_model(name, num_classes=7)


def equal(one, other):
    return all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())


def test_safetensors_load_in_full(trained, fresh, tmp_path):
    safetensors.torch.save_model(trained, str(tmp_path / "w.safetensors"))
    assert load_weights(fresh, tmp_path / "w.safetensors") == IN_FULL
    assert equal(trained, fresh)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"state_dict": {}, "state_dict_ema": state, "args": argparse.Namespace(lr=1)},
        lambda state: {"model": state, "arch": "test_resnet", "optimizer": {"state": {}}},
    ],
)
def test_a_pth_file_loads_in_full(wrap, trained, fresh, tmp_path):
    state = {f"module.{name}": value for name, value in trained.state_dict().items()}
    torch.save(wrap(state), tmp_path / "w.pth")
    assert check_weights(blank("test_resnet"), tmp_path / "w.pth") == IN_FULL
    assert load_weights(fresh, tmp_path / "w.pth") == IN_FULL
    assert equal(trained, fresh)


def test_the_names_of_a_compiled_network_are_understood(trained, fresh, tmp_path):
    state = {f"_orig_mod.{name}": value for name, value in trained.state_dict().items()}
    safetensors.torch.save_file(state, tmp_path / "w.safetensors")
    assert load_weights(fresh, tmp_path / "w.safetensors") == IN_FULL
    assert equal(trained, fresh)


def test_a_classifier_of_other_classes_stays_fresh_and_is_named(trained, tmp_path, caplog):
    path = tmp_path / "w.safetensors"
    safetensors.torch.save_file(trained.state_dict() | {"decoder.weight": torch.ones(2)}, path)
    with caplog.at_level(logging.WARNING):
        network = build(CONFIG.model_copy(update={"weights": str(path)}), 3, 32)
    assert torch.equal(network.conv1[0].weight, trained.conv1[0].weight)
    assert "not loaded, so initialised at random: fc.weight, fc.bias" in caplog.text
    assert "there but not used: " in caplog.text
    found = check_weights(network, path)
    assert found.missing == ("fc.weight", "fc.bias")
    assert set(found.ignored) == {"fc.weight", "fc.bias", "decoder.weight"}


@pytest.mark.parametrize(
    ("backbone", "of", "into", "resampled"),
    [
        ("test_vit", 48, 32, {"pos_embed"}),
        ("swin_tiny_patch4_window7_224", 64, 32, {"relative_position_bias_table"}),
    ],
)
def test_position_embeddings_of_another_size_are_resampled(backbone, of, into, resampled, caplog, tmp_path):
    section = ModelConfig(backbone=backbone)
    larger = build(section, 5, of)
    network = build(section, 5, into)
    safetensors.torch.save_file(larger.state_dict(), tmp_path / "w.safetensors")
    with caplog.at_level(logging.WARNING):
        loaded = load_weights(network, tmp_path / "w.safetensors")
    assert (loaded.missing, loaded.ignored) == ((), ())
    assert {name.rpartition(".")[2] for name in loaded.resampled} == resampled
    assert f"resampled to fit: {loaded.resampled[0]}" in caplog.text
    expected, found = larger.state_dict(), network.state_dict()
    for name in found.keys() - set(loaded.resampled):
        assert torch.equal(found[name], expected[name])


@pytest.mark.parametrize(
    ("of", "into"),
    [
        ("test_vit", "test_resnet"),
        ("resnet14t", "resnet10t"),  # all of the network is there, and half as much again
        ("resnet10t", "resnet14t"),  # all of the file fits
        ("resnet18d", "resnet18"),
        ("seresnet18", "resnet18"),
        ("resnext50_32x4d", "resnet50"),
        ("vit_small_patch16_224", "vit_tiny_patch16_224"),
        ("swinv2_tiny_window8_256", "swin_tiny_patch4_window7_224"),
        ("swin_small_patch4_window7_224", "swin_tiny_patch4_window7_224"),
        ("convnext_femto", "convnext_atto"),
        ("convnextv2_atto", "convnext_atto"),
    ],
)
def test_weights_of_another_architecture_are_an_error(of, into, fresh, tmp_path):
    path = tmp_path / "w.pth"
    torch.save(blank(of).state_dict(), path)
    for network in (fresh, blank(into)) if into == "test_resnet" else (blank(into),):
        before = {name: value.clone() for name, value in network.state_dict().items()}
        with pytest.raises(ModelError, match=f"of another architecture than {into}: .*% of the") as raised:
            load_weights(network, path)
        assert "\n" not in str(raised.value)
        if network is fresh:
            assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_an_architecture_that_the_file_names_is_believed(trained, tmp_path):
    torch.save({"arch": "resnet18.a1_in1k", "state_dict": trained.state_dict()}, tmp_path / "w.pth")
    with pytest.raises(ModelError, match=r"w.pth: weights of resnet18, which is not test_resnet$"):
        load_weights(trained, tmp_path / "w.pth")


def test_the_check_before_a_sweep_finds_what_does_not_fit(tmp_path):
    path = tmp_path / "w.safetensors"
    safetensors.torch.save_model(build(ModelConfig(backbone="test_vit"), 7, 32), str(path))
    section = CONFIG.model_copy(update={"weights": str(path)})
    for attempt in (build, build_blank):
        with pytest.raises(
            ModelError, match="w.safetensors: weights of another architecture than test_resnet"
        ):
            attempt(section, 7, 32)


class Hostile:
    """A pickle of it, once unpickled without care, makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def hostile_files(folder, trap):
    torch.save({"state_dict": {"fc.weight": torch.ones(2)}, "x": Hostile(trap)}, folder / "zip.pth")
    for protocol in (2, 4, 5):
        with (folder / f"protocol_{protocol}.pth").open("wb") as file:
            pickle.dump({"state_dict": Hostile(trap)}, file, protocol=protocol)
    torch.save(torch.nn.Linear(2, 2), folder / "module.pth")


def test_nothing_in_a_file_is_executed(fresh, tmp_path):
    trap = tmp_path / "executed"
    files = tmp_path / "files"
    files.mkdir()
    hostile_files(files, str(trap))
    for path in files.iterdir():
        for attempt in (load_weights, check_weights):
            with pytest.raises(
                ModelError, match=f"{path.name}: holds Python objects.*could run code"
            ) as raised:
                attempt(fresh, path)
            assert "\n" not in str(raised.value)
    assert not trap.exists()
    with (files / "protocol_2.pth").open("rb") as file:
        pickle.load(file)
    assert trap.is_dir(), "the trap works"


def broken_files(folder, network):
    safetensors.torch.save_model(network, str(folder / "whole.safetensors"))
    torch.save(network.state_dict(), folder / "whole.pth")
    torch.save(network.state_dict(), folder / "old.pth", _use_new_zipfile_serialization=False)
    for name in ("whole.safetensors", "whole.pth", "old.pth"):
        whole = (folder / name).read_bytes()
        for length in (0, 4, 30, len(whole) // 2, len(whole) - 10):
            (folder / f"cut_{length}_{name}").write_bytes(whole[:length])
    (folder / "cut_noise.pth").write_bytes(b"no weights at all")
    (folder / "cut_noise.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{")


def test_broken_files_are_one_line(fresh, tmp_path):
    broken_files(tmp_path, fresh)
    for path in tmp_path.glob("cut_*"):
        for attempt in (load_weights, check_weights):
            with pytest.raises(ModelError, match=f"{path.name}: truncated, or no file of weights") as raised:
                attempt(fresh, path)
            assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "holds no tensors by name, but a list"),
        ({"epoch": 3}, "holds no tensors by name"),
        (None, "no such file"),
    ],
)
def test_what_holds_no_weights_is_one_line(content, message, fresh, tmp_path):
    if content is not None:
        torch.save(content, tmp_path / "w.pth")
    for attempt in (load_weights, check_weights):
        with pytest.raises(ModelError, match=f"w.pth: {message}$"):
            attempt(fresh, tmp_path / "w.pth")
    with pytest.raises(ModelError, match="is a folder"):
        load_weights(fresh, tmp_path)
