"""Every file of search_spaces/: complete, valid at every corner, commented, and its samples build trials."""

import random
import re
from pathlib import Path

import pytest

from platform.config.load import load_space
from platform.tuning.run.plan import make_plan, trials_of
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from platform.tuning.space.buildable import check_buildable
from platform.tuning.space.constraint_check import draw

pytestmark = pytest.mark.sweep

ROOT = Path(__file__).parents[2]
SPACES = sorted((ROOT / "search_spaces").glob("*.yaml")) + sorted(
    (ROOT / "search_spaces/methods").glob("*.yaml")
)

REAL = {"cifar10n.yaml": "cifar10n.zip", "omniglot.yaml": "omniglot_small1.zip", "photos.yaml": "birds.zip"}
"""The spaces on data that users bring, and the file under shared/data."""

CHECKED_ELSEWHERE = ("nightly", "canaries", "policies", "rounds")
"""Folders of test_plans.py, of test_rounds.py and of tests/datasets/cleaning/test_policy.py."""


@pytest.fixture(params=SPACES, ids=lambda path: path.name)
def loaded(request):
    return load_space(request.param, SweepConfig, fixed=SWEEP_FIELDS)


def test_every_file_of_the_folder_is_a_space_that_is_checked_here():
    files = {path for path in (ROOT / "search_spaces").rglob("*") if path.is_file()}
    elsewhere = {path for path in files if path.parent.name in CHECKED_ELSEWHERE}
    assert files - elsewhere == set(SPACES), "another ending, or a folder below, would go unchecked"
    assert {path.name for path in SPACES} >= {"peer.yaml", "cross_entropy.yaml", *REAL}


def test_every_space_that_the_readme_or_the_makefile_names_is_there():
    linked = re.findall(r"\(search_spaces/(\w+\.yaml)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    run = re.findall(r"search_spaces/(\w+\.yaml)", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert linked and run
    assert {*linked, *run} <= {path.name for path in SPACES}


def test_random_samples_build_trials(loaded):
    draws = random.Random(0)
    for _ in range(20):
        trial = loaded.build(lambda _, range_: draw(draws, range_)).trial()
        assert trial.total_epochs >= 1


def test_a_space_searches_something_and_says_how(loaded):
    text = Path(loaded.document.source).read_text(encoding="utf-8")
    assert loaded.space.parameters()
    assert trials_of(loaded) >= 6
    assert text.startswith("#") and "python -m platform.search" in text
    assert loaded.first().name == Path(loaded.document.source).stem


@pytest.mark.parametrize("path", SPACES, ids=lambda path: path.name)
def test_a_space_can_be_planned_and_its_networks_built(path, request):
    overrides = []
    if path.name in REAL:
        overrides = [f"data.source={request.getfixturevalue('test_data') / REAL[path.name]}"]
    loaded = load_space(path, SweepConfig, overrides=overrides, fixed=SWEEP_FIELDS)
    plan = make_plan(loaded, path.stem)
    assert plan.trials >= 1
    assert plan.epochs_at_most >= plan.trials
    assert plan.checkpoint_bytes > 0
    assert plan.data.rows["train"] > 0
    check_buildable(loaded, plan.data.classes)
