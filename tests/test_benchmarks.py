"""Every benchmark runs at its smallest size, and refuses a figure that cannot be."""

import ast
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from importlib import import_module
from pathlib import Path

import pytest
import torch

from tests.benchmarks.figures import check_possible
from tests.forked import run_forked

FOLDER = Path(__file__).with_name("benchmarks")


def has_main(file: Path) -> bool:
    """Whether a file is a benchmark; the others are parts of one."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body)


def benchmarks() -> list[str]:
    return sorted(file.stem for file in FOLDER.glob("*.py") if has_main(file))


def run_benchmark(name: str, arguments: Sequence[str]) -> int:
    code: int = import_module(f"tests.benchmarks.{name}").main(arguments)
    return code


def test_the_folder_holds_benchmarks_and_their_parts():
    assert set(benchmarks()) > {"search_scale", "training_epoch", "workers"}
    parts = {"figures", "fuzz_kinds", "fuzz_mutations", "gpu_speed", "reference_loop", "simulated_curves"}
    assert set(benchmarks()).isdisjoint(parts)


@pytest.mark.sweep
@pytest.mark.parametrize("name", benchmarks())
def test_a_benchmark_runs_at_its_smallest_size(name, environment, tmp_path):
    arguments = ["--smallest"]
    if name == "gpu":
        arguments += ["--out", str(tmp_path / "gpu")]
    done = run_forked(partial(run_benchmark, name), arguments, environment, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert any(character.isdigit() for character in done.stdout), done.stdout


@pytest.mark.parametrize("value", [-1.2, 0.0, math.nan, math.inf, -math.inf])
def test_a_figure_that_cannot_be_ends_a_benchmark(value):
    with pytest.raises(SystemExit, match=f"impossible: overhead is {value:g};"):
        check_possible({"ratio": 1.0, "overhead": value})


def test_figures_that_can_be_pass():
    check_possible({"ratio": 1e-9, "overhead": 1e9})


def test_less_time_than_its_training_is_no_trials_overhead():
    from tests.benchmarks.trial_overhead import OURS, Ended, Measured, report

    with pytest.raises(SystemExit, match=r"overhead of ours .* is -0\.5;"):
        report({OURS: Measured([Ended(0.0, 9.0), Ended(1.0, 1.5), Ended(2.0, 1.5)])})


def test_the_gpu_benchmark_without_a_gpu_says_so(capsys):
    from tests.benchmarks import gpu

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    assert gpu.main([]) == 2
    assert capsys.readouterr().err.startswith("no GPU here: ")


def test_the_gpu_benchmarks_tables_can_be_put_into_the_docs():
    from tests.benchmarks.gpu import as_markdown
    from tests.benchmarks.gpu_exactness import Exactness
    from tests.benchmarks.gpu_speed import Speed

    speed = Speed("resnet50", 224, 128, "defaults", "bf16", True, 900.0, 810.0, 1500.0, 0.1, 20_000.0)
    text = as_markdown("an H200", [speed], ["convnext_base"], [Exactness("resume", "bit for bit", True)])
    row = "| resnet50, 224 px, 128 | defaults: bf16, channels_last | 900 | 810 | 1,500 | 10% | 20,000 MB |"
    assert row in text and "There was no time for convnext_base." in text
    assert "| resume | bit for bit | as it must be |" in text


def test_runs_of_cleaning_that_are_done_are_read_again(tmp_path):
    from tests.benchmarks.cleaning_gain import measured, table
    from tests.benchmarks.cleaning_gain_runs import Row, cases

    rows = [
        Row("digits, true labels", "gce", seed, 9, 0.8, 0.8, 0.1, 0.1, 0.0, 1.0, False, 2.0)
        for seed in (0, 1)
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows), encoding="utf-8")
    case = [one for one in cases(None, 0, 1) if "true" in one.name]
    assert measured(case, ["gce"], range(2), file) == rows
    assert table(rows).row_count == 1


@pytest.mark.parametrize(
    ("differences", "said"),
    [
        ([0.02, 0.03, 0.02], "gains"),
        ([-0.02, -0.03, -0.02], "loses"),
        ([0.02, -0.03], "nothing beyond noise"),
    ],
)
def test_a_gain_is_one_beyond_the_noise_of_the_seeds(differences, said):
    from tests.benchmarks.cleaning_gain import interval, verdict

    assert verdict(*interval(differences)) == said
