"""A sweep in whose space some trials ask for more memory than there is: a real allocator that refuses."""

import pandas as pd
import pytest

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
resources: {cpus_per_worker: 1}
"""


@pytest.mark.timeout(900)
def test_what_ran_out_of_memory_is_not_tried_for_ever(run_search, tmp_path):
    (tmp_path / "space.yaml").write_text(SPACE)
    done = run_search(tmp_path / "space.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    table = pd.read_csv(tmp_path / "runs" / "digits" / "trials.csv")
    failed = table[table["outcome"] == "failed"]
    assert len(failed) in (2, 3), "the next one is drawn before the last has failed"
    assert set(failed["parameter model.embedding.dim"]) <= {6e10, 7e10}
    said = " ".join(done.stderr.split())
    assert "samples that ask for no less memory than trials" in said
    told = [line for line in done.stdout.splitlines() if line.startswith("failed: ")]
    assert len(told) == 1 and "memory" in told[0]
