"""Which trials of an MLflow ran with the same code on the same data; the store is a real one."""

from dataclasses import replace

import pytest

from platform.tracking import tag_names
from platform.tracking.reading.earlier_trials import earlier_trials
from platform.tracking.writing.writer import SweepWriter

CONFIG = {"method": {"name": "peer"}, "model": {"backbone": "resnet10t"}, "seed": 1}
DATA = {"data.source": "here", "data.seed": 5, "data.noise": None}


@pytest.fixture
def run(uri, description):
    """Writes a sweep of one trial, by default one that ran to its end with the code "abc"."""

    def write(sweep="old", digest="d" * 64, data=DATA, outcome="finished", marks=None, attempts=("abc",)):
        writer = SweepWriter.open(uri, "tests", sweep)
        writer.log_sweep(replace(description, constants=data, data=replace(description.data, digest=digest)))
        for code in attempts:
            tags = {tag_names.CODE: code} | (marks or {})
            writer.start_trial("0003", searched={}, constants={}, config=CONFIG, marks=tags)
        writer.finish_trial("0003", outcome, checkpoint_last="/runs/old/trials/0003/checkpoint_000009")
        writer.finish("finished")

    return write


@pytest.fixture
def known(uri):
    return lambda: earlier_trials(uri, code="abc", data_digest="d" * 64, data_settings=DATA)


def test_a_trial_of_the_same_code_and_data_is_found_wherever_the_images_lie(run, known):
    run(data=DATA | {"data.source": "elsewhere"})
    (one,) = known()
    assert (one.name, one.config, str(one.folder)) == ("old/0003", CONFIG, "/runs/old/trials/0003")


@pytest.mark.parametrize(
    "other",
    [
        {"digest": "e" * 64},
        {"data": DATA | {"data.seed": 6}},
        {"outcome": "pruned"},
        {"outcome": "failed"},
        {"attempts": ("abd",)},
        {"attempts": ("abc", "abd")},
        {"attempts": ("abd", "abc")},
        {"marks": {tag_names.REUSED_FROM: "older/0001"}},
    ],
    ids=str,
)
def test_no_other_trial_is(run, known, other):
    run(**other)
    assert known() == []
