from dataclasses import replace

import pytest

from reports.page import sentences as words
from reports.sweeps.contents import DataFacts


def test_the_summary_says_what_won_and_how_much_it_can_be_trusted(make_contents):
    contents = make_contents()
    said = words.sentences(contents)
    best = contents.ranking[0]
    assert said[0].startswith(
        f"Best single trial: {best.trial.trial_id} with val/accuracy {best.best:.4f} in epoch 4"
    )
    assert said[1] == (
        f"Best ensemble: vote of 2 trials ({best.trial.trial_id}, {contents.ranking[2].trial.trial_id}) with "
        f"val/accuracy {best.best + 0.02:.4f} on validation, +0.0200 against the best single trial."
    )
    assert said[2] == (
        "Accuracy on the test split (clean labels), scored once after everything was chosen: "
        "best single trial, 0.8000; vote of 2, 0.8500."
    )
    assert "25.0% of them are wrong" in said[3] and "0.7500" in said[3]
    error = (best.best * (1 - best.best) / 20) ** 0.5
    assert "10 trials agree to a Kendall's tau of 1.00" in said[4]
    assert f"has 20 images: the standard error of an accuracy is {error:.4f}" in said[5]
    assert said[6] == "2 of 12 trials failed; the causes are below."


def test_trials_that_differ_from_the_best_by_less_than_noise_are_ties(make_contents):
    contents = make_contents()
    known = replace(contents.data, samples={"val/accuracy": 100.0})
    [said] = [
        one for one in words.sentences(replace(contents, data=known)) if "within noise of the best" in one
    ]
    best = contents.ranking[0].best
    error = (2 * best * (1 - best) / 100) ** 0.5
    tied = [one.trial.trial_id for one in contents.ranking[1:] if best - one.best < 1.96 * error]
    assert 0 < len(tied) < len(contents.ranking) - 1
    assert said.startswith(f"{len(tied)} further trial")
    assert said.endswith(f"as if each were judged on other images): {', '.join(tied)}.")


def test_the_headlines_are_the_winners_on_validation_and_on_test(make_contents):
    contents = make_contents()
    assert [(one.what, one.value) for one in words.headlines(contents)] == [
        ("Best single trial, validation", f"{contents.ranking[0].best:.4f}"),
        ("Best ensemble, validation", f"{contents.ranking[0].best + 0.02:.4f}"),
        ("Best single trial, test", "0.8000"),
        ("Vote of 2, test", "0.8500"),
    ]
    assert "noisy labels (25% wrong)" in words.headlines(contents)[0].note


def test_an_ensemble_that_does_not_win_is_not_praised(make_contents):
    contents = make_contents()
    contents = replace(contents, ensembles=replace(contents.ensembles, winner=None))
    assert (
        words.sentences(contents)[1]
        == "No ensemble of the best 3 trials beat the best single one on validation."
    )
    assert [one.what for one in words.headlines(contents)] == [
        "Best single trial, validation",
        "Best single trial, test",
    ]


@pytest.mark.parametrize(
    ("selects_on", "wrong", "expected"),
    [
        ("clean", {"val": 0.4}, "clean validation labels"),
        ("given", {}, "is not known"),
        ("given", {"val": 0.0}, "agree with the clean ones"),
        ("given", {"val": 0.375}, "37.5% of them are wrong"),
    ],
)
def test_it_is_said_which_labels_selected(selects_on, wrong, expected):
    facts = DataFacts("digits", ("a", "b"), {"train": 8, "val": 2}, selects_on, wrong)
    assert expected in words.about_labels(facts)


def test_what_predictions_say_of_unknown_labels_is_said():
    facts = DataFacts("photos", ("a", "b"), {"train": 8, "val": 2}, "given", {})
    assert "is not known; the trials' predictions speak against 38%." in words.about_labels(facts, 0.3812)


def test_trials_are_counted_by_how_they_ended(make_contents):
    assert words.counts(make_contents().sweep) == "12 trials: 5 finished, 5 stopped early, 2 failed"
    assert words.counts(make_contents(trials=1).sweep) == "1 trial: 1 finished"
    assert words.counts(make_contents(trials=0, ranking=[], ensembles=None).sweep) == "0 trials"


def test_numbers_of_times_and_differences_read_well():
    assert [words.times(count) for count in (1, 2, 3)] == ["once", "twice", "3 times"]
    assert (words.difference(0.5, 0.25), words.difference(0.25, 0.5)) == ("+0.2500", "−0.2500")


def test_noise_and_imbalance_that_were_added_are_named(make_contents):
    contents = make_contents()
    injected = ("data.noise symmetric makes 40 of 100 training labels wrong",)
    contents = replace(contents, identity=replace(contents.identity, injected=injected))
    assert "Data.noise" not in " ".join(words.sentences(contents))
    assert "On purpose: data.noise symmetric makes 40 of 100" in " ".join(words.sentences(contents))
