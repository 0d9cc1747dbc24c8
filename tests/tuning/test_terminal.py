"""The result table at the width of a terminal, and in a file."""

from io import StringIO

from rich.console import Console
from rich.text import Text

from platform.tuning.terminal import console_of, print_table

ROWS = [
    {
        "trial": f"000{number}",
        "val/macro_accuracy": "0.5",
        "outcome": "finished",
        "method.agreed_loss": "balanced",
    }
    for number in range(2)
]


def printed(rows, *, is_terminal, width):
    file = StringIO()
    print_table(Console(file=file, force_terminal=is_terminal, width=width, soft_wrap=True), rows)
    return Text.from_ansi(file.getvalue()).plain.splitlines()


def test_a_terminal_shows_the_columns_that_fit_and_names_the_others():
    lines = printed(ROWS, is_terminal=True, width=50)
    assert max(map(len, lines[:-1])) <= 50
    assert lines[0].split() == ["trial", "val/macro_accuracy", "outcome"]
    assert lines[-1] == "This terminal is too narrow for method.agreed_loss."


def test_a_file_has_every_column_whatever_the_width():
    lines = printed(ROWS, is_terminal=False, width=50)
    assert lines[0].split() == list(ROWS[0])
    assert len(lines) == 3


def test_the_first_column_stays_in_the_narrowest_terminal():
    assert printed(ROWS, is_terminal=True, width=4)[0].startswith("trial")


def test_a_notebooks_kernel_that_asks_for_colours_is_no_terminal(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as ipykernel and CI do
    assert Console(file=StringIO()).is_terminal, "what rich thinks by itself"
    assert not console_of(StringIO()).is_terminal
