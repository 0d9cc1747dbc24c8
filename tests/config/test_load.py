"""The grammar of a space and its errors, through ``load_space`` on small sections."""

from typing import Annotated, Literal

import pytest
from pydantic import Field, model_validator

from platform.config.errors import ConfigError, UserError
from platform.config.load import load_space
from platform.config.section import Section, reject


class Peer(Section):
    name: Literal["peer"]
    drop_rate: float = Field(0.2, ge=0, lt=1)
    ramp_epochs: int = Field(3, ge=0)


class CrossEntropy(Section):
    name: Literal["cross_entropy"]
    label_smoothing: float = Field(0.0, ge=0, lt=1)


class Model(Section):
    backbone: str = "resnet10t"
    scale: tuple[float, float] = (0.5, 1.0)


class Root(Section):
    epochs: int = Field(5, ge=1)
    method: Annotated[Peer | CrossEntropy, Field(discriminator="name")]
    model: Model = Model()
    peer_model: Model | None = None
    optimiser: Literal["sgd", "adamw"] = "sgd"
    source: str = "digits"

    @model_validator(mode="after")
    def _ramp_fits(self) -> "Root":
        if isinstance(self.method, Peer) and self.method.ramp_epochs > self.epochs:
            reject("method.ramp_epochs", f"must be <= epochs ({self.epochs})", self.method.ramp_epochs)
        return self


@pytest.fixture
def load(tmp_path):
    def load_text(text, *overrides):
        path = tmp_path / "space.yaml"
        path.write_text(text, encoding="utf-8")
        return load_space(path, Root, overrides=overrides, fixed=("source",))

    return load_text


def error_of(load, text, *overrides):
    with pytest.raises(UserError) as caught:
        load(text, *overrides)
    return str(caught.value).split("space.yaml:")[-1] if not overrides else str(caught.value)


PEER = "method: {name: peer}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "method:\n  name: peer\n  drop_rate: 1.4\n",
            "3:14: method.drop_rate: must be < 1, got 1.4",
        ),
        (
            "method:\n  name: peer\n  drop_rat: 0.4\n",
            "3:3: method.drop_rat: unknown key 'drop_rat'; did you mean 'drop_rate'?; "
            "there are drop_rate, name, ramp_epochs",
        ),
        (
            "method:\n  name: pear\n",
            "2:9: method.name: unknown name 'pear'; did you mean 'peer'?; there are peer, cross_entropy",
        ),
        ("method: peer\n", "1:9: method: must be a section (key: value), got 'peer'; write {name: peer}"),
        (
            "method: {drop_rate: 0.1}\n",
            "1:9: method.name: is missing: it says which settings the section has",
        ),
        ("epochs: 3\n", "1:1: method: is missing"),
        (PEER + "epochs: 2.5\n", "2:9: epochs: must be a whole number, got 2.5"),
        (PEER + "epochs: '5'\n", "2:9: epochs: must be a whole number, got '5'"),
        (PEER + "epochs: yes\n", "2:9: epochs: must be a whole number, got 'yes'"),
        (PEER + "model: {scale: [0.5]}\n", "2:16: model.scale.1: is missing"),
        (PEER + "model: {scale: 0.5}\n", "2:16: model.scale: must be a list, got 0.5"),
        (
            PEER + "optimiser: adam\n",
            "2:12: optimiser: must be one of sgd, adamw, got 'adam'; did you mean 'adamw'?",
        ),
        (PEER + "epochs: 3\nepochs: 4\n", "3:1: epochs: duplicate key 'epochs' (first on line 2)"),
        (
            PEER + "peer_model: {backbon: x}\n",
            "2:14: peer_model.backbon: unknown key 'backbon'; did you mean 'backbone'?; "
            "there are backbone, scale",
        ),
        (
            "method:\n  name: peer\n  ramp_epochs: 9\n",
            "3:16: method.ramp_epochs: must be <= epochs (5), got 9",
        ),
        ("method: {name: peer, drop_rate: .inf}\n", "1:33: method.drop_rate: must be finite, got inf"),
        ("a: [1,\n", "2:1: is not YAML: expected the node content, but found '<stream end>'"),
        ("- 1\n", "1:1: must be a mapping of settings (key: value)"),
        (
            "a: !!python/object:os.system x\n",
            "1:4: a: unknown YAML tag tag:yaml.org,2002:python/object:os.system",
        ),
    ],
)
def test_a_mistake_is_one_line_with_place_path_and_value(load, text, expected):
    assert error_of(load, text) == expected


@pytest.mark.parametrize("value", ["{uniform: [0.1, 0.2]}", "{choice: [0.1, 0.2]}"])
def test_an_unknown_key_is_pointed_at_whatever_its_value_is(load, value):
    message = error_of(load, f"method: {{name: peer, drop_rat: {value}}}")
    place, known = "1:22: method.drop_rat", "there are drop_rate, name, ramp_epochs"
    assert message == f"{place}: unknown key 'drop_rat'; did you mean 'drop_rate'?; {known}"


@pytest.mark.parametrize(
    ("drop_rate", "expected"),
    [
        (
            "{uniform: [0.1, 1.2]}",
            "1:49: method.drop_rate: must be < 1, got 1.2 (the upper end of its range)",
        ),
        (
            "{uniform: [-1, 0.2]}",
            "1:44: method.drop_rate: must be >= 0, got -1.0 (the lower end of its range)",
        ),
        ("{choice: [0.1, 2]}", "1:48: method.drop_rate: must be < 1, got 2"),
        (
            "{uniform: [0.3, 0.3]}",
            "1:33: method.drop_rate: empty range: low must be below high, got [0.3, 0.3]",
        ),
        (
            "{uniform: [0.3, 0.1]}",
            "1:33: method.drop_rate: empty range: low must be below high, got [0.3, 0.1]",
        ),
        ("{choice: []}", "1:33: method.drop_rate: empty range: choice takes a list of options, got []"),
        ("{choice: [0.1, 0.1]}", "1:33: method.drop_rate: choice has the option 0.1 twice"),
        ("{loguniform: [0, 0.1]}", "1:33: method.drop_rate: loguniform needs a low end > 0, got [0, 0.1]"),
        ("{int: [0.5, 1]}", "1:33: method.drop_rate: int takes two whole numbers [low, high], got [0.5, 1]"),
        ("{uniform: [0.1]}", "1:33: method.drop_rate: uniform takes two numbers [low, high], got [0.1]"),
        (
            "{uniform: [a, b]}",
            "1:33: method.drop_rate: uniform takes two numbers [low, high], got ['a', 'b']",
        ),
        (
            "{unifrom: [0.1, 0.2]}",
            "1:33: method.drop_rate: must be a number, got {'unifrom': [0.1, 0.2]}; did you mean 'uniform'?",
        ),
        (
            "{uniform: [0.1, 0.2], step: 1}",
            "1:33: method.drop_rate: a range stands alone: {uniform: […]}, but here are also step",
        ),
    ],
)
def test_a_range_is_checked_at_its_ends_and_in_its_form(load, drop_rate, expected):
    assert error_of(load, f"method: {{name: peer, drop_rate: {drop_rate}}}\n") == expected


def test_a_continuous_range_is_none_of_a_whole_number(load):
    message = error_of(load, PEER + "epochs: {uniform: [1, 3]}\n")
    assert message == "2:20: epochs: must be a whole number, got 1.0 (the lower end of its range)"


def test_a_range_whose_upper_end_breaks_another_field_names_that_end(load):
    text = "epochs: {choice: [9, 4]}\nmethod: {name: peer, ramp_epochs: {int: [1, 6]}}\n"
    expected = "2:45: method.ramp_epochs: must be <= epochs (4), got 6 (the upper end of its range)"
    assert error_of(load, text) == expected


def test_ranges_inside_an_option_are_checked_where_they_stand(load):
    text = (
        "method:\n  choice:\n  - {name: cross_entropy}\n"
        "  - name: peer\n    drop_rate: {uniform: [0.1, 1.1]}\n"
    )
    expected = "5:32: method.drop_rate: must be < 1, got 1.1 (the upper end of its range)"
    assert error_of(load, text) == expected


def test_several_mistakes_are_a_line_each(load):
    with pytest.raises(ConfigError) as caught:
        load("method: {name: peer, drop_rate: 2}\nepochs: 0\n")
    assert [line.split("space.yaml:")[1] for line in str(caught.value).splitlines()] == [
        "2:9: epochs: must be >= 1, got 0",
        "1:33: method.drop_rate: must be < 1, got 2",
    ]


def test_no_range_may_stand_in_what_is_one_for_the_sweep(load):
    message = error_of(load, PEER + "source: {choice: [a, b]}\n")
    assert message.startswith("2:9: source: source is one for the whole sweep")


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("method.drop_rate=1.4", "command line: method.drop_rate: must be < 1, got 1.4"),
        (
            "method.drop_rate={uniform: [0.1, 1.2]}",
            "command line: method.drop_rate: must be < 1, got 1.2 (the upper end of its range)",
        ),
        ("epoch=3", "command line: epoch: unknown key 'epoch'; did you mean 'epochs'?; there are "
         "epochs, method, model, optimiser, peer_model, source"),
        ("epochs", "command line: 'epochs' is not an override; write key.path=value"),
        ("=3", "command line: '=3' is not an override; write key.path=value"),
        ("epochs.deep=3", "command line: epochs.deep: epochs is a value, not a section"),
        ("model.backbone=[1", "command line: model.backbone=[1:1:3: is not YAML: expected ',' or ']', "
         "but got '<stream end>'"),
    ],
)  # fmt: skip
def test_overrides_are_checked_the_same_way(load, override, expected):
    assert error_of(load, PEER + "epochs: 5\n", override) == expected


def test_an_override_into_a_choice_says_how(load):
    text = "method: {choice: [{name: peer}, {name: cross_entropy}]}\n"
    message = error_of(load, text, "method.drop_rate=0.1")
    assert message.startswith("command line: method.drop_rate: method is a choice; override it as a whole")


def test_overrides_lay_values_ranges_and_new_sections_over_the_yaml(load):
    loaded = load(
        PEER, "method.drop_rate={loguniform: [1e-4, 1e-2]}", "peer_model.backbone=resnet18", "epochs=7"
    )
    assert [parameter.name for parameter in loaded.space.parameters()] == ["method.drop_rate"]
    first = loaded.first()
    assert (first.epochs, first.method.drop_rate, first.peer_model.backbone) == (7, 1e-4, "resnet18")


def test_a_number_is_an_index_in_a_list_and_a_key_in_a_section(load):
    loaded = load(PEER + "model: {scale: [0.1, 0.2]}\n", "model.scale.1=0.7")
    assert loaded.first().model.scale == (0.1, 0.7)
    with pytest.raises(ConfigError, match="command line: model.3: unknown key '3'"):
        load(PEER, "model.3=x")


def test_numbers_are_those_of_yaml_1_2(load):
    assert load("method: {name: peer, drop_rate: 1e-3}\n").first().method.drop_rate == 0.001


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match="nothing.yaml: no such file"):
        load_space(tmp_path / "nothing.yaml", Root)


def test_text_that_is_not_utf8_is_named(tmp_path):
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"epochs: 3 # \xe9\n")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        load_space(path, Root)


class Sweep(Root):
    """A root that inherits, as a sweep's inherits from a trial's; its own section holds no range."""

    number: int = Field(1, ge=1)


def test_a_mistake_in_the_sweeps_sections_does_not_hide_those_of_a_trial(tmp_path):
    path = tmp_path / "space.yaml"
    path.write_text("method: {name: peer, ramp_epochs: 9}\nnumber: 0\n")
    with pytest.raises(ConfigError) as caught:
        load_space(path, Sweep)
    assert [line.split("space.yaml:")[1] for line in str(caught.value).splitlines()] == [
        "2:9: number: must be >= 1, got 0",
        "1:35: method.ramp_epochs: must be <= epochs (5), got 9",
    ]


def test_mistakes_of_several_corners_are_said_at_once(load):
    text = (
        "method:\n  choice:\n  - {name: peer, drop_rate: 2}\n  - {name: cross_entropy, label_smoothing: 7}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert [line.split("space.yaml:")[1] for line in str(caught.value).splitlines()] == [
        "3:29: method.drop_rate: must be < 1, got 2",
        "4:44: method.label_smoothing: must be < 1, got 7",
    ]
