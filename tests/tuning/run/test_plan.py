"""What a sweep would do, without Ray."""

import re
import shutil
import subprocess
import sys

import pytest
from PIL import Image

from platform.config.errors import UserError
from platform.config.load import load_space
from platform.datasets.preparation.data import Summary
from platform.storage.disk import size
from platform.tuning.run.method_state import state_lines, table_bytes
from platform.tuning.run.plan import as_text, make_plan
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig

SPACE = """
epochs: {choice: [4, 9]}
method: {name: peer, drop_rate: {uniform: [0.1, 0.5]}, ramp_epochs: 2}
model: {backbone: resnet10t}
image_size: {choice: [16, 24, [16, 32]]}
optim: {name: sgd}
search: {trials: 10}
"""


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "space.yaml"
    path.write_text(SPACE)
    return make_plan(load_space(path, SweepConfig, fixed=SWEEP_FIELDS), "night")


def test_the_plan_counts_epochs_images_and_bytes_at_most(plan):
    assert (plan.trials, plan.epochs_at_most, plan.epochs_a_trial) == (10, 90, 9)
    assert plan.largest_image == (24, 32), "it covers every size of the space"
    assert sum(plan.data.rows.values()) == 1797
    # resnet10t has 4.93 M parameters; two networks, each weights and momentum, best and last
    assert plan.checkpoint_bytes == pytest.approx(10 * 2 * 2 * 2 * 4.93e6 * 4, rel=0.01)


@pytest.mark.parametrize(
    ("search", "least"),
    [
        ("{trials: 10, scheduler: {name: asha, grace_period: 2}}", 9 * 2 + 4),
        ("{trials: 10}", 9 * 1 + 4),  # 15 % of nine epochs
        ("{trials: 10, scheduler: {name: median, grace_period: 3}}", 9 * 3 + 4),
        ("{trials: 3, scheduler: {name: median}}", 3 * 4),  # too few to compare with
        ("{trials: 10, scheduler: {name: none}}", 10 * 4),
        # R = 9, eta = 3: three trials that run to their end (4 or 9), five judged after 3, nine after 1
        ("{trials: 10, scheduler: {name: hyperband}}", 3 * 4 + 5 * 3 + 2 * 1),
    ],
)
def test_the_plan_counts_epochs_at_least(tmp_path, search, least):
    path = tmp_path / "space.yaml"
    path.write_text(SPACE.replace("{trials: 10}", search))
    plan = make_plan(load_space(path, SweepConfig, fixed=SWEEP_FIELDS), "night")
    assert plan.epochs_at_least == least
    assert f"{least} at least" in as_text(plan)


@pytest.mark.parametrize(("epochs", "is_enough"), [(12, False), (13, True)])
def test_the_plan_says_where_a_budget_is_too_small(tmp_path, epochs, is_enough):
    path = tmp_path / "space.yaml"
    path.write_text(SPACE.replace("{trials: 10}", f"{{trials: 10, budget: {{epochs: {epochs}}}}}"))
    text = as_text(make_plan(load_space(path, SweepConfig, fixed=SWEEP_FIELDS), "night"))
    assert f"{epochs} epochs" in text
    assert ("too few for 10 trials" in text) != is_enough


def test_the_plan_counts_what_confirms_the_best(plan, tmp_path):
    path = tmp_path / "space.yaml"
    path.write_text(SPACE.replace("{trials: 10}", "{trials: 10, confirm: {top: 2, seeds: 3}}"))
    confirmed = make_plan(load_space(path, SweepConfig, fixed=SWEEP_FIELDS), "night")
    text = " ".join(as_text(confirmed).split())
    assert "repeats the best 2 with 3 other seeds each: 6 more trials, 54 more epochs at most" in text
    assert confirmed.checkpoint_bytes == pytest.approx(1.6 * plan.checkpoint_bytes)
    assert "other seeds" not in as_text(plan)


@pytest.mark.parametrize(
    ("storage", "words"),
    [
        ("{}", r"1\.6 GB at most; [\d.]+ .B free"),
        ("{max_bytes: 9GB}", r"1\.6 GB at most; "),
        ("{max_bytes: 1500MB}", r"1\.5 GB at most \(storage\.max_bytes\) of 1\.6 GB; "),
        (
            "{max_bytes: 400MB}",
            r"400\.0 MB at most \(storage\.max_bytes\) of 1\.6 GB, less than the \d+\.\d MB that the best",
        ),
    ],
)
def test_the_plan_holds_the_need_against_the_limit_and_the_disk(tmp_path, storage, words):
    path = tmp_path / "space.yaml"
    path.write_text(f"{SPACE}storage: {storage}\n")
    plan = make_plan(load_space(path, SweepConfig, fixed=SWEEP_FIELDS), "night", out=tmp_path / "not" / "yet")
    assert re.search(words, " ".join(as_text(plan).split()))
    assert plan.free_bytes == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.1)


def test_the_plan_is_shown_as_text(plan):
    text = as_text(plan)
    for words in ("night", "10, ", "90 at most (9 a trial)", "uniform [0.1, 0.5]", "choice [4, 9]"):
        assert words in text


@pytest.fixture
def plan_of(tmp_path):
    """``plan_of("supcon", "use")``: the plan of a sweep on ten images, of which six have no label."""
    for number in range(10):
        Image.new("RGB", (8, 8), (20 * number, 0, 0)).save(tmp_path / f"{number}.png")
    labels = [*"abab", *[""] * 6]
    lines = [f"{number}.png,{label}" for number, label in enumerate(labels)]
    (tmp_path / "labels.csv").write_text("\n".join(["path,label", *lines]))

    def make(method, unlabelled):
        path = tmp_path / "space.yaml"
        data = f"{{source: {tmp_path}/labels.csv, unlabelled: {unlabelled}}}"
        path.write_text(f"data: {data}\nmethod: {method}\nmodel: {{backbone: resnet10t}}\n")
        return make_plan(load_space(path, SweepConfig, fixed=SWEEP_FIELDS), "night")

    return make


def test_the_plan_tells_how_many_images_have_no_label(plan_of):
    used, left = plan_of("{name: supcon}", "use"), plan_of("{name: peer}", "leave_out")
    assert (used.data.unlabelled, left.data.unlabelled) == (6, 0)
    texts = [" ".join(as_text(plan).split()) for plan in (used, left)]  # lines end anywhere
    assert "2 classes; 8 train, 2 val; 6 of train have no label" in texts[0]
    assert "2 classes; 2 train, 2 val" in texts[1] and "have no label" not in texts[1]


def test_a_sweep_with_a_method_that_needs_labels_does_not_start(plan_of):
    methods = "{choice: [{name: supcon}, {name: cross_entropy}]}"
    with pytest.raises(
        UserError, match=r"^method.name: cross_entropy cannot learn from the 6 training images"
    ) as error:
        plan_of(methods, "use")
    assert "data.unlabelled: leave_out" in str(error.value)


def test_the_plan_needs_neither_ray_nor_timm(root):
    code = (
        "import sys; from platform.search import main; code = main(sys.argv[1:]);"
        "loaded = {'ray', 'timm', 'mlflow', 'torchvision'} & set(sys.modules); sys.exit(code or bool(loaded))"
    )
    arguments = ["search_spaces/peer.yaml", "--plan"]
    done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("count", "text"),
    [(12, "12 B"), (1_200, "1 kB"), (2_500_000, "2.5 MB"), (7.9e9, "7.9 GB"), (2e12, "2.0 TB")],
)
def test_sizes(count, text):
    assert size(count) == text


def test_the_plan_notes_what_is_passed_over_and_assumed(tmp_path):
    for folder in ("training_set/cat", "training_set/dog", "test_set/cat", "test_set/dog"):
        (tmp_path / folder).mkdir(parents=True)
        for number in range(3):
            Image.new("RGB", (8, 8), (20 * number, 0, 0)).save(tmp_path / folder / f"{number}.png")
    (tmp_path / "labels.csv").write_text("file,name\n")
    path = tmp_path / "space.yaml"
    path.write_text(f"data: {{source: {tmp_path}}}\nmethod: {{name: peer}}\nmodel: {{backbone: resnet10t}}\n")
    plan = make_plan(load_space(path, SweepConfig, fixed=SWEEP_FIELDS), "night")
    text = " ".join(as_text(plan).split())
    assert "2 classes; 4 train, 2 val, 6 test" in text
    assert "note Folders were read as splits: test_set/ as test, training_set/ as train." in text
    assert "note labels.csv was passed over: labels come from the folders' names." in text


def test_the_plan_says_how_large_a_methods_tables_are_and_where_they_lie(tmp_path):
    path = tmp_path / "space.yaml"
    path.write_text(
        SPACE.replace("{name: peer, drop_rate: {uniform: [0.1, 0.5]}, ramp_epochs: 2}", "{name: elr}")
    )
    config = load_space(path, SweepConfig, fixed=SWEEP_FIELDS).first()
    web = Summary("web", "class_folders", tuple(map(str, range(5000))), {"train": 550_000})
    assert table_bytes(config, web) == 550_000 * 5000 * 4
    assert state_lines([config], web, "runs") == [
        "elr keeps 11.0 GB for each worker and in each checkpoint; memory-mapped in runs: targets 550,000 x "
        "5,000 float32"
    ]
    small = Summary("some", "class_folders", ("a", "b"), {"train": 100})
    assert state_lines([config], small, "runs") == [
        "elr keeps 800 B for each worker and in each checkpoint; in the device's memory: targets 100 x 2 "
        "float32"
    ]
