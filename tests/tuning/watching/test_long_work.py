"""Progress of decoding and reports: on a terminal, and in a log file."""

import io

from rich.console import Console

from platform.tuning.watching.long_work import long_work


def test_a_terminal_shows_a_bar_and_what_is_left():
    file = io.StringIO()
    console = Console(file=file, width=80, force_terminal=True, no_color=True)
    with long_work(console, "decoding photos") as (say, count):
        count(250, 1000)
        say("ensembling")
    shown = file.getvalue()
    assert "decoding photos" in shown and "ensembling" in shown


def test_a_log_file_gets_lines_on_what_takes_long_only():
    file = io.StringIO()
    console = Console(file=file, width=80)
    with long_work(console, "decoding photos") as (say, count):
        count(250, 1000)
        say("ensembling")
    assert file.getvalue() == ""
    with long_work(console, "decoding photos", every_s=0) as (say, count):
        count(250, 1000)
        count(1000, 1000)
        say("ensembling")
    first, second, third = file.getvalue().splitlines()
    assert first.startswith("decoding photos: 250 of 1,000, about ") and first.endswith(" left")
    assert (second, third) == ("decoding photos: 1,000 of 1,000", "ensembling …")
