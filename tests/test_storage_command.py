"""A sweep with little room for its checkpoints: real processes, a real Ray, a real small disk."""

import subprocess
import sys
import time

import pandas as pd
import pytest
from mlflow import MlflowClient

SPACE = """
name: digits
epochs: 2
batch_size: 64
image_size: 8
data: {source: digits}
model: {backbone: test_resnet}
method: {name: cross_entropy}
optim: {lr: {loguniform: [1e-3, 1e-1]}}
schedule: {name: constant, warmup_epochs: 0}
search: {trials: 5, sampler: {name: random}, scheduler: {name: none}}
resources: {cpus_per_worker: 2}
report: {top: 2}
"""


@pytest.fixture
def command(tmp_path):
    space = tmp_path / "space.yaml"
    space.write_text(SPACE)
    return [sys.executable, "-m", "platform.search", str(space), "--out", str(tmp_path / "runs")]


def taken(folder):
    sizes = []
    for file in folder.glob("*/*checkpoint_*/*"):
        try:
            sizes.append(file.stat().st_size)
        except FileNotFoundError:  # the sweep goes on meanwhile
            continue
    return sum(sizes)


@pytest.mark.timeout(300)
def test_the_checkpoints_of_a_sweep_never_take_more_than_they_may(command, environment, root, tmp_path):
    most = 17_000_000  # five checkpoints; without it ten
    line = [*command, f"storage.max_bytes={most}"]
    folder, seen = tmp_path / "runs" / "digits", []
    with subprocess.Popen(line, cwd=root, env=environment, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            seen.append(taken(folder / "trials"))
            time.sleep(0.01)
        said = process.stdout.read()
    assert process.returncode == 0, said
    assert most / 2 < max(seen) <= most

    table = pd.read_csv(folder / "trials.csv", dtype={"trial": str}).set_index("trial")
    there = {path.parent.name for path in folder.glob("trials/*/checkpoint_*")}
    assert there == set(table[table["checkpoint"].notna()].index)
    assert set(table[table["rank"] <= 2].index) <= there < set(table.index)
    assert "left out of the ensembles" not in (folder / "report" / "index.html").read_text()
    gone = next(trial for trial in table.index if trial not in there)
    client = MlflowClient(environment["MLFLOW_TRACKING_URI"])
    run = client.get_run(table.loc[gone, "mlflow_run"])
    assert run.data.tags["checkpoint"] == "deleted to keep storage.max_bytes"

    line = [*command, f"init_from={folder / 'trials' / gone}", "--plan"]
    done = subprocess.run(line, cwd=root, env=environment, capture_output=True, text=True, timeout=100)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "has no checkpoint: none was written, or storage.max_bytes had it deleted" in done.stderr
