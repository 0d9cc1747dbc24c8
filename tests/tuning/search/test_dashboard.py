"""optuna-dashboard opens a study as it lies in its sweep's folder: the real server, a real browser."""

import json
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from platform.config.load import load_space
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.search.searcher import SpaceSearch
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig

SPACE = """
epochs: 2
image_size: 8
model: {backbone: test_resnet}
method:
  choice:
  - {name: cross_entropy}
  - {name: peer, drop_rate: {uniform: [0.1, 0.6]}, ramp_epochs: 1}
optim: {lr: {loguniform: [1e-3, 1e-1]}}
search: {sampler: {name: random}}
"""


@pytest.fixture
def dashboard(tmp_path):
    """The address of an optuna-dashboard on the study of a sweep of six trials, one pruned, one failed."""
    folder = tmp_path / "nightly"
    folder.mkdir()
    (folder / "space.yaml").write_text(SPACE)
    loaded = load_space(folder / "space.yaml", SweepConfig, fixed=SWEEP_FIELDS)
    search = SpaceSearch(loaded, SweepFolder(folder))
    for number in range(6):
        search.suggest(f"t{number}")
        search.on_trial_result(f"t{number}", {"val/accuracy": 0.1 * number, "epoch": 1})
        ends: dict[int, dict[str, Any]] = {
            0: {"epoch": 1},
            1: {"epoch": 1, "failure": "TrainingDiverged: nan"},
        }
        last = {"val/accuracy": 0.15 * number, "epoch": 2, "finished": True}
        search.on_trial_complete(f"t{number}", ends.get(number, last))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(sys.executable).parent / "optuna-dashboard"
    line = [str(program), str(SweepFolder(folder).study), "--port", str(port), "--quiet"]
    server = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    address = f"http://127.0.0.1:{port}"
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            break
        except OSError:
            assert server.poll() is None, server.stderr.read()
            time.sleep(0.1)
    yield address
    server.kill()
    server.communicate()


def test_it_shows_the_study_under_the_sweeps_name(dashboard, chromium):
    with urllib.request.urlopen(f"{dashboard}/api/studies", timeout=30) as answer:
        [study] = json.load(answer)["study_summaries"]
    assert (study["study_name"], study["directions"]) == ("nightly", ["maximize"])
    with urllib.request.urlopen(f"{dashboard}/api/studies/{study['study_id']}", timeout=30) as answer:
        trials = json.load(answer)["trials"]
    assert [trial["state"] for trial in trials] == ["Pruned", "Fail", *["Complete"] * 4]
    assert {one["name"] for trial in trials for one in trial["params"]} == {
        "method",
        "method[peer].drop_rate",
        "optim.lr",
    }

    page = chromium.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{dashboard}/dashboard/studies/{study['study_id']}")
    page.wait_for_selector("text=Best Trial (number=5)")
    assert "nightly" in page.inner_text("body")
    assert not errors
