"""What the YAML of rounds must not say: one line with file, line and column, and nothing is written."""

import json

import pytest

from platform.config.invocation import ROOT
from platform.rounds.__main__ import main
from platform.rounds.ledger.records import Learnt
from platform.rounds.plan.load_rounds import load_rounds
from platform.rounds.plan.words import data_section, sweep_words

ROUNDS = """name: birds
space: {space}
rounds: 3
later: [epochs=2]
audit: true
clean: {{policy: {policy}}}
state: {state}
out: runs
"""
SPACE = """
epochs: 1
image_size: 8
data: {source: digits, val_share: 0.3, noise: {kind: symmetric, rate: 0.2}, unlabelled: refuse}
model: {backbone: test_resnet}
method: {name: cross_entropy}
optim: {lr: {loguniform: [1e-3, 1e-1]}}
search: {trials: 2, start_with: [{optim.lr: 0.01}]}
"""
FIGURES = SPACE.replace(
    "digits, val_share: 0.3, noise: {kind: symmetric, rate: 0.2}, unlabelled: refuse",
    "figures, identities: {}",
)


@pytest.fixture
def written(tmp_path):
    """``written(old, new, more)``: the path of the rounds with a text replaced and ``more`` at the end."""
    (tmp_path / "space.yaml").write_text(SPACE)
    (tmp_path / "figures.yaml").write_text(FIGURES)
    (tmp_path / "ece.yaml").write_text(SPACE.replace("{trials: 2", "{metric: val/ece, trials: 2"))
    (tmp_path / "policy.yaml").write_text("rules: [{kind: wrong_label, action: drop, at_least: 0.9}]\n")
    (tmp_path / "held_out.yaml").write_text("held_out: true\n")
    names = {"space": "space.yaml", "policy": "policy.yaml", "state": "rounds"}
    text = ROUNDS.format(**{name: tmp_path / file for name, file in names.items()})

    def write(old="", new="", more=""):
        assert old in text
        (tmp_path / "rounds.yaml").write_text(text.replace(old, new, 1) + more)
        return tmp_path / "rounds.yaml"

    return write


@pytest.mark.parametrize(
    ("old", "new", "more", "words"),
    [
        ("name: birds\n", "", "", ":1:1: name: is missing"),
        ("rounds: 3", "rounds: 0", "", ":3:9: rounds: must be >= 1, got 0"),
        ("rounds: 3", "rounds: {int: [2, 3]}", "", ":3:9: rounds: is a range: rounds have none"),
        ("space.yaml", "nowhere.yaml", "", ":2:8: space: there is no space"),
        ("space.yaml", "figures.yaml", "", "has data.identities: rounds are for images with classes"),
        ("space.yaml", "ece.yaml", "", "which two rounds can be compared by image by image, got 'val/ece'"),
        ("policy.yaml", "nowhere.yaml", "", ":6:17: clean.policy: there is no policy"),
        ("policy.yaml", "held_out.yaml", "", "validation and test must stay as they are between rounds"),
        ("audit: true\n", "", "", "clean: needs audit: true, whose findings it goes by"),
        ("[epochs=2]", "[epochs]", "", ":4:8: later: command line: 'epochs' is not an override"),
        ("[epochs=2]", "[epochs=0]", "", "epochs: must be >= 1, got 0"),
        ("", "", "distil: true\n", ":9:9: distil: must be false with"),
        (
            "",
            "",
            "pseudo_label: {folder: nowhere}\n",
            ":9:24: pseudo_label.folder: there is no folder nowhere",
        ),
        (
            "",
            "",
            "pseudo_label: {unlabelled: false}\n",
            "must be true where there is neither folder nor test",
        ),
        ("", "", "stop: {patience: 0}\n", ":9:18: stop.patience: must be >= 1, got 0"),
        ("", "", "metric: x\n", ":9:1: metric: unknown key 'metric'"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(run_here, written, tmp_path, old, new, more, words):
    done = run_here(main, written(old, new, more), "--plan")
    assert done.returncode == 2, done.stdout
    assert words in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert not (tmp_path / "rounds").exists()


def test_files_of_the_project_are_named_where_the_command_runs_elsewhere(run_here, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run_here(main, ROOT / "search_spaces" / "rounds" / "digits.yaml", "--plan")
    assert done.returncode == 2
    assert f"the project's own is {ROOT / 'search_spaces' / 'cross_entropy.yaml'}\n" in done.stderr
    assert done.stderr.count("\n") == 1


def test_rounds_in_which_nothing_changes_are_refused(run_here, written, tmp_path):
    bare = f"name: birds\nspace: {tmp_path / 'space.yaml'}\nrounds: 2\n"
    file = written()
    file.write_text(bare)
    done = run_here(main, file, "--plan")
    assert ":3:9: rounds: must be 1 where no round changes anything" in done.stderr


def test_a_folder_cannot_be_added_to_images_that_are_no_files(run_here, written, tmp_path):
    (tmp_path / "more").mkdir()
    done = run_here(main, written(more=f"pseudo_label: {{folder: {tmp_path / 'more'}}}\n"), "--plan")
    assert "pseudo_label.folder: cannot be added to digits" in done.stderr and done.returncode == 2


def test_the_plan_says_what_happens_in_words_and_for_programs(run_here, written, tmp_path):
    said = run_here(main, written(), "--plan").stdout
    assert f"clean by {tmp_path / 'policy.yaml'}" in said
    assert "images without a label are left out" in said
    assert "the search begins with the best 1 of the best round so far" in said
    assert "or once a round gains no more than 1.96 standard errors" in said
    found = json.loads(run_here(main, written(), "--plan", "--json").stdout)
    assert [one["sweep"] for one in found["rounds"]] == [f"birds-round-{number}" for number in (1, 2, 3)]
    assert [one["epochs"] for one in found["rounds"]] == [1, 2, 2]


def test_resume_needs_rounds_and_undo_a_round(run_here, written, tmp_path):
    done = run_here(main, written(), "--resume")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "no rounds were begun; leave --resume out to begin" in done.stderr
    done = run_here(main, written(), "--undo")
    assert (done.returncode, "there is no round to take back" in done.stderr) == (2, True)
    done = run_here(main, written(), "--undo", "--plan")
    assert done.returncode == 2 and "--undo and --plan: give only one of them" in done.stderr


def test_what_a_manifest_has_done_is_not_done_again(written, tmp_path):
    plan = load_rounds(written())
    learnt = Learnt("round-2/data.parquet", "d", 90, 10)
    section = data_section(plan, tmp_path / "data.parquet", has_clean=True, learnt=learnt)
    assert section == {
        "source": str(tmp_path / "data.parquet"),
        "clean_label": "clean",
        "unlabelled": "leave_out",
        "val_share": 0.3,
    }


def test_a_later_sweep_starts_from_the_best(written):
    plan = load_rounds(written(more="start: {best: 2, init: best}\n"))
    words = sweep_words(plan, 2, {"source": "x"}, starts_from="birds-round-1", teacher="birds-round-1")
    start = '[{"from": "birds-round-1", "best": 2}, {"optim.lr": 0.01}]'
    assert f"search.start_with={start}" in words
    assert 'init_from="runs/birds-round-1"' in words and 'teacher="runs/birds-round-1"' in words
    assert words.index("epochs=2") < words.index('data={"source": "x"}')
    first = sweep_words(plan, 1, {"source": "x"}, starts_from=None, teacher=None)
    assert not any(word.startswith(("search.start_with", "init_from", "teacher", "epochs")) for word in first)


def test_how_long_rounds_go_on_is_no_setting_of_a_round(written):
    before = load_rounds(written()).settings_digest(2)
    assert load_rounds(written("rounds: 3", "rounds: 4")).settings_digest(2) == before
    assert load_rounds(written("[epochs=2]", "[epochs=3]")).settings_digest(2) != before
