"""A sweep that its budget stops, that goes on with a changed space and then confirms its best trials.

Its checkpoints lie in an object store throughout. It is run by four commands: ``begun``, ``widened``,
``narrowed`` and ``confirmed``.
"""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
from mlflow.entities import Run
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from PIL import Image

from platform.search import main
from platform.storage.folder import Folder
from reports.__main__ import main as reports_main
from tests.forked import run_forked

pytestmark = [pytest.mark.sweep, pytest.mark.timeout(1500)]

SPACE = """
name: digits
epochs: 2
batch_size: 64
image_size: 8
data: {source: digits}
model: {backbone: test_resnet}
method: {choice: [{name: cross_entropy}, {name: peer, ramp_epochs: 1}]}
optim: {lr: {loguniform: [1e-2, 1e-1]}}
schedule: {name: constant, warmup_epochs: 0}
search:
  trials: 3
  sampler: {name: random}
  scheduler: {name: none}
  budget: {time: 1h, epochs: 3}
  start_with:
  - {method: {name: cross_entropy}, optim.lr: 0.02}
  - {method: {name: cross_entropy}, optim.lr: 0.05}
  - {method: {name: peer}, optim.lr: 0.03}
resources: {max_concurrent_trials: 1}
"""
WIDER = SPACE.replace("[1e-2, 1e-1]", "[1e-3, 1e-1]").replace(
    "[{name: cross", "[{name: core, self_refining_epochs: 1}, {name: cross"
)
NARROW = WIDER.replace("{name: cross_entropy}, ", "", 1)
NARROW = NARROW[: NARROW.index("  start_with")] + NARROW[NARROW.index("resources") :]


@dataclass(frozen=True)
class After:
    """What a command printed, and what the sweep had left when it ended.

    ``logged_space``: the space.yaml that MLflow had.
    """

    said: str
    folder: Path
    logged_space: str
    runs: list[Run]
    epochs: dict[str, list[int]]

    def table(self) -> pd.DataFrame:
        return pd.read_csv(self.folder / "trials.csv", dtype={"trial": str, "confirms": str})

    def json(self, name: str) -> Any:
        return json.loads((self.folder / name).read_text())

    def epochs_told(self) -> list[list[int]]:
        """The epochs of which the study knows a value, by trial."""
        journal = JournalStorage(JournalFileBackend(str(self.folder / "optuna_journal.log")))
        trials = optuna.load_study(study_name=None, storage=journal).trials
        return [sorted(trial.intermediate_values) for trial in trials]


@pytest.fixture(scope="module")
def runs(new_runs, s3_server):
    return new_runs("changed", SPACE, **s3_server)


@pytest.fixture(scope="module")
def after(runs):
    """``after(…)``: the sweep as it is after a command that succeeds, in a copy."""

    def search(*arguments):
        said = runs.done(runs.space, *arguments)
        copy = runs.path / f"after-{len(list(runs.path.glob('after-*')))}"
        shutil.copytree(runs.out / "digits", copy)
        trials = runs.trials_in_mlflow("digits", "digits")
        parent, target = trials[0].data.tags["mlflow.parentRunId"], copy / "logged"
        target.mkdir()
        logged = Path(runs.client.download_artifacts(parent, "space.yaml", str(target))).read_text()
        epochs = {run.info.run_name: runs.epochs_in_mlflow(run) for run in trials}
        return After(said, copy, logged, trials, epochs)

    return search


@pytest.fixture(scope="module")
def begun(runs, after):
    """Two trials of two epochs, on a budget of three epochs."""
    return after("search.trials=2", "seed=7", "storage.path=s3://bucket/changed")


@pytest.fixture(scope="module")
def refused(runs, begun):
    """A change that no resumed sweep can take."""
    runs.space.write_text(SPACE.replace("epochs: 2\n", "epochs: 3\n", 1))
    return runs.search(runs.space, "--resume")


@pytest.fixture(scope="module")
def widened(runs, after, refused):
    """A wider range, a new option, more trials and a larger budget."""
    runs.space.write_text(WIDER)
    planned = runs.done(runs.space, "--resume", "--plan", "--trials", "4")
    budget = ["search.budget.epochs=100", "--budget", "2h"]
    return planned, after("--resume", "--trials", "4", *budget)


@pytest.fixture(scope="module")
def narrowed(runs, after, widened):
    """One method less, and a budget that ends while the two best trials are run with other seeds."""
    runs.space.write_text(NARROW)
    confirm = ["search.confirm={top: 2, seeds: 2}", "search.budget.epochs=11"]
    return after("--resume", "search.statistic=last", "search.trials=2", *confirm)


@pytest.fixture(scope="module")
def confirmed(after, narrowed):
    """Without a budget, to the end."""
    return after("--resume", "search.budget=null")


def test_the_plan_says_that_the_budget_is_too_small(runs):
    runs.space.write_text(SPACE)
    planned = " ".join(runs.done(runs.space, "--plan").split())
    assert "1h of wall time or 3 epochs: too few for 3 trials" in planned


def test_a_budget_ends_a_sweep(runs, begun):
    assert "the budget of 3 epochs is spent; go on with a larger one: " in begun.said
    [line] = [one for one in begun.said.splitlines() if "budget of 3 epochs" in one]
    assert line.endswith(f"{runs.space} --resume --name digits --out {runs.out} search.budget.epochs=NUMBER")
    assert sum(map(len, begun.epochs_told())) == 3
    outcomes = list(begun.table()["outcome"])
    assert "interrupted" in outcomes and "pruned" not in outcomes, "no scheduler has stopped them"
    spent = begun.json("budget.json")["spent"]
    assert spent["epochs"] == 3 and spent["seconds"] > 0


def test_epochs_may_not_change(runs, begun, refused):
    assert refused.returncode == 2
    words = f"{runs.space}:3:9: epochs: was 2 in every trial and is 3: "
    assert refused.stderr.startswith(words) and refused.stderr.count("\n") == 1
    assert "\nepochs: 2\n" in (begun.folder / "space.yaml").read_text()


def test_a_wider_range_and_a_new_option_are_taken_and_said(widened):
    planned, after = widened
    assert "search.trials: 2 → 4" in planned and "seed" not in planned, "an override of before holds"
    assert "optim.lr: loguniform [0.01, 0.1] → loguniform [0.001, 0.1]" in after.said
    assert "method: choice [cross_entropy, peer] → choice [core, cross_entropy, peer]" in after.said
    assert "2 trials kept" in after.said
    space = (after.folder / "space.yaml").read_text()
    assert after.logged_space == space
    assert "core" in space and "seed: 7" in space


def test_a_larger_budget_lets_it_go_on_where_it_was(begun, widened):
    _, after = widened
    assert "is spent" not in after.said
    assert after.epochs_told() == [[1, 2]] * 4
    assert set(after.table()["outcome"]) == {"finished"}
    before, budget = begun.json("budget.json")["spent"], after.json("budget.json")
    assert budget["budget"] == {"time": "2h", "epochs": 100, "gpu_hours": None}
    assert budget["spent"]["epochs"] == 8 and budget["spent"]["seconds"] > before["seconds"]


def test_mlflow_has_each_trial_and_epoch_once(widened):
    _, after = widened
    assert after.epochs == {f"digits/000{number}": [1, 2] for number in range(4)}
    by_name = {run.data.tags["trial_id"]: run for run in after.runs}
    assert by_name["0002"].data.params["method"] == "peer"
    assert [by_name[name].data.tags["attempt"] for name in ("0000", "0002", "0003")] == ["1"] * 3
    assert by_name["0001"].data.tags["attempt"] == "2", "the budget had stopped it after an epoch"


def test_trials_that_do_not_fit_a_narrower_space_are_left_out(narrowed):
    words = "2 do not fit any more: 0000 (method is cross_entropy), 0001 (method is cross_entropy)"
    assert words in narrowed.said
    searched = [run for run in narrowed.runs if "confirms" not in run.data.tags]
    assert [run.data.tags["trial_id"] for run in searched] == ["0000", "0001", "0002", "0003"]
    left = {run.data.tags["trial_id"] for run in searched if "left_out" in run.data.tags}
    assert {"0000", "0001"} <= left and "0002" not in left
    table = narrowed.table()
    assert set(table[table["rank"].isna() & table["confirms"].isna()]["trial"]) == left
    assert narrowed.json("sweep.json")["statistic"] == "last"
    assert len(narrowed.epochs_told()) == 4, "their numbers are not given to others"


def test_their_epochs_still_count_and_the_budget_ends_the_confirmations(narrowed):
    assert "the budget of 11 epochs is spent" in narrowed.said  # eight of the search, three of eight repeats
    assert narrowed.json("budget.json")["spent"]["epochs"] == 11


def test_the_best_are_confirmed_with_other_seeds(runs, confirmed):
    assert "[4/4] trial 000" in confirmed.said and "-seed-" in confirmed.said
    assert "(mean ± standard error)." in confirmed.said and "paired bootstrap over 2 seeds" in confirmed.said
    table = confirmed.table()
    again = table[table["confirms"].notna()]
    best = set(table[table["rank"] <= 2]["trial"])
    assert len(table) == 8 and set(again["confirms"]) == best and set(again["outcome"]) == {"finished"}
    assert list(again["epochs"]) == [2] * 4
    assert 'id="confirmation"' in (confirmed.folder / "report" / "index.html").read_text()
    assert confirmed.json("budget.json")["spent"]["epochs"] == 16

    repeats = [run for run in confirmed.runs if "confirms" in run.data.tags]
    names = {f"digits/{of}-seed-{nth}" for of in best for nth in (1, 2)}
    assert {run.info.run_name for run in repeats} == names
    assert {run.data.tags["confirms"] for run in repeats} == best
    assert all(confirmed.epochs[name] == [1, 2] for name in names)


def test_the_checkpoints_lie_in_the_store_and_nowhere_else(runs, confirmed, monkeypatch):
    folder = runs.out / "digits"
    assert not (folder / "trials").exists()
    table = confirmed.table()
    assert set(table["epochs"]) == {2}
    assert all(place.startswith("s3://bucket/changed/digits/trials/0") for place in table["checkpoint"])
    assert "left out of the ensembles" not in (folder / "report" / "index.html").read_text()

    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, runs.environment[name])
    there = Folder.of("s3://bucket/changed") / "digits"
    assert {"sweep.json", "space.yaml", "trials.csv"} <= set(there.files())
    assert (there / "report").has("index.html")
    for trial, kept in (there / "trials" / "0002").folders().items():
        assert trial.name.startswith("checkpoint_") and {"checkpoint.json", "training_state.pt"} <= set(kept)


def test_they_are_used_from_there(runs, confirmed, run_here, monkeypatch):
    folder = runs.out / "digits"
    (runs.path / "pictures").mkdir()
    Image.new("L", (8, 8), 200).save(runs.path / "pictures" / "0.png")
    arguments = [str(folder), "--predict", str(runs.path / "pictures")]
    done = run_forked(reports_main, arguments, runs.environment, runs.path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(pd.read_csv(folder / "predictions.csv")) == 1

    for name, value in runs.environment.items():
        monkeypatch.setenv(name, value)
    runs.space.write_text(SPACE)
    store = "s3://bucket/changed"
    for start in (folder, f"{store}/digits", f"{store}/digits/trials/0002"):
        assert "1 at once" in run_here(main, runs.space, f"init_from={start}", "--plan").stdout

    done = run_here(main, runs.space, f"storage.path={store}", "--out", runs.path / "other")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert f"storage.path: {store}/digits holds another sweep's files" in done.stderr


def test_the_status_says_what_is_left_and_confirmed(runs, begun, confirmed):
    seen = runs.done("--status", "digits")
    assert "confirmations: 4 of 4" in seen
    begun_here = runs.path / "begun" / "digits"
    shutil.copytree(begun.folder, begun_here)
    seen = run_forked(
        main, ["--status", "digits", "--out", str(begun_here.parent)], runs.environment, runs.path
    )
    assert re.search(r"^budget left: \d+ min.* of 1h, 0 of 3 epochs$", seen.stdout, re.MULTILINE)
