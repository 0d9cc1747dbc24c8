"""The live table at the widths of terminals; tests/sweeps/test_terminal.py looks at one in a terminal."""

import io

import pytest
from rich.console import Console

from platform.tuning.trial.pulse import Pulse
from platform.tuning.watching.live_table import live_table, short_names
from platform.tuning.watching.sweep_table import SweepTable, TrialRow

PARAMETERS = {
    "optim.lr": 0.012345,
    "method.drop_rate": 0.2,
    "method.ramp_epochs": 5,
    "model.backbone": "efficientnet_b0.ra_in1k",
    "optim.weight_decay": 1e-4,
    "augment.policy": "trivial",
}
ALWAYS = ["trial", "state", "epoch", "best", "last", "images/s", "elapsed"]


@pytest.fixture
def table():
    """Trials that finished, are in their 41st epoch, start and wait, an hour after the first began."""
    table = SweepTable("val/macro_accuracy", "max", planned=24)
    finished = TrialRow(0, PARAMETERS, 100, "finished", 100, images_per_s=1234.5, started=0.0, ended=2000.0)
    running = TrialRow(1, PARAMETERS, 100, "running", 40, images_per_s=900.0, started=10.0)
    for row, values in ((finished, (0.8, 0.75)), (running, (0.6, 0.5))):
        for value in values:
            row.add(value, "max")
    running.pulse = Pulse(epoch=41, done=200, updates=400, images_per_s=950.2)
    rows = [finished, running, TrialRow(2, PARAMETERS, 100, "starting", started=3600.0)]
    table.trials = {row.number: row for row in [*rows, TrialRow(3, PARAMETERS, 100, "waiting")]}
    return table


def drawn(table, width, height=24, notice=None):
    file = io.StringIO()
    Console(width=width, file=file).print(live_table(table, 3700.0, width, height, notice))
    return file.getvalue().splitlines()


@pytest.mark.parametrize(
    ("width", "parameters"),
    [
        (80, ["lr", "drop_rate", "+4"]),
        (120, ["lr", "drop_rate", "ramp_epochs", "backbone", "+2"]),
        (200, ["lr", "drop_rate", "ramp_epochs", "backbone", "weight_decay", "policy"]),
    ],
)
def test_what_one_looks_for_is_always_there_and_parameters_take_what_is_left(table, width, parameters):
    headings, *rows = drawn(table, width)
    assert headings.split() == [*ALWAYS, *parameters]
    assert all(len(line) <= width for line in [headings, *rows])
    cells = {row.split()[0]: row.split() for row in rows[:4]}
    bar = "━━───" if width == 80 else "━━━━────"
    assert cells["0001"][:4] == ["0001", "running", "40/100", bar]
    assert cells["0001"][4:9] == ["0.6000", "0.5000", "950", "1:01:30", "0.01235"]
    assert cells["0000*"][:7] == ["0000*", "finished", "100/100", "0.8000", "0.7500", "1,234", "33:20"]
    assert "efficientnet_b0" not in "".join(rows), "a long value is cut, not the columns after it"


def test_on_a_low_terminal_the_running_and_the_best_trials_are_kept(table):
    for number in range(4, 40):
        table.trials[number] = TrialRow(number, {}, 100, "pruned", 3, best=0.1)
    assert len(drawn(table, 80, height=12)) < 12
    assert [line.split()[0] for line in drawn(table, 80, height=12)[1:5]] == ["0001", "0002", "0003", "0000*"]


def test_a_sweep_that_stops_says_what_it_waits_for(table):
    said = " ".join(line.strip() for line in drawn(table, 80, notice=table.stopping()))
    assert "stopping: waiting for trial 0001 (epoch 41), 0002 (epoch 1) to end, then for the report." in said
    assert "0003" not in said.partition("stopping")[2]


def test_short_names_are_unique():
    paths = ["optim.lr", "stages.0.optim.lr", "method.name", "model.backbone"]
    assert list(short_names(paths).values()) == ["optim.lr", "0.optim.lr", "name", "backbone"]
