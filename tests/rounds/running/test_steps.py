"""How a round's commands end: what is a mistake, what is an interruption, and what broke."""

import pytest

from platform.config.errors import UserError
from platform.rounds.running.steps import carry_out
from platform.tuning.errors import SweepBroken

PROGRAM = "import sys\nprint('x.yaml:1:1: a: is wrong; go on with: y', file=sys.stderr)\nsys.exit({code})\n"


@pytest.fixture
def ends_with(tmp_path):
    """``ends_with(2)``: carry out a command of a folder of its own that ends so."""

    def run(code):
        (tmp_path / "planted").mkdir(exist_ok=True)
        (tmp_path / "planted" / "__init__.py").touch()
        (tmp_path / "planted" / "command.py").write_text(PROGRAM.format(code=code))
        return carry_out("planted.command", [], tmp_path / "log.txt", "round 2: sweep", root=tmp_path)

    return run


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        (2, UserError, "^round 2: sweep: x.yaml:1:1: a: is wrong$"),
        (1, SweepBroken, "^round 2: sweep ended with exit code 1: x.yaml:1:1: a: is wrong; its log: "),
        (130, KeyboardInterrupt, "^$"),
    ],
)
def test_an_end_that_is_none_is_said_without_the_command_of_the_single_sweep(ends_with, code, error, words):
    with pytest.raises(error, match=words):
        ends_with(code)


def test_a_good_end_took_so_many_seconds(ends_with):
    assert 0 < ends_with(0) < 60
