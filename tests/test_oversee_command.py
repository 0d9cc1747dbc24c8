"""What ``--list``, ``--status`` and ``--stop`` refuse, and say where there is no sweep."""

import json

import pytest

from platform.search import main


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--status", "x"], "no such sweep; there are: none"),
        (["--stop", "x"], "no such sweep; there are: none"),
        (["--list", "--stop", "x"], "--list and --stop: give only one of them"),
        (["--list", "space.yaml"], "--list takes no SPACE.yaml"),
        (["--json", "space.yaml"], "--json: needs --list or --status"),
        ([], "required: SPACE.yaml"),
    ],
)
def test_what_cannot_be_meant_is_one_line(run_here, tmp_path, arguments, words):
    done = run_here(main, *arguments, "--out", tmp_path / "runs")
    assert done.returncode == 2
    assert words in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_where_there_is_no_sweep_the_list_says_so(run_search, tmp_path):
    assert run_search("--list").stdout == f"no sweep in {tmp_path}/runs/\n"
    assert json.loads(run_search("--list", "--json").stdout) == []
