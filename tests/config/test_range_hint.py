"""What is said of a value that was meant as a range, or as a section."""

import pytest

from platform.config.range_hint import GRAMMAR, hint


@pytest.mark.parametrize(
    ("error", "value", "said"),
    [
        ("float_type", "uniform(0, 0.3)", "; write {uniform: [0, 0.3]}"),
        ("float_type", "tune.loguniform(1e-4, 1e-1)", "; write {loguniform: [1e-4, 1e-1]}"),
        ("float_type", "choice([0.1, 0.2])", "; write {choice: [0.1, 0.2]}"),
        ("int_type", "randint(1, 5)", "; write {int: [1, 5]}"),
        ("int_type", "uniform(1, 5)", "; write {int: [1, 5]}"),
        ("float_type", "0.1..0.3", "; write {uniform: [0.1, 0.3]}"),
        ("float_type", [0.1, 0.3], "; write {uniform: [0.1, 0.3]} or {choice: [0.1, 0.3]}"),
        ("int_type", [1, 2, 3], "; write {choice: [1, 2, 3]}"),
        ("float_type", {"log_uniform": [0.1, 1]}, "; write {loguniform: [0.1, 1]}"),
        ("float_type", {"unifrom": [0, 1]}, "; did you mean 'uniform'?"),
        ("float_type", {"between": [0, 1]}, f"; {GRAMMAR}"),
        ("float_type", "beta(1, 2)", f"; {GRAMMAR}"),
        ("float_type", "fast", ""),
        ("float_type", None, ""),
    ],
)
def test_a_value_that_was_meant_as_a_range(error, value, said):
    assert hint(error, value, []) == said


def test_a_sections_name_alone():
    assert hint("model_attributes_type", "cosine", ["name", "warmup_epochs"]) == "; write {name: cosine}"
    assert hint("model_type", "many", ["rate"]) == ""
