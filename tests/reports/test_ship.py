"""``--ship``: the winner as a model of MLflow, champion or challenger, loaded and served by MLflow itself."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlparse

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from PIL import Image

from platform.datasets.preparation.unlabelled import open_images
from platform.training.trial.trial_config import TrialConfig
from reports.__main__ import main
from reports.evaluation.checkpoints import checkpoint_digest
from reports.deploy.predict import predict_images
from reports.deploy.ship import licences_of, ship
from reports.build.winner import FILE, Member, read_winner

LOAD = """
import json, sys, warnings
import platform  # the standard library's, as any server has imported it
import mlflow
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model("models:/digits@champion")
said = model.predict(sys.argv[2:])
assert not hasattr(platform, "__path__")
ours = [one for one in sys.modules if one.startswith(("platform.", "reports"))]
assert not ours, ours
print(json.dumps({"label": said["label"].tolist(), "probability": said["probability"].tolist()}))
"""


def only(run, *trials, rule=None):
    """Let the report have chosen these trials."""
    folders = [next((run.trials / one).glob("checkpoint_*")) for one in trials]
    members = tuple(
        Member(trial=one, checkpoint=str(folder.relative_to(run.path)), digest=checkpoint_digest(folder))
        for one, folder in zip(trials, folders, strict=True)
    )
    chosen = read_winner(run.report).model_copy(
        update={"rule": rule, "members": members, "temperature": 1.0, "learnt": None}
    )
    (run.report / FILE).write_text(chosen.model_dump_json())


@pytest.fixture(scope="module")
def shipped(reported, tmp_path_factory):
    """A sweep whose worst trial, then an ensemble, then that trial again was shipped; and what was said."""
    sweep = reported[0].copy(tmp_path_factory.mktemp("shipped"))
    said = []
    only(sweep.folder, "0002")
    said.append(ship(sweep.folder.path))
    only(sweep.folder, "0000", "0001", rule="mean_logit")
    said.append(ship(sweep.folder.path))
    said.append(ship(sweep.folder.path))
    only(sweep.folder, "0002")
    said.append(ship(sweep.folder.path))
    said.append(ship(sweep.folder.path))
    only(sweep.folder, "0000", "0001", rule="mean_logit")
    return sweep, said


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder, draws = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for place in range(5):
        pixels = draws.integers(0, 256, (6, 5, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((20 + 9 * place, 30)).save(folder / f"{place}.png")
    return folder


def test_the_first_is_champion_and_a_better_one_takes_its_place(shipped):
    first, better, again, worse, still = shipped[1]
    assert (first.alias, first.why) == ("champion", "There was no champion of digits.")
    assert (better.alias, better.version.number) == ("champion", "2")
    assert better.why.endswith(": better beyond noise.")
    assert (again.version, again.is_new) == (better.version, False)
    assert (worse.alias, worse.version.number) == ("challenger", "3")
    assert worse.why.endswith(": worse.")
    assert (still.version, still.alias, still.is_new) == (worse.version, "challenger", False)
    assert still.why == f"It is challenger already. {worse.why}"


def test_mlflow_has_the_model_on_the_parent_run_with_all_that_belongs_to_it(shipped):
    sweep, _ = shipped
    client = MlflowClient(sweep.state.uri)
    aliases = {
        alias: client.get_model_version_by_alias("digits", alias).version
        for alias in ("champion", "challenger")
    }
    assert {alias: str(number) for alias, number in aliases.items()} == {"champion": "2", "challenger": "3"}
    version = client.get_model_version("digits", "2")
    assert version.run_id == sweep.state.parent_run_id
    assert version.tags["sweep"] == "digits"
    assert len(client.get_run(sweep.state.parent_run_id).outputs.model_outputs) == 3
    logged = client.get_logged_model(version.source.removeprefix("models:/"))
    assert logged.tags["licences"] == "test_resnet: trained from random weights"
    description = Path(unquote(urlparse(logged.artifact_location).path)) / "MLmodel"
    text = description.read_text()
    for wanted in ("signature", "saved_input_example_info", "licences"):
        assert wanted in text
    requirements = (description.parent / "requirements.txt").read_text().splitlines()
    assert [line.split("==")[0] for line in requirements[:2]] == ["mlflow", "torch"]


def test_it_loads_in_a_clean_process_and_says_what_the_sweep_says(shipped, pictures, tmp_path):
    sweep, _ = shipped
    expected = pd.read_csv(
        predict_images(sweep.folder.path, open_images(str(pictures))).file, dtype={"label": str}
    )
    files = [str(pictures / path) for path in expected["path"]]
    done = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "-c", LOAD, sweep.state.uri, *files],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["label"] == expected["label"].tolist()
    np.testing.assert_allclose(said["probability"], expected["probability"], atol=1e-5)


def test_mlflow_serves_it(shipped, pictures, tmp_path):
    sweep, _ = shipped
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path / "log"
    command = ["-m", "mlflow", "models", "serve", "-m", "models:/digits@champion", "--env-manager", "local"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {
        "MLFLOW_TRACKING_URI": sweep.state.uri,
        "PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}",
    }
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, *command, "--port", str(port)],
            cwd=tmp_path,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        pixels = np.asarray(Image.open(pictures / "0.png")).tolist()
        content = {"dataframe_split": {"columns": ["image"], "data": [[str(pictures / "0.png")], [pixels]]}}
        answer = asked(f"http://127.0.0.1:{port}", content, server, log)
    finally:
        os.killpg(server.pid, 15)
        server.wait(30)
    expected = pd.read_csv(
        predict_images(sweep.folder.path, open_images(str(pictures))).file, dtype={"label": str}
    )
    assert [one["label"] for one in answer["predictions"]] == [expected["label"][0]] * 2
    for one in answer["predictions"]:
        assert one["probability"] == pytest.approx(expected["probability"][0], abs=1e-5)


def asked(address, content, server, log):
    until = time.monotonic() + 180
    while True:
        try:
            urllib.request.urlopen(f"{address}/ping", timeout=5)
            break
        except OSError:
            assert server.poll() is None and time.monotonic() < until, log.read_text()
            time.sleep(0.3)
    request = urllib.request.Request(
        f"{address}/invocations", json.dumps(content).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def test_a_champion_of_other_data_is_not_taken_on(shipped, tmp_path):
    sweep = shipped[0].copy(tmp_path / "copy")
    only(sweep.folder, "0001")
    client = MlflowClient(sweep.state.uri)
    client.set_model_version_tag("digits", "2", "data_digest", "other")
    done = ship(sweep.folder.path)
    assert (done.alias, done.why) == (
        "challenger",
        "The champion (digits, version 2) was measured on other data.",
    )


@pytest.mark.parametrize("harm", ["checkpoint", "identities", "server"])
def test_what_cannot_be_shipped_is_one_line(harm, reported, tmp_path, capsys):
    sweep = reported[0].copy(tmp_path / "copy")
    folder = sweep.folder
    if harm == "checkpoint":
        shutil.rmtree(folder.path / read_winner(folder.report).members[0].checkpoint)
    elif harm == "server":
        folder.write_record(replace(folder.read_record(), tracking_uri="http://127.0.0.1:9"))
    else:
        text = folder.space.read_text().split("data:")[0]
        folder.space.write_text(
            text + "data: {source: figures, identities: {}}\nsearch: {trials: 5, metric: val/map}\n"
        )
    assert main([str(folder.path), "--ship"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    reason = {
        "checkpoint": "is gone",
        "identities": "--ship: the sweep is on identities",
        "server": "no MLflow server",
    }
    assert reason[harm] in line
    assert not MlflowClient(sweep.state.uri).search_registered_models()


@pytest.mark.parametrize(
    ("model", "licence"),
    [
        ({"backbone": "test_resnet"}, "test_resnet: trained from random weights"),
        ({"backbone": "resnet18.a1_in1k", "pretrained": True}, "resnet18.a1_in1k: apache-2.0"),
        (
            {"backbone": "resnet18", "weights": "a.pth"},
            "resnet18, weights of a.pth: their licence is not known here",
        ),
    ],
)
def test_the_licence_of_initial_weights_is_what_timm_says(model, licence):
    sections = {
        "epochs": 1,
        "batch_size": 8,
        "image_size": 32,
        "model": model,
        "method": {"name": "cross_entropy"},
        "optim": {"lr": 0.1},
    }
    assert licences_of(TrialConfig.model_validate_json(json.dumps(sections))) == [licence]
