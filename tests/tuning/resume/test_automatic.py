"""``--resume auto``: the same command, given again and again."""

import json
import os
import shutil
import time
from dataclasses import asdict

import optuna
import pytest
from mlflow import MlflowClient

from platform.config.errors import UserError
from platform.config.load import load_space
from platform.tracking.writing.writer import SweepWriter
from platform.tuning.folder.process_lock import SweepProcess, locked
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.resume.automatic import clear, folder_to_begin
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig

NAME = "digits@2026-11-30-canary"
SPACE = """
epochs: 1
batch_size: 64
image_size: 8
data: {source: digits}
model: {backbone: test_resnet}
method: {name: cross_entropy, label_smoothing: {uniform: [0.0, 0.3]}}
schedule: {name: constant, warmup_epochs: 0}
search: {trials: 2, scheduler: {name: none}}
tracking: {tags: {team: birds}}
"""


@pytest.fixture
def space(tmp_path):
    file = tmp_path / "space.yaml"
    file.write_text(SPACE)
    return file


def loaded(space, *overrides):
    return load_space(space, SweepConfig, overrides=overrides, fixed=SWEEP_FIELDS)


def test_what_a_sweep_left_that_died_before_its_record_counts_as_nothing(tmp_path, space):
    folder = folder_to_begin(tmp_path, NAME)
    with locked(folder, SweepProcess.this_process(2, 2, 1)):
        (folder.logs / "deep").mkdir(parents=True)
        (folder.logs / "deep" / "ray.log").touch()
        folder.study.write_text("half a li")
        (folder.path / "optuna_journal.log.lock").symlink_to(folder.study)  # as Optuna locks it
        (folder.path / ".space.yaml.77.draft").touch()
        clear(folder, loaded(space))
        assert {path.name for path in folder.path.iterdir()} == {"process.lock", "process.json"}
        (folder.path / "photos").mkdir()
        with pytest.raises(UserError, match="holds photos, which no sweep left there: give another --name"):
            clear(folder, loaded(space))
        (folder.path / "photos").rmdir()
        folder.record_file.touch()
        with pytest.raises(UserError, match="another process has begun this sweep; give the command once"):
            clear(folder, loaded(space))


def test_its_run_in_mlflow_that_nobody_would_end_goes_too(tmp_path, space, empty_mlflow):
    shutil.copy(empty_mlflow, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    died, other = (SweepWriter.open(uri, "digits", name).state for name in (NAME, "other"))
    folder = folder_to_begin(tmp_path, NAME)
    folder.opening.write_text(json.dumps(asdict(died)))
    clear(folder, loaded(space))
    left = MlflowClient(uri).search_runs([died.experiment_id])
    assert [run.info.run_id for run in left] == [other.parent_run_id]
    assert not folder.opening.exists()


def test_its_study_elsewhere_goes_unless_a_trial_has_begun(tmp_path, space):
    storage = f"sqlite:///{tmp_path}/studies.db"
    settings = loaded(space, f"search.storage={storage}")
    folder = folder_to_begin(tmp_path, NAME)
    clear(folder, settings)
    study = optuna.create_study(storage=storage, study_name=NAME)
    study.enqueue_trial({"x": 1.0})
    other = optuna.create_study(storage=storage, study_name="other")
    clear(folder, settings)
    assert optuna.get_all_study_names(storage) == ["other"]
    study = optuna.create_study(storage=storage, study_name=NAME)
    study.ask()
    clear(folder, settings)
    assert {one.study_name for one in (study, other)} == set(optuna.get_all_study_names(storage))


def test_a_name_that_leads_elsewhere_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"--name: must be letters"):
        folder_to_begin(tmp_path / "runs", "../elsewhere")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"file/digits cannot be created: Not a directory"):
        folder_to_begin(tmp_path / "file", "digits")


@pytest.mark.sweep
def test_the_same_command_begins_goes_on_and_leaves_alone(tmp_path, space, run_search, environment):
    line = [space, "--resume", "auto", "--name", NAME, "tracking.tags.night=digits@2026-11-30"]
    folder = SweepFolder(tmp_path / "runs" / NAME)
    folder.path.mkdir(parents=True)
    folder.study.write_text("a process died here")
    begun = run_search(*line)
    assert begun.returncode == 0, begun.stdout + begun.stderr
    process = folder.process.read_text()
    assert json.loads(process)["attempt"] == 1 and not folder.opening.exists()

    asked = time.monotonic()
    again = run_search(*line)
    assert (again.returncode, again.stderr) == (0, "")
    said, report = again.stdout.splitlines()
    assert said.startswith(f"sweep {NAME} in {folder.path}/ is done: 2 trials, the best val/accuracy is 0.")
    assert report == f"report: {folder.report}/index.html" == begun.stdout.splitlines()[-1]
    assert folder.process.read_text() == process and time.monotonic() - asked < 10

    with locked(folder, SweepProcess.this_process(2, 2, 1)):
        refused = run_search(*line)
    assert refused.returncode == 2
    assert f"process {os.getpid()} on" in refused.stderr and "already runs this sweep" in refused.stderr

    more = run_search(*line, "--trials", "3")
    assert more.returncode == 0, more.stdout + more.stderr
    assert "search.trials: 2 → 3" in more.stdout
    assert json.loads(folder.process.read_text())["attempt"] == 3

    status = run_search("--status", NAME)
    assert status.returncode == 0 and "finished" in status.stdout
    assert run_search("--stop", NAME).stderr.endswith(
        "no process runs this sweep, so there is none to stop\n"
    )
    client = MlflowClient(environment["MLFLOW_TRACKING_URI"])
    runs = client.search_runs([client.get_experiment_by_name(NAME).experiment_id])
    assert len(runs) == 4
    for run in runs:
        assert (run.data.tags["night"], run.data.tags["team"]) == ("digits@2026-11-30", "birds")
        assert run.data.tags["sweep"] == NAME
    [parent] = [run for run in runs if "trial_id" not in run.data.tags]
    assert (parent.data.tags["attempt"], parent.data.tags["outcome"]) == ("3", "finished")
