"""A sweep's folder that a stranger made is shipped: no network outside of it goes into the model."""

import json
import os
import shutil
from dataclasses import replace

import pytest
from mlflow import MlflowClient

from platform.config.errors import UserError
from platform.storage.folder import Folder
from platform.tuning.folder.received import belongs
from reports.build.winner import FILE, read_winner
from reports.deploy.chosen import load_chosen
from reports.deploy.ship import ship
from reports.evaluation.checkpoints import ReportError, checkpoint_digest, find_checkpoint
from reports.sweeps.inputs import read_inputs


@pytest.fixture
def received(reported, tmp_path):
    return reported[0].copy(tmp_path / "runs")


@pytest.fixture
def victim(reported, tmp_path):
    """A checkpoint of another sweep, that a stranger knows to the last byte."""
    sweep = reported[0].copy(tmp_path / "mine")
    sweep.folder.write_record(replace(sweep.folder.read_record(), command="another one"))
    return next((sweep.folder.trials / "0002").glob("checkpoint_*"))


def forge(sweep, checkpoint, digest):
    winner = read_winner(sweep.folder.report)
    member = winner.members[0].model_copy(update={"checkpoint": checkpoint, "digest": digest})
    forged = winner.model_copy(update={"rule": None, "members": (member,), "learnt": None})
    (sweep.folder.report / FILE).write_text(forged.model_dump_json())


def shipped_models(sweep):
    return MlflowClient(sweep.state.uri).search_registered_models()


def test_a_forged_winner_ships_no_network_of_another_sweep(received, victim):
    home = received.folder.path
    away = os.path.relpath(victim, home)
    through = f"{home}/trials/0000/../../{away}"
    for place in (str(victim), away, through):
        forge(received, place, checkpoint_digest(victim))
        with pytest.raises(
            ReportError, match=r"winner\.json: .* is no checkpoint of this sweep; choose again"
        ):
            ship(home)
    assert shipped_models(received) == []


def test_a_forged_record_of_a_trial_leads_to_no_network_of_another_sweep(received, victim):
    inputs = read_inputs(received.folder.path, None)
    trial = replace(
        next(one for one in inputs.sweep.trials if one.trial_id == "0002"), checkpoint=str(victim)
    )
    shutil.rmtree(received.folder.trials / "0002")
    with pytest.raises(ReportError, match="is gone"):
        find_checkpoint(inputs.trials, trial, inputs.metric, inputs.mode)


def test_a_copy_still_finds_what_lies_where_the_sweep_was_made(reported, received):
    made = next((reported[0].folder.trials / "0002").glob("checkpoint_*"))
    own = Folder.of(received.folder.trials)
    assert belongs(Folder.of(made), own)
    assert belongs(own / "0000" / "checkpoints" / "checkpoint_1", own), "of an earlier version"
    assert not belongs(Folder.of("s3://bucket/sweeps/digits/trials/../x/0000/checkpoint_1"), own)
    forge(received, str(made), checkpoint_digest(made))
    assert load_chosen(received.folder, lambda _: None).winner.members[0].checkpoint == str(made)


def test_what_a_forged_checkpoint_names_is_not_read(received, tmp_path):
    """Weights at a path, or those of timm's server, are named in its description; nobody opens them."""
    checkpoint = next((received.folder.trials / "0002").glob("checkpoint_*"))
    pipe = tmp_path / "secret.safetensors"
    os.mkfifo(pipe)  # who opens it waits for ever
    description = json.loads((checkpoint / "checkpoint.json").read_text())
    for network in description["networks"]:
        network["section"] |= {"weights": str(pipe)}
    description["trial"] |= {"init_from": str(pipe)}
    (checkpoint / "checkpoint.json").write_text(json.dumps(description))
    forge(received, str(checkpoint.relative_to(received.folder.path)), checkpoint_digest(checkpoint))
    assert ship(received.folder.path).is_new


@pytest.mark.parametrize("name", ["hf-hub:stranger/model", "local-dir:ours", "../../x"])
def test_a_backbone_that_is_none_of_timms_own_is_refused(name, received):
    checkpoint = next((received.folder.trials / "0002").glob("checkpoint_*"))
    description = json.loads((checkpoint / "checkpoint.json").read_text())
    for network in description["networks"]:
        network["section"]["backbone"] = name
    (checkpoint / "checkpoint.json").write_text(json.dumps(description))
    forge(received, str(checkpoint.relative_to(received.folder.path)), checkpoint_digest(checkpoint))
    with pytest.raises(UserError, match=r"checkpoint\.json: .*timm has no model") as refused:
        ship(received.folder.path)
    assert "\n" not in str(refused.value)
    assert shipped_models(received) == []
