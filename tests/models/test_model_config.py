import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from platform.datasets.image_size import as_size
from platform.models import backbones
from platform.models.build import build, build_resolved
from platform.models.model_config import EmbeddingConfig, ModelConfig, checkpoint_bytes

ROOT = Path(__file__).parents[2]


def test_importing_it_leaves_timm_and_torchvision_alone():
    code = "import platform.models.model_config as m, sys; m.ModelConfig(backbone='resnet18'); "
    code += "print(sorted({'timm', 'torchvision'} & set(sys.modules)))"
    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert printed.stdout == "[]\n"


@pytest.mark.parametrize("backbone", ["resnet18", "resnet50.a1_in1k", "vit_tiny_patch16_224", "test_resnet"])
def test_timm_names_with_and_without_a_tag_are_known(backbone):
    assert ModelConfig(backbone=backbone).backbone == backbone


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"backbone": "resnett18"}, "timm has no model 'resnett18'; did you mean resnet18"),
        ({"backbone": "qqqqqqqqqq"}, "timm has no model 'qqqqqqqqqq' \\["),
        ({"backbone": "resnet50.nothing"}, "resnet50 has no weights of this tag; there are: a1_in1k, "),
        ({"backbone": "resnet18", "dropout": 1.0}, "less than 1"),
        ({"backbone": "vgg11", "drop_path": 0.1}, "vgg11 has none, so it must be 0"),
        ({"backbone": "vit_tiny_patch16_224", "stem": "small"}, "no small stem can be made for vit_tiny"),
        ({"backbone": "resnet18", "pretrained": True, "weights": "a.pth"}, "not both"),
        ({"backbone": "resnet18", "widths": 3}, "Extra inputs"),
        ({"backbone": "resnet18", "embedding": {"dim": 0}}, "greater than or equal to 1"),
        ({"backbone": "resnet18", "embedding": {"dropout": 1.0}}, "less than 1"),
    ],
)
def test_what_the_backbone_cannot_do_is_refused(wrong, message):
    with pytest.raises(ValidationError, match=message):
        ModelConfig(**wrong)


def test_published_weights_that_do_not_exist_are_refused():
    unpublished = next(one for one in backbones._table().values() if not one.pretrained)
    with pytest.raises(ValidationError, match=f"timm has no published weights of {unpublished.name}"):
        ModelConfig(backbone=unpublished.name, pretrained=True)


@pytest.fixture
def older_table(tmp_path, monkeypatch):
    """The table of an older timm, without resnet18."""
    lines = backbones.TABLE.read_text().splitlines(keepends=True)
    table = tmp_path / "older.csv"
    table.write_text(
        "".join(["# timm 1.0.0\n", *(one for one in lines[1:] if not one.startswith("resnet18,"))])
    )
    monkeypatch.setattr(backbones, "TABLE", table)
    backbones._table.cache_clear()
    yield
    backbones._table.cache_clear()


def test_a_name_newer_than_the_table_is_asked_of_timm(older_table):
    newer = ModelConfig(backbone="resnet18")
    assert newer.check_image_size(as_size(17)) is None
    assert checkpoint_bytes(newer, 7) == 0
    assert build_resolved(newer, 7, 32)[1].stem == "small"
    with pytest.raises(ValidationError, match="timm has no model 'resnett18'"):
        ModelConfig(backbone="resnett18")


@pytest.mark.parametrize(
    ("backbone", "image_size", "problem"),
    [
        ("vit_tiny_patch16_224", 40, "must be a multiple of 16 for vit_tiny_patch16_224"),
        ("vit_tiny_patch16_224", 48, None),
        ("vit_tiny_patch16_224", (64, 40), "must be a multiple of 16 for vit_tiny_patch16_224"),
        ("vit_tiny_patch16_224", (64, 32), None),
        ("resnet18", 17, None),
    ],
)
def test_image_sizes_that_do_not_fit_the_patches_are_known(backbone, image_size, problem):
    assert ModelConfig(backbone=backbone).check_image_size(as_size(image_size)) == problem


@pytest.mark.parametrize("embedding", [None, EmbeddingConfig(dim=20)])
@pytest.mark.parametrize("backbone", ["test_resnet", "mobilenetv3_small_050", "test_vit"])
def test_checkpoint_bytes_are_those_of_the_parameters(backbone, embedding):
    config = ModelConfig(backbone=backbone, embedding=embedding)
    network = build(config, 7, 160)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    assert checkpoint_bytes(config, 7) == 4 * parameters
