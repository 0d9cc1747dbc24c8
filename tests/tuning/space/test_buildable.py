"""What a space's networks cannot do is said before the sweep."""

import pytest

from platform.config.errors import UserError
from platform.config.load import load_space
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from platform.tuning.space.buildable import check_buildable

SPACE = """
epochs: 6
image_size: 32
data: {source: figures, identities: {queries: 1}}
model: {backbone: test_resnet}
peer_model: {backbone: test_convnext}
method: {name: core}
retrieval: {combination: mean}
search: {metric: val/map}
"""


@pytest.fixture
def load(tmp_path):
    def space(*overrides):
        file = tmp_path / "space.yaml"
        file.write_text(SPACE)
        return load_space(file, SweepConfig, overrides=overrides, fixed=SWEEP_FIELDS)

    return space


def test_embeddings_of_unequal_widths_have_no_mean(load):
    with pytest.raises(UserError, match=r"^retrieval.combination: mean needs .* have \d+ and \d+ dimensions"):
        check_buildable(load(), ("a", "b"))
    check_buildable(load("retrieval.combination=concatenation"), ("a", "b"))
    check_buildable(load("retrieval.networks=first"), ("a", "b"))
    check_buildable(load("model.embedding.dim=16", "peer_model.embedding.dim=16"), ("a", "b"))
