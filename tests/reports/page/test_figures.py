import json
import math
import re
from dataclasses import replace

from platform.tracking.records import TrialRecord
from reports.page import figures
from reports.page.ensemble_figures import ensemble_figures
from reports.ranking.rank import rank_trials

COLOUR = re.compile(r"var\(--[a-z0-9-]+\)")


def spec(figure):
    return json.loads(figure.spec)


def with_values(name, values):
    """A ranking of trials that differ in one parameter."""
    trials = [
        TrialRecord(f"r{i}", f"{i}", 1, "finished", {name: value}, {}, history={"m": [(1, 0.1 * i)]})
        for i, value in enumerate(values)
    ]
    return rank_trials(trials, "m", "max")


def test_learning_curves_show_every_trial_and_how_it_ended(make_contents):
    contents = make_contents()
    traces = spec(figures.learning_curves(contents.sweep, contents.ranking, "val/accuracy"))["data"]
    lines = [trace for trace in traces if "lines" in trace["mode"]]
    assert len(lines) == 12
    named = [trace["name"] for trace in lines if trace["showlegend"]]
    assert sorted(named) == sorted(f"{one.rank}. {one.trial.trial_id}" for one in contents.ranking[:5])
    marks = {trace["name"]: trace["x"] for trace in traces if trace["mode"] == "markers"}
    assert marks == {"stopped early": [1] * 5, "failed": [4] * 2}


def test_a_value_that_is_not_finite_is_a_gap(make_contents):
    contents = make_contents(trials=3)
    trial = contents.sweep.trials[0]
    broken = replace(trial, history={"val/accuracy": [(1, 0.5), (2, math.nan), (3, math.inf)]})
    sweep = replace(contents.sweep, trials=[broken])
    [line] = spec(figures.learning_curves(sweep, [], "val/accuracy"))["data"]
    assert line["y"] == [0.5, None, None]


def test_colours_are_the_names_of_the_pages_variables(make_contents):
    contents = make_contents()
    drawn = [
        figures.learning_curves(contents.sweep, contents.ranking, "val/accuracy"),
        *ensemble_figures(with_more(contents.ensembles), "val/accuracy"),
        *figures.parameters(contents.ranking, "val/accuracy"),
    ]
    for figure in drawn:
        values = re.findall(r'"(?:color|gridcolor|linecolor)":"([^"]*)"', figure.spec)
        assert values
        assert all(COLOUR.fullmatch(value) for value in values), values


def test_points_have_labels_where_there_are_few():
    [few] = figures.parameters(with_values("lr", [0.1 * place for place in range(29)]), "m")
    [many] = figures.parameters(with_values("lr", [0.1 * place for place in range(30)]), "m")
    labels = [label for trace in spec(few)["data"] for label in trace["customdata"]]
    assert sorted(labels, key=int) == [str(place) for place in range(29)]
    assert all(trace["mode"] == "markers" for trace in spec(many)["data"])
    assert figures.trial_label("peer/0000") == "peer/0"


def test_a_parameter_over_orders_of_magnitude_is_drawn_on_a_logarithmic_axis():
    [wide] = figures.parameters(with_values("optim.lr", [1e-4, 1e-3, 1e-2, 1e-1]), "m")
    [narrow] = figures.parameters(with_values("method.drop_rate", [0.1, 0.2, 0.3, 0.4]), "m")
    [with_zero] = figures.parameters(with_values("weight_decay", [0.0, 1e-3, 1e-2, 1e-1]), "m")
    axes = [spec(figure)["layout"]["xaxis"]["type"] for figure in (wide, narrow, with_zero)]
    assert axes == ["log", "linear", "linear"]


def test_few_values_and_names_are_categories_in_their_order():
    [numbers] = figures.parameters(with_values("batch_size", [128, 32, 128, 32]), "m")
    [mixed] = figures.parameters(with_values("ema", [None, True, "x<y", 2.0]), "m")
    assert spec(numbers)["layout"]["xaxis"]["categoryarray"] == ["32", "128"]
    assert spec(mixed)["layout"]["xaxis"]["type"] == "category"
    assert spec(mixed)["layout"]["xaxis"]["categoryarray"] == ["2", "null", "true", "x&lt;y"]


def test_long_names_are_cut_under_the_axis_only():
    [figure] = figures.parameters(with_values("model.weights", ["a" * 50, "b"]), "m")
    assert spec(figure)["layout"]["xaxis"]["ticktext"] == ["a" * 29 + "…", "b"]
    assert spec(figure)["data"][0]["x"] == ["b", "a" * 50]


def test_a_parameter_with_one_value_is_not_drawn():
    assert figures.parameters(with_values("epochs", [3, 3, 3]), "m") == []


def test_trials_that_did_not_finish_are_hollow(make_contents):
    contents = make_contents()
    [first, *_] = figures.parameters(contents.ranking, "val/accuracy")
    symbols = {trace["marker"]["symbol"]: len(trace["x"]) for trace in spec(first)["data"]}
    assert symbols == {"circle": 5, "circle-open": 5}


def with_more(found):
    """With how often members disagree, and what each adds."""
    shares = ((0.0, 0.1, 0.2), (0.1, 0.0, 0.3), (0.2, 0.3, 0.0))
    return replace(found, disagreement_KK=shares, winner=replace(found.winner, adds=(0.01, -0.002)))


def test_members_disagreement_and_what_each_adds_are_drawn(make_contents):
    found = with_more(make_contents().ensembles)
    _, disagreement, adds = ensemble_figures(found, "val/accuracy")
    [heatmap] = spec(disagreement)["data"]
    assert heatmap["text"][1] == ["10.0%", "0.0%", "30.0%"]
    assert heatmap["x"] == heatmap["y"] == [one.ranked.trial.trial_id for one in found.evaluated]
    [bars] = spec(adds)["data"]
    assert (bars["x"], bars["y"]) == ([0.01, -0.002], list(found.names(found.winner)))


def test_ensembles_are_a_line_a_rule_against_the_single_trial(make_contents):
    found = make_contents().ensembles
    traces = {trace["name"]: trace for trace in spec(ensemble_figures(found, "val/accuracy")[0])["data"]}
    assert set(traces) == {"mean probability", "vote", "best single trial"}
    assert traces["vote"]["x"] == [2, 3]
    single = found.evaluated[0].metrics["val/accuracy"]
    assert traces["best single trial"]["y"] == [single, single]


def test_given_labels_are_set_against_clean_ones_in_each_trials_best_epoch(make_contents):
    contents = make_contents()
    [trace] = spec(figures.given_against_clean(contents.ranking, "val/accuracy", "val/clean_accuracy"))[
        "data"
    ]
    assert trace["x"] == [one.best for one in contents.ranking]
    assert all(math.isclose(y, x + 0.1) for x, y in zip(trace["x"], trace["y"], strict=True))
    assert figures.given_against_clean(contents.ranking, "val/accuracy", "val/nothing") is None


def test_metrics_that_a_trial_lacks_are_not_drawn(make_contents):
    trial = make_contents().ranking[0].trial
    lines = {"train/agreement": "agreement", "train/other": "other"}
    figure = figures.over_epochs(trial, lines, name="x", caption="c", y="share")
    assert [trace["name"] for trace in spec(figure)["data"]] == ["agreement"]
    assert figures.over_epochs(trial, {"train/other": "other"}, name="x", caption="c", y="share") is None
