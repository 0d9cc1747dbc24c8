import dataclasses

import pytest

from platform.models.backbones import find_backbone, table_is_current
from platform.models.index import _tags, describe


def test_the_table_was_made_from_the_installed_timm():
    assert table_is_current(), "run: python -m platform.models.index"


@pytest.mark.parametrize(
    "name", ["resnet18", "vit_tiny_patch16_224", "deit_tiny_distilled_patch16_224", "vgg11", "test_convnext"]
)
def test_a_row_is_what_timm_says(name):
    assert dataclasses.asdict(describe(name, _tags()[name])) == dataclasses.asdict(find_backbone(name))
