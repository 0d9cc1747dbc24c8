"""A search with several goals whose disk is full at first; then it goes on, confirms and reports."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from platform.config.load import load_space
from platform.storage.disk import free_bytes
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from platform.tuning.space.points_of_earlier_sweep import starts_of
from tests.small_disks import small_file_system
from tests.sweeps.runs import Runs

pytestmark = [pytest.mark.sweep, pytest.mark.timeout(1200)]

SPACE = """
name: digits
epochs: 2
batch_size: 64
image_size: {choice: [8, 12]}
data: {source: digits, test_share: 0.2}
model: {backbone: {choice: [test_resnet, test_efficientnet]}}
method: {name: cross_entropy}
optim: {lr: {loguniform: [1e-2, 1e-1]}}
schedule: {name: constant, warmup_epochs: 0}
search:
  metric: [val/accuracy, model/parameters]
  trials: 5
  sampler: {name: tpe, n_startup_trials: 2}
  scheduler: {name: asha, grace_period: 1, reduction_factor: 2}
  confirm: {top: 1, seeds: 2}
  start_with:
  - {image_size: 8, model.backbone: test_resnet, optim.lr: 0.02}
  - {image_size: 8, model.backbone: test_resnet, optim.lr: 0.03}
  - {image_size: 8, model.backbone: test_resnet, optim.lr: 0.04}
  - {image_size: 8, model.backbone: test_resnet, optim.lr: 0.05}
report: {top: 2, soup: false}
resources: {max_concurrent_trials: 1}
"""


@dataclass(frozen=True)
class Story:
    """``full``: the command that met the full disk, None without one; ``said``: what the last one printed."""

    runs: Runs
    full: subprocess.CompletedProcess[str] | None
    drafts: list[Path]
    said: str

    @property
    def folder(self) -> Path:
        return self.runs.out / "digits"

    def drawn(self) -> pd.DataFrame:
        """The trials of the search, without those that confirm its best."""
        table = self.runs.table("digits")
        return table[table["rank"].notna()]


@pytest.fixture(scope="module")
def story(new_runs, tmp_path_factory):
    """The sweep's disk has room for three checkpoints of test_resnet until the sweep is resumed."""
    disk = tmp_path_factory.mktemp("disk") / "runs"
    with small_file_system(disk, "256m") as is_small:
        runs = new_runs("goals", SPACE, out=disk)
        four = [runs.space, "--trials", "4", "search.confirm=null"]
        full, drafts = None, []
        if is_small:
            ballast = disk / "ballast"
            ballast.write_bytes(bytes(free_bytes(disk) - 11_000_000))
            full, drafts = runs.search(*four), list(disk.rglob("*.draft"))
            ballast.unlink()
        else:
            runs.done(*four)
        confirm = "search.confirm={top: 1, seeds: 2}"
        yield Story(runs, full, drafts, runs.done(runs.space, "--resume", "--trials", "5", confirm))


def test_a_full_disk_ends_the_sweep_with_one_line(story):
    if story.full is None:
        pytest.skip("a file system cannot be mounted here: it needs root")
    assert story.full.returncode == 1, story.full.stdout + story.full.stderr
    [said] = story.full.stderr.splitlines()
    where = r"(000\d/checkpoint_00000\d|budget\.json)"  # whichever meets it first
    full = r"the disk is full \(\d+\.\d MB free\): make room there"
    assert re.search(
        rf"{where}: {full}; go on with: \S*python -m platform\.search .* --resume --name digits", said
    )
    assert "[4/4]" not in story.full.stdout, "the trial that met it has not ended"
    assert not story.drafts


def test_it_costs_the_sweep_nothing(story):
    drawn = story.drawn()
    assert sorted(drawn["trial"]) == [f"000{number}" for number in range(5)]
    assert set(drawn["outcome"]) <= {"finished", "pruned"} and "finished" in set(drawn["outcome"])
    assert (story.folder / "report" / "index.html").exists()
    runs = story.runs.trials_in_mlflow("digits", "digits")
    searched = {run.data.tags["trial_id"]: run for run in runs if "confirms" not in run.data.tags}
    assert sorted(searched) == sorted(drawn["trial"])
    for _, row in drawn.iterrows():
        assert story.runs.epochs_in_mlflow(searched[row["trial"]]) == list(range(1, row["epochs"] + 1))


def test_the_front_is_found_and_confirmed(story):
    assert ", model/parameters " in story.said and "standing" in story.said and "on the front" in story.said
    assert "[2/2] trial 000" in story.said
    drawn = story.drawn()
    assert len(drawn) == 5 and drawn["front"].iloc[0] and len(story.runs.table("digits")) == 7
    assert set(drawn["goal model/parameters"]) <= set(drawn["model/parameters"])
    assert json.loads((story.folder / "sweep.json").read_text())["directions"] == {
        "val/accuracy": "max",
        "model/parameters": "min",
    }
    page = (story.folder / "report" / "index.html").read_text()
    assert 'id="spec-pareto-front"' in page and "best single trial" in page


def test_mlflow_has_the_goals(story):
    client = story.runs.client
    experiment = client.get_experiment_by_name("digits").experiment_id
    [parent] = client.search_runs([experiment], "tags.goals LIKE '%'")
    assert parent.data.tags["goals"] == "val/accuracy (max), model/parameters (min)"
    assert parent.data.params["search.metric"] == '["val/accuracy", "model/parameters"]'
    drawn = story.drawn()
    assert parent.data.metrics["front/trials"] == drawn["front"].sum()
    assert parent.data.metrics["best/model/parameters"] == drawn["model/parameters"].min()


def test_status_and_list_name_them(story):
    seen = story.runs.done("--status", "digits")
    assert "goals: val/accuracy (max), model/parameters (min); the best is by the first goal" in seen
    assert "val/accuracy and 1 more" in story.runs.done("--list")


def test_another_search_begins_with_its_best(story):
    again = ["search.start_with=[{from: digits, best: 2}]"]
    planned = story.runs.done(story.runs.space, "--plan", "--name", "again", *again)
    assert "the best 2 of digits" in planned
    loaded = load_space(story.runs.space, SweepConfig, overrides=again, fixed=SWEEP_FIELDS)
    starts, _ = starts_of(loaded, story.runs.out)
    begun = {f"{start.parameters['optim.lr']:.4g}" for start in starts}
    assert len(starts) == 2 and begun <= {f"{rate:.4g}" for rate in story.drawn()["parameter optim.lr"]}
