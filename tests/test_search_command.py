"""``python -m platform.search --plan``; whole sweeps are run in tests/sweeps/."""

import subprocess
import sys
from pathlib import Path

import pytest

from platform.search_options import parsed, parser_of_search

SPACE = """
name: digits
epochs: 3
batch_size: 64
image_size: 8
data: {source: digits, noise: {kind: symmetric, rate: 0.3}}
model: {backbone: test_resnet}
method: {name: peer, drop_rate: {uniform: [0.1, 0.4]}, ramp_epochs: 1}
optim: {lr: {loguniform: [1e-2, 1e-1]}}
schedule: {name: constant, warmup_epochs: 0}
search: {trials: 4, scheduler: {name: none}}
"""


@pytest.fixture
def command(root, tmp_path):
    space = tmp_path / "space.yaml"
    space.write_text(SPACE)
    return [sys.executable, "-m", "platform.search", str(space), "--out", str(tmp_path / "runs")]


def test_the_plan_is_shown_without_starting_anything(command, environment, root, tmp_path):
    (tmp_path / "mlflow.db").unlink()
    done = subprocess.run([*command, "--plan"], cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "12 at most (3 a trial)" in done.stdout
    assert "method.drop_rate" in done.stdout and "uniform [0.1, 0.4]" in done.stdout
    assert not (tmp_path / "runs").exists() and not (tmp_path / "mlflow.db").exists()


@pytest.mark.parametrize(
    ("line", "resume", "overrides"),
    [
        ("space.yaml", None, []),
        ("space.yaml --resume", "existing", []),
        ("--resume space.yaml", "existing", []),
        ("--resume space.yaml optim.lr=1", "existing", ["optim.lr=1"]),
        ("--resume --name x space.yaml", "existing", []),
        ("space.yaml --resume optim.lr=1", "existing", ["optim.lr=1"]),
        ("--resu space.yaml", "existing", []),
        ("--resume auto space.yaml optim.lr=1", "auto", ["optim.lr=1"]),
        ("--resume auto --name x space.yaml", "auto", []),
        ("space.yaml --resume auto", "auto", []),
        ("space.yaml --resume=auto optim.lr=1", "auto", ["optim.lr=1"]),
        ("space.yaml optim.lr=1 --resume auto --quick seed=1", "auto", ["optim.lr=1", "seed=1"]),
    ],
)
def test_resume_takes_auto_and_nothing_else_that_follows_it(line, resume, overrides):
    options = parsed(parser_of_search(), line.split())
    assert (options.resume, options.space, options.overrides) == (resume, Path("space.yaml"), overrides)


def test_another_word_for_resume_is_refused(capsys):
    with pytest.raises(SystemExit):
        parsed(parser_of_search(), ["space.yaml", "--resume=always"])
    assert "--resume: invalid choice: 'always'" in capsys.readouterr().err
