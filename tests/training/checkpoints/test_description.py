"""A checkpoint.json that cannot be read is one line that names the file, in a search for the best, too."""

import json

import pytest

from platform.storage.folder import Folder
from platform.training.checkpoints.description import DESCRIPTION, FORMAT, best_checkpoint, metric_of
from platform.training.errors import CheckpointError


@pytest.fixture
def trial(tmp_path):
    """A trial's folder of two checkpoints."""
    for epoch, accuracy in ((1, 0.5), (2, 0.7)):
        folder = tmp_path / f"checkpoint_{epoch:06d}"
        folder.mkdir()
        description = {"format": FORMAT, "metrics": {"val/accuracy": accuracy}}
        (folder / DESCRIPTION).write_text(json.dumps(description))
    return tmp_path


def test_the_best_checkpoint_is_that_of_the_best_metric(trial):
    folder = Folder.of(trial)
    assert best_checkpoint(folder, "val/accuracy", "max").name == "checkpoint_000002"
    assert best_checkpoint(folder, "val/accuracy", "min").name == "checkpoint_000001"
    assert best_checkpoint(folder, "val/map", "max") is None


@pytest.mark.parametrize(
    ("content", "words"),
    [("{", "broken"), (b"\xff", "broken"), ('{"format": 1}', "format 1, this version reads")],
)
def test_a_broken_description_is_one_line_that_names_it(trial, content, words):
    broken = trial / "checkpoint_000001"
    (broken / DESCRIPTION).write_bytes(content.encode() if isinstance(content, str) else content)
    for look in (
        lambda: metric_of(Folder.of(broken), "val/accuracy"),
        lambda: best_checkpoint(Folder.of(trial), "val/accuracy", "max"),
    ):
        with pytest.raises(CheckpointError) as error:
            look()
        assert str(broken / DESCRIPTION) in str(error.value) and words in str(error.value)
        assert "\n" not in str(error.value)
