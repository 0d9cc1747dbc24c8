"""``search.reuse: true``: real sweeps from a checkout whose code is committed, as nothing else is reused."""

import shutil
import subprocess
import sys

import pandas as pd
import pytest
from mlflow import MlflowClient

SPACE = """
epochs: 2
batch_size: 64
image_size: 8
data: {source: digits}
model: {backbone: test_resnet}
method: {name: cross_entropy}
optim: {lr: {choice: [0.02, 0.05]}}
schedule: {name: constant, warmup_epochs: 0}
search: {trials: 3, sampler: {name: random}, scheduler: {name: none}, reuse: true}
experiment: digits
resources: {max_concurrent_trials: 1}
"""


@pytest.fixture
def checkout(root, tmp_path):
    """This code, committed."""
    folder = tmp_path / "checkout"
    for part in ("platform", "reports"):
        shutil.copytree(root / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "requirements.lock", folder)
    (folder / ".gitignore").write_text("__pycache__/\n")
    git = ["git", "-C", str(folder), "-c", "user.name=test", "-c", "user.email=test@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "All"]):
        subprocess.run([*git, *words], check=True)
    return folder


@pytest.fixture
def search(checkout, environment, tmp_path):
    (tmp_path / "space.yaml").write_text(SPACE)

    def run(*arguments):
        line = [sys.executable, "-m", "platform.search", tmp_path / "space.yaml", "--out", tmp_path / "runs"]
        environment_here = environment | {"PYTHONPATH": str(checkout)}
        done = subprocess.run(
            [*line, *arguments],
            cwd=checkout,
            env=environment_here,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


@pytest.mark.timeout(1800)
def test_what_was_run_with_this_code_on_these_data_is_not_run_again(search, checkout, environment, tmp_path):
    search("--name", "first")
    table = pd.read_csv(tmp_path / "runs" / "first" / "trials.csv", dtype={"trial": str})
    assert len(table) == 3 and set(table["outcome"]) == {"finished"}

    said = search("--name", "second", "search.sampler={name: grid}", "search.budget.epochs=1")
    assert said.count(", reused from first/000") >= 2
    again = pd.read_csv(tmp_path / "runs" / "second" / "trials.csv", dtype={"trial": str})
    of_first = table.drop_duplicates("parameter optim.lr").set_index("parameter optim.lr")
    for _, row in again.iterrows():
        assert row["reused_from"].startswith("first/")
        assert row["val/accuracy"] == of_first.loc[row["parameter optim.lr"], "val/accuracy"]
    client = MlflowClient(environment["MLFLOW_TRACKING_URI"])
    experiment = client.get_experiment_by_name("digits").experiment_id
    runs = client.search_runs([experiment], "tags.sweep = 'second' and tags.reused_from LIKE 'first/%'")
    assert len(runs) == 2
    for run in runs:
        steps = [one.step for one in client.get_metric_history(run.info.run_id, "val/accuracy")]
        assert steps == [1, 2] and f"{tmp_path}/runs/second/trials" in run.data.tags["checkpoint"]

    (checkout / "platform" / "not_committed.py").touch()
    asks = "from platform.tuning.search.reuse import reuse_of; assert reuse_of(None, None, None) is None"
    done = subprocess.run(
        [sys.executable, "-c", asks],
        cwd=checkout,
        env=environment | {"PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "the code has changes that are not committed" in done.stderr
