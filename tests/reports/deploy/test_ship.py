"""``--ship``: the winner as a model of MLflow, champion or challenger, loaded and served by MLflow itself."""

import base64
import json
import os
import shutil
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
from platform.tracking.own_mlflow import name_own
from platform.tracking.writing.registry import model_name
from platform.training.trial.trial_config import TrialConfig
from reports.__main__ import main
from reports.build.winner import FILE, Member, read_winner
from reports.deploy.predict import predict_images
from reports.deploy.ship import licences_of, ship
from reports.evaluation.checkpoints import checkpoint_digest

LOAD = """
import json, sys, warnings
import platform  # the standard library's, as any server has imported it
import mlflow
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model("models:/digits@champion")
said = model.predict([open(path, "rb").read() for path in sys.argv[2:]])
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
    assert better.why.endswith(
        ": better beyond noise. It replaces digits, version 1, of sweep digits, as champion."
    )
    assert f"MLFLOW_TRACKING_URI={shipped[0].state.uri} " in better.serving
    assert "mlflow models serve -m models:/digits@champion --env-manager local --port 50" in better.serving
    assert (again.version, again.is_new) == (better.version, False)
    assert (worse.alias, worse.version.number) == ("challenger", "3")
    assert worse.why.endswith(": worse.")
    assert (still.version, still.alias, still.is_new) == (worse.version, "challenger", False)
    assert still.why == f"It is the challenger already. {worse.why}"


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


@pytest.fixture
def address(shipped, tmp_path):
    """The champion, served by the command that --ship printed, in a shell without this environment."""
    command = shipped[1][1].serving
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["PATH"] = "/usr/bin:/bin"
    log = tmp_path / "log"
    with log.open("w") as output:
        server = subprocess.Popen(
            command,
            shell=True,
            cwd=Path.cwd(),  # where --ship printed it
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{command.rpartition(' ')[2]}"
    until = time.monotonic() + 180
    try:
        while not _answers(address):
            assert server.poll() is None and time.monotonic() < until, log.read_text()
            time.sleep(0.3)
        yield address
    finally:
        os.killpg(server.pid, 15)
        server.wait(30)


def _answers(address):
    try:
        urllib.request.urlopen(f"{address}/ping", timeout=5).close()
    except OSError:
        return False
    return True


def test_mlflow_serves_it_to_images_in_every_form(shipped, pictures, address):
    """A mistake is answered in a line, without a stack trace."""
    path = pictures / "0.png"
    text, pixels = base64.b64encode(path.read_bytes()).decode(), np.asarray(Image.open(path)).tolist()
    forms = [
        {"inputs": [text]},
        {"inputs": [pixels, pixels]},
        {"dataframe_records": [{"image": text}, {"image": pixels}]},
        {"dataframe_split": {"columns": ["image"], "data": [[text], [pixels]]}},
    ]
    source = open_images(str(pictures))
    expected = pd.read_csv(predict_images(shipped[0].folder.path, source).file, dtype={"label": str})
    for form in forms:
        status, answer = asked(address, form)
        assert status == 200, answer
        for one in answer["predictions"]:
            assert one["label"] == expected["label"][0]
            assert one["probability"] == pytest.approx(expected["probability"][0], abs=1e-5)
    for given, words in ((str(path), "paths are read only by a model"), ("aGFsbG8=", "is no image that can")):
        status, answer = asked(address, {"inputs": [text, given]})
        assert status == 400
        assert "image 2 of 2 is " in answer["message"] and words in answer["message"]
        assert "stack_trace" not in answer and "Traceback" not in answer["message"]


def asked(address, content):
    request = urllib.request.Request(
        f"{address}/invocations", json.dumps(content).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_model_that_may_read_paths_is_another_one_than_the_champion(shipped, tmp_path):
    sweep = shipped[0].copy(tmp_path / "copy")
    done = ship(sweep.folder.path, allow_paths=True)
    assert done.is_new
    client = MlflowClient(sweep.state.uri)
    made = client.get_model_version(done.version.name, done.version.number)
    assert made.tags["allows_paths"] == "true"


def test_models_of_two_data_sets_never_have_one_name(shipped, tmp_path):
    sweep = shipped[0].copy(tmp_path / "copy")
    only(sweep.folder, "0001")
    client = MlflowClient(sweep.state.uri)
    client.set_registered_model_tag("digits", "data_digest", "other")
    done = ship(sweep.folder.path)
    assert done.version.name == f"digits-{sweep.folder.read_record().data_digest[:8]}"
    assert (done.alias, done.version.number) == ("champion", "1")
    assert ship(sweep.folder.path).version == done.version


@pytest.mark.parametrize(
    ("experiment", "data", "name"),
    [("digits", "digits", "digits"), ("peer", "photos", "peer-photos"), ("a/b", "c:d", "a-b-c-d")],
)
def test_a_model_is_called_after_experiment_and_data(experiment, data, name):
    assert model_name(experiment, data) == name


@pytest.mark.parametrize("harm", ["checkpoint", "identities", "server"])
def test_what_cannot_be_shipped_is_one_line(harm, reported, tmp_path, capsys):
    sweep = reported[0].copy(tmp_path / "copy")
    folder = sweep.folder
    if harm == "checkpoint":
        shutil.rmtree(folder.path / read_winner(folder.report).members[0].checkpoint)
    elif harm == "server":
        name_own("http://127.0.0.1:9")
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
