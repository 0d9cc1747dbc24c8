"""What the study is told of trials; Optuna and Ray's searcher interface are the real ones."""

import pickle
import subprocess
import sys

import optuna
import pytest

from platform.config.errors import UserError
from platform.config.load import load_space
from platform.storage.folder import Folder
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.search.searcher import SpaceSearch
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from tests.tuning.spaces import TWO_METHODS


@pytest.fixture
def make(tmp_path):
    """``make("name", text)``: a new search in a folder of that name."""

    def search(name, text=TWO_METHODS, *overrides):
        folder = tmp_path / name
        folder.mkdir()
        space = folder / "space.yaml"
        space.write_text(text)
        loaded = load_space(space, SweepConfig, overrides=overrides, fixed=SWEEP_FIELDS)
        return SpaceSearch(loaded, SweepFolder(folder))

    return search


@pytest.fixture
def resume(tmp_path):
    """Another search that goes on with a sweep, as another process would."""

    def again(searcher):
        folder = SweepFolder(tmp_path / searcher.study.study_name)
        loaded = load_space(folder.space, SweepConfig, fixed=SWEEP_FIELDS)
        return SpaceSearch(loaded, folder, resumes=True)

    return again


@pytest.fixture
def searcher(make):
    return make("nightly")


def report(searcher, trial_id, *values, finished=False):
    for epoch, value in enumerate(values[:-1], start=1):
        searcher.on_trial_result(trial_id, {"val/accuracy": value, "epoch": epoch})
    last = {"val/accuracy": values[-1], "epoch": len(values), "finished": finished}
    searcher.on_trial_complete(trial_id, result=last)


def test_a_suggestion_is_a_validated_trial_with_its_sampled_values_by_dotted_path(searcher):
    suggestions = [searcher.suggest(f"t{index}") for index in range(12)]
    assert [suggestion["number"] for suggestion in suggestions] == list(range(12))
    names = {suggestion["parameters"]["method"] for suggestion in suggestions}
    assert names == {"cross_entropy", "peer"}
    for suggestion in suggestions:
        trial, parameters = suggestion["trial"], suggestion["parameters"]
        assert trial["method"]["name"] == parameters["method"]
        assert trial["optim"]["lr"] == parameters["optim.lr"]
        assert ("method.drop_rate" in parameters) == (parameters["method"] == "peer")
        assert "search" not in trial


def test_the_study_bears_the_sweeps_name_and_the_seed_decides(make, searcher):
    assert searcher.study.study_name == "nightly"
    again = make("other")
    for index in range(6):
        assert searcher.suggest(f"t{index}") == again.suggest(f"t{index}")


def test_stopped_failed_and_finished_trials_are_told_as_what_they_are(searcher):
    for name in ("stopped", "failed", "finished", "early"):
        searcher.suggest(name)
    report(searcher, "stopped", 0.2, 0.3)
    searcher.on_trial_result("failed", {"val/accuracy": 0.1, "epoch": 1})
    searcher.on_trial_complete("failed", error=True)
    report(searcher, "finished", 0.4, 0.8, 0.7, 0.6, finished=True)
    searcher.on_trial_complete("early", error=True)

    trials = searcher.study.trials
    states = [trial.state.name for trial in trials]
    assert states == ["PRUNED", "FAIL", "COMPLETE", "FAIL"]
    assert trials[0].intermediate_values == {1: 0.2, 2: 0.3}
    assert trials[2].intermediate_values == {1: 0.4, 2: 0.8, 3: 0.7, 4: 0.6}
    assert trials[2].value == 0.8


@pytest.mark.parametrize(
    ("statistic", "expected"), [("best", 0.8), ("last", 0.6), ("mean_last_3", (0.8 + 0.7 + 0.6) / 3)]
)
def test_the_yaml_selects_what_is_told_of_a_finished_trial(make, statistic, expected):
    search = make("one", TWO_METHODS, f"search.statistic={statistic}")
    search.suggest("a")
    report(search, "a", 0.4, 0.8, 0.7, 0.6, finished=True)
    assert search.study.trials[0].value == pytest.approx(expected)


def test_a_trial_whose_last_value_is_no_number_has_failed(make):
    search = make("one", TWO_METHODS, "search.statistic=last")
    search.suggest("a")
    report(search, "a", 0.4, float("nan"), finished=True)
    assert search.study.trials[0].state.name == "FAIL"


def test_a_resumed_search_suggests_first_what_had_not_ended(resume, make, searcher, tmp_path):
    """As after a SIGKILL."""
    unbroken = make("unbroken")
    expected = []
    for index in range(4):
        expected.append(unbroken.suggest(f"u{index}"))
        report(unbroken, f"u{index}", 0.1 * index, finished=True)

    suggestions = [searcher.suggest("a"), searcher.suggest("b")]
    report(searcher, "a", 0.0, finished=True)
    report(searcher, "b", 0.1)
    suggestions.append(searcher.suggest("c"))
    searcher.on_trial_result("c", {"val/accuracy": 0.2, "epoch": 1})
    searcher.study.ask()  # killed while it was sampled
    with SweepFolder(tmp_path / "nightly").study.open("a") as journal:
        journal.write('{"op_code": 4, "wor')  # and while it was written

    resumed = resume(searcher)
    assert [(one.number, one.outcome, one.values) for one in resumed.records.past()] == [
        (0, "finished", {1: 0.0}),
        (1, "pruned", {1: 0.1}),
    ]
    assert [one.parameters for one in resumed.records.past()] == [
        each["parameters"] for each in suggestions[:2]
    ]
    assert resumed.suggest("C") == suggestions[2]
    resumed.on_trial_result("C", {"val/accuracy": 0.2, "epoch": 1})  # told again, as all its epochs are
    report(resumed, "C", 0.2, 0.4, finished=True)
    assert resumed.suggest("D")["number"] == 3, "the one that was not drawn to its end has lost nothing"
    assert resumed.suggest("E")["number"] == 4
    states = [trial.state.name for trial in resumed.study.trials]
    assert states == ["COMPLETE", "PRUNED", "COMPLETE", "RUNNING", "RUNNING"]
    assert resumed.study.trials[2].intermediate_values == {1: 0.2, 2: 0.4}
    assert suggestions[0] == expected[0]


def test_what_a_budget_has_stopped_is_counted_and_goes_on(resume, searcher):
    for name in ("ended", "stopped", "not begun"):
        searcher.suggest(name)
    report(searcher, "ended", 0.1, 0.2, finished=True)
    searcher.on_trial_result("stopped", {"val/accuracy": 0.2, "epoch": 1})  # and Tune says no more of it
    resumed = resume(searcher)
    assert resumed.records.epochs() == {0: 2, 1: 1, 2: 0}
    assert resumed.records.begun_with_a_result() == 1
    assert [resumed.suggest(name)["number"] for name in "abc"] == [1, 2, 3]


def test_a_resumed_study_draws_what_an_unbroken_one_would(resume, make):
    unbroken, broken = make("unbroken"), make("broken")
    for index in range(8):
        expected = unbroken.suggest(f"t{index}")
        report(unbroken, f"t{index}", 0.1 * index, finished=True)
        assert broken.suggest(f"t{index}") == expected
        report(broken, f"t{index}", 0.1 * index, finished=True)
        broken = resume(broken)


def test_another_process_opens_the_study_by_the_sweeps_name(searcher, tmp_path):
    """As optuna-dashboard does."""
    searcher.suggest("a")
    report(searcher, "a", 0.5, 0.75, finished=True)
    code = (
        "import optuna, sys; from optuna.storages import JournalStorage, journal\n"
        "storage = JournalStorage(journal.JournalFileBackend(sys.argv[1]))\n"
        "[study] = optuna.get_all_study_summaries(storage)\n"
        "[trial] = optuna.load_study(study_name='nightly', storage=storage).trials\n"
        "print(study.study_name, study.direction.name, trial.value, trial.intermediate_values)"
    )
    command = [sys.executable, "-c", code, str(SweepFolder(tmp_path / "nightly").study)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert shown.stdout == "nightly MAXIMIZE 0.75 {1: 0.5, 2: 0.75}\n"


def test_a_database_keeps_the_studies_of_several_sweeps_apart(tmp_path, make):
    url = f"search.storage=sqlite:///{tmp_path}/studies.db"
    first, second = make("first", TWO_METHODS, url), make("second", TWO_METHODS, url)
    first.suggest("a")
    report(first, "a", 0.5, finished=True)
    assert [len(search.study.trials) for search in (first, second)] == [1, 0]
    assert (
        optuna.load_study(study_name="first", storage=url.removeprefix("search.storage=")).best_value == 0.5
    )
    assert not SweepFolder(tmp_path / "first").study.exists()
    (tmp_path / "first" / "space.yaml").unlink()
    (tmp_path / "first").rmdir()
    with pytest.raises(UserError, match="has a study first already; give another --name"):
        make("first", TWO_METHODS, url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("nonsense", "search.storage: nonsense cannot be opened: "),
        ("sqlite:////not/there/x.db", "cannot be opened: unable to open database file"),
        ("oracle9://me@host/db", "oracle9://me@host/db cannot be opened: "),
    ],
)
def test_a_storage_that_cannot_be_used_is_one_line(make, url, expected):
    with pytest.raises(UserError) as caught:
        make("one", TWO_METHODS, f"search.storage={url}")
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_study_that_is_gone_is_one_line(resume, searcher, tmp_path):
    SweepFolder(tmp_path / "nightly").study.unlink()
    with pytest.raises(UserError, match="optuna_journal.log: is gone"):
        resume(searcher)


def test_tune_may_write_the_searcher_down(searcher):
    searcher.suggest("a")
    pickle.dumps(searcher)
    assert searcher.suggest("b")["number"] == 1


def test_a_sample_that_builds_no_trial_is_drawn_again(make):
    text = TWO_METHODS.replace(
        "model: {backbone: resnet10t}", "model: {backbone: test_vit}\nimage_size: {int: [32, 64]}"
    )
    search = make("sizes", text)
    suggestions = [search.suggest(f"t{index}") for index in range(2)]
    assert all(suggestion["trial"]["image_size"] % 16 == 0 for suggestion in suggestions)
    states = [trial.state.name for trial in search.study.trials]
    assert "FAIL" in states and states.count("RUNNING") == 2


def test_a_trial_that_was_answered_is_said_to_be_and_costs_no_epochs(
    resume, searcher, golden_steps, tmp_path
):
    from platform.tuning.search.reuse import Reuse
    from platform.tuning.trial.kept_checkpoints import Keeping

    searcher.reuse = Reuse(
        "nightly", Keeping(Folder.of(tmp_path), "val/loss", "min", 1), golden_steps.few_digits()
    )
    assert "reused" not in searcher.suggest("run")
    report(searcher, "run", 0.1, 0.2, 0.3, 0.4, finished=True)
    searcher.suggest("answered")
    searcher._storage.set_trial_user_attr(searcher._storage_id("answered"), "reused", "nightly/0000")
    report(searcher, "answered", 0.1, 0.2, 0.3, 0.4, finished=True)
    resumed = resume(searcher)
    assert resumed.records.epochs() == {0: 4}
    assert [one.reused for one in resumed.records.past()] == [None, "nightly/0000"]
