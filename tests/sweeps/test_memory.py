"""A sweep some of whose trials ask for more memory than there is, and whose checkpoints may take little room.

A real allocator refuses; the checkpoints are weighed while the sweep runs.
"""

import threading
from dataclasses import dataclass

import pytest

from platform.search import main
from tests.sweeps.runs import Runs

pytestmark = [pytest.mark.sweep, pytest.mark.timeout(900)]

SPACE = """
name: digits
seed: 7  # draws the sizes 6e10, 64, 64, 6e10, 7e10, 64, 6e10 (again), 6e10 (again), 64
epochs: 1
batch_size: 256
image_size: 8
data: {source: digits}
model: {backbone: test_resnet, embedding: {dim: {choice: [64, 60000000000, 70000000000]}}}
method: {name: cross_entropy, label_smoothing: {uniform: [0.0, 0.3]}}
schedule: {name: constant, warmup_epochs: 0}
search: {trials: 7, sampler: {name: random}, scheduler: {name: none}}
resources: {max_concurrent_trials: 1}
storage: {max_bytes: 11000000}  # three checkpoints
report: {top: 2}
"""
MOST = 11_000_000


@dataclass(frozen=True)
class Swept:
    """``weights``: what all checkpoints took together, in bytes, again and again while the sweep ran."""

    runs: Runs
    said: str
    errors: str
    weights: list[int]


def weight(trials):
    sizes = []
    for file in trials.glob("*/*checkpoint_*/*"):
        try:
            sizes.append(file.stat().st_size)
        except FileNotFoundError:  # the sweep goes on meanwhile
            continue
    return sum(sizes)


@pytest.fixture(scope="module")
def swept(new_runs):
    runs = new_runs("memory", SPACE)
    weights, has_ended = [], threading.Event()

    def weigh():
        while not has_ended.wait(0.01):
            weights.append(weight(runs.out / "digits" / "trials"))

    weighing = threading.Thread(target=weigh)
    weighing.start()
    done = runs.search(runs.space)
    has_ended.set()
    weighing.join()
    assert done.returncode == 0, done.stdout + done.stderr
    return Swept(runs, done.stdout, done.stderr, weights)


def test_what_ran_out_of_memory_is_not_tried_for_ever(swept):
    table = swept.runs.table("digits")
    failed = table[table["outcome"] == "failed"]
    assert len(failed) in (2, 3), "the next one is drawn before the last has failed"
    assert set(failed["parameter model.embedding.dim"]) <= {6e10, 7e10}
    assert "samples that ask for no less memory than trials" in " ".join(swept.errors.split())
    told = [line for line in swept.said.splitlines() if line.startswith("failed: ")]
    assert len(told) == 1 and "memory" in told[0]


def test_the_checkpoints_never_take_more_than_they_may(swept):
    assert MOST / 2 < max(swept.weights) <= MOST
    folder = swept.runs.out / "digits"
    table = swept.runs.table("digits").set_index("trial")
    there = {path.parent.name for path in folder.glob("trials/*/checkpoint_*")}
    assert there == set(table[table["checkpoint"].notna()].index)
    assert set(table[table["rank"] <= 2].index) <= there < set(table[table["outcome"] == "finished"].index)
    assert "left out of the ensembles" not in (folder / "report" / "index.html").read_text()


def test_a_trial_whose_checkpoints_were_deleted_says_so(swept, run_here):
    table = swept.runs.table("digits").set_index("trial")
    finished = table[table["outcome"] == "finished"]
    gone = finished[finished["checkpoint"].isna()].index[0]
    run = swept.runs.client.get_run(table.loc[gone, "mlflow_run"])
    assert run.data.tags["checkpoint"] == "deleted to keep storage.max_bytes"

    start = f"init_from={swept.runs.out / 'digits' / 'trials' / gone}"
    done = run_here(main, swept.runs.space, "--out", swept.runs.out, start, "--plan")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "has no checkpoint: none was written, or storage.max_bytes had it deleted" in done.stderr
