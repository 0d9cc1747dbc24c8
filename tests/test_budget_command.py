"""A sweep that its budget ends, and that goes on with a larger one: real processes, a real Ray."""

import json
import re

import optuna
import pandas as pd
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

SPACE = """
name: digits
epochs: 3
batch_size: 64
image_size: 8
data: {source: digits}
model: {backbone: test_resnet}
method: {name: cross_entropy}
optim: {lr: {loguniform: [1e-2, 1e-1]}}
schedule: {name: constant, warmup_epochs: 0}
search: {trials: 3, sampler: {name: random}, scheduler: {name: none}, budget: {time: 1h, epochs: 5}}
resources: {max_concurrent_trials: 1}
"""


@pytest.fixture
def search(run_search, tmp_path):
    (tmp_path / "space.yaml").write_text(SPACE)

    def run(*arguments):
        done = run_search(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def values_of(folder):
    storage = JournalStorage(JournalFileBackend(str(folder / "optuna_journal.log")))
    return [trial.intermediate_values for trial in optuna.load_study(study_name=None, storage=storage).trials]


@pytest.mark.timeout(1200)
def test_a_budget_ends_a_sweep_and_a_larger_one_goes_on_with_it(search, tmp_path):
    space, folder = tmp_path / "space.yaml", tmp_path / "runs" / "digits"
    planned = " ".join(search(space, "--plan").split())
    assert "1h of wall time or 5 epochs: too few for 3 trials" in planned

    said = search(space)
    assert "the budget of 5 epochs is spent; --resume with a larger one goes on" in said
    assert sum(len(values) for values in values_of(folder)) == 5
    outcomes = list(pd.read_csv(folder / "trials.csv")["outcome"])
    assert "interrupted" in outcomes and "pruned" not in outcomes, "no scheduler has stopped them"
    before = json.loads((folder / "budget.json").read_text())["spent"]
    assert before["epochs"] == 5 and before["seconds"] > 0
    assert re.search(
        r"^budget left: \d+ min.* of 1h, 0 of 5 epochs$", search("--status", "digits"), re.MULTILINE
    )

    said = search(space, "--resume", "search.budget.epochs=100", "--budget", "2h")
    assert "is spent" not in said
    assert [sorted(values) for values in values_of(folder)] == [[1, 2, 3]] * 3
    after = json.loads((folder / "budget.json").read_text())
    assert after["budget"] == {"time": "2h", "epochs": 100, "gpu_hours": None}
    assert after["spent"]["epochs"] == 9 and after["spent"]["seconds"] > before["seconds"]
    assert set(pd.read_csv(folder / "trials.csv")["outcome"]) == {"finished"}
