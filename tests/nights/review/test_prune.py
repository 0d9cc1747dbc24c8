"""`prune` with real folders, a real MLflow and a real ledger."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, replace

import pytest
from mlflow import MlflowClient
from mlflow.entities import ViewType

from platform.config.errors import UserError
from platform.nights.ledger.ledger import Ledger
from platform.nights.ledger.places import NightFolder
from platform.nights.ledger.records import Accepted, Champion
from platform.nights.review.prune import prune
from platform.storage.folder import Folder
from platform.tracking.records import DatasetRecord, SweepDescription
from platform.tracking.writing.writer import SweepWriter
from platform.tuning.folder.process_lock import SweepProcess, locked
from platform.tuning.folder.sweep_folder import SweepFolder
from tests.nights.made_nights import NOW, fingerprint, night, sweep
from tests.nights.review.plans import DAYS, plan_of
from tests.sweep_records import made_record

WEIGHTS = 5000


@pytest.fixture
def uri(tmp_path, empty_mlflow):
    (tmp_path / "mlflow.db").write_bytes(empty_mlflow.read_bytes())
    return f"sqlite:///{tmp_path}/mlflow.db"


@pytest.fixture
def make(tmp_path, uri):
    """``make(day, verdict)``: a night in the ledger with a sweep on disk, in MLflow, and its measurements."""
    ledger = Ledger(tmp_path / "state")

    def add(day, verdict="better", *, storage=None, in_mlflow=False, **fields):
        made = night(day, verdict=verdict, **fields)
        ledger.append(made, at=NOW)
        for run in made.sweeps:
            folder = SweepFolder(tmp_path / "runs" / run.name)
            folder.path.mkdir(parents=True)
            trials = str(storage / run.name / "trials") if storage else None
            state = written(uri, run.name) if in_mlflow else None
            record = record_of(run.name, state, uri, trials)
            folder.write_record(record)
            place = storage / run.name if storage else Folder.of(folder.path)
            (place / "trials" / "0000").write("weights", b"0" * WEIGHTS)
            if storage:
                place.write("sweep.json", folder.record_file.read_bytes())
        kept = NightFolder.of(ledger.folder, made.identity)
        kept.path.mkdir(parents=True)
        kept.measured.write_bytes(b"1" * 100)
        return made

    return add


def written(uri, name):
    writer = SweepWriter.open(uri, "digits", name)
    data = DatasetRecord("digits", "digits", "d" * 64, {"train": 10}, ["a", "b"])
    writer.log_sweep(SweepDescription("epochs: 1\n", "plan\n", {}, 0, data, goals=["val/accuracy (max)"]))
    for trial in ("0000", "0001"):
        config = {"epochs": 1, "method": {"name": "peer"}, "model": {"backbone": "resnet10t"}}
        writer.start_trial(trial, searched={}, constants={}, config=config)
        writer.finish_trial(trial, "finished")
    writer.finish("finished")
    return writer.state


def record_of(name, state, uri, trials):
    run = state.parent_run_id if state else name
    return made_record(name, state, parent_run_id=run, tracking_uri=uri, trials=trials)


def pruned(tmp_path, plan, *, dry_run=False):
    said = []
    prune(plan, Ledger(tmp_path / "state"), NOW, dry_run=dry_run, say=said.append)
    return said


def there(tmp_path):
    return sorted(path.name for path in (tmp_path / "runs").iterdir())


def test_what_is_beyond_keep_goes_after_its_size_was_said(tmp_path, make):
    nights = [make(day) for day in DAYS[:4]]
    plan = plan_of(tmp_path)
    said = pruned(tmp_path, plan, dry_run=True)
    one = WEIGHTS + 100 + SweepFolder(tmp_path / "runs" / nights[0].sweeps[0].name).record_file.stat().st_size
    assert said == [
        f"digits@{DAYS[0]}: 1 sweep, {one / 1000:.0f} kB",
        f"digits@{DAYS[1]}: 1 sweep, {one / 1000:.0f} kB",
        f"would free 2 nights, {2 * one / 1000:.0f} kB, besides what MLflow keeps",
    ]
    assert len(there(tmp_path)) == 4
    said = pruned(tmp_path, plan)
    assert said[2].startswith("frees 2 nights, ") and said[3:] == [
        f"digits@{DAYS[0]}: pruned",
        f"digits@{DAYS[1]}: pruned",
    ]
    assert there(tmp_path) == [f"digits@{day}-canary" for day in DAYS[2:4]]
    book = Ledger(tmp_path / "state").read()
    assert [one.pruned for one in book.of("digits")] == [True, True, False, False]
    assert [replace(one, pruned=False) for one in book.of("digits")] == nights, "what it found is kept"
    assert sorted(path.name for path in (tmp_path / "state" / "nights").iterdir()) == [
        f"digits@{day}" for day in DAYS[2:4]
    ]
    assert pruned(tmp_path, plan) == ["nothing to prune"]


def test_looking_writes_nothing(tmp_path):
    assert pruned(tmp_path, plan_of(tmp_path), dry_run=True) == ["nothing to prune"]
    assert list(tmp_path.iterdir()) == []


def test_its_runs_in_mlflow_are_deleted_and_no_others(tmp_path, make, uri):
    gone, *others = [make(day, in_mlflow=True) for day in DAYS[:3]]
    said = pruned(tmp_path, plan_of(tmp_path))
    assert f"mlflow gc --backend-store-uri {uri}" in said[-1]
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("digits")
    deleted = client.search_runs([experiment.experiment_id], run_view_type=ViewType.DELETED_ONLY)
    assert {run.data.tags["sweep"] for run in deleted} == {gone.sweeps[0].name} and len(deleted) == 3
    left = client.search_runs([experiment.experiment_id])
    assert {run.data.tags["sweep"] for run in left} == {one.sweeps[0].name for one in others}
    views = [name for name in experiment.tags if name.startswith("mlflow.sharedViewState.")]
    assert len(views) == 2


def test_a_database_that_is_gone_has_no_runs_left(tmp_path, make):
    for day in DAYS[:3]:
        make(day, in_mlflow=True)
    (tmp_path / "mlflow.db").unlink()
    assert f"digits@{DAYS[0]}: pruned" in pruned(tmp_path, plan_of(tmp_path))
    assert not (tmp_path / "mlflow.db").exists()


@pytest.mark.parametrize("kind", ["local", "s3"])
def test_checkpoints_elsewhere_go_too(kind, tmp_path, make, request, monkeypatch):
    storage = Folder.of(tmp_path / "elsewhere")
    if kind == "s3":
        for name, value in request.getfixturevalue("s3_server").items():
            monkeypatch.setenv(name, value)
        storage = Folder.of(f"s3://bucket/{tmp_path.name}")
    nights = [make(day, storage=storage) for day in DAYS[:3]]
    (storage / "a sweep of somebody").write("weights", b"x")
    said = pruned(tmp_path, plan_of(tmp_path))
    assert int(said[0].split()[-2]) >= WEIGHTS // 1000
    assert storage.names() == sorted(["a sweep of somebody", *(one.sweeps[0].name for one in nights[1:])])


@pytest.mark.parametrize(
    ("index", "fields", "why"),
    [
        (0, {"champion": "champion"}, "the champion came from it"),
        (0, {"champion": "challenger"}, "the challenger came from it"),
        (0, {"verdict": "same"}, "the level begins with it"),
        (0, {"state": "running"}, "it runs"),
        (0, {"accepted": True}, "its level was accepted"),
        (3, {}, None),
    ],
)
def test_nights_that_are_needed_stay(index, fields, why, tmp_path, make):
    for place, day in enumerate(DAYS[:5]):
        mine = dict(fields) if place == index else {}
        champion, accepted = mine.pop("champion", None), mine.pop("accepted", None)
        if champion:
            mine["champion"] = Champion(
                "1", champion, "it is better", f"digits@{day}-canary", f"digits@{day}"
            )
        if mine.get("state"):
            mine |= {"sweeps": (sweep(f"digits@{day}-canary"),), "fingerprint": fingerprint()}
        made = make(day, **mine)
        if accepted:
            word = Accepted("digits", made.date, "a new backbone", NOW.isoformat(), "ann")
            Ledger(tmp_path / "state").append(word, at=NOW)
    said = pruned(tmp_path, plan_of(tmp_path))
    if why:
        assert f"1 night beyond keep stays, as {why}: digits@{DAYS[index]}" in said
        assert f"digits@{DAYS[index]}-canary" in there(tmp_path)
    assert len(there(tmp_path)) == 2 + bool(why)


def test_what_a_night_of_the_level_measured_stays_without_its_sweep(tmp_path, make):
    for place, day in enumerate(DAYS[:5]):
        make(day, **({"verdict": "same"} if place < 2 else {}))
    pruned(tmp_path, plan_of(tmp_path))
    first, second, third = (f"digits@{day}" for day in DAYS[:3])
    own = tmp_path / "state" / "nights"
    assert (own / first).is_dir() and (own / second).is_dir() and not (own / third).exists()
    assert f"{first}-canary" in there(tmp_path) and f"{second}-canary" not in there(tmp_path)


def test_links_and_strange_names_are_not_followed(tmp_path, make):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    for day in DAYS[:6]:
        make(day)
    runs, ledger = tmp_path / "runs", Ledger(tmp_path / "state")
    for day in DAYS[:2]:  # the folder itself is a link, or holds one
        names = runs / f"digits@{day}-canary", tmp_path / f"moved-{day}"
        names[0].rename(names[1])
        names[0].symlink_to(names[1])
    (runs / f"digits@{DAYS[2]}-canary" / "link").symlink_to(precious)
    strange = ledger.read().nights[f"digits@{DAYS[3]}"]
    ledger.append(replace(strange, sweeps=(sweep("../precious"),)), at=NOW)
    with pytest.raises(UserError) as error:
        pruned(tmp_path, plan_of(tmp_path))
    lines = str(error.value).splitlines()
    assert lines[0].endswith("-canary: is a link, and what it leads to may be something else's")
    assert lines[0].startswith(f"not pruned: digits@{DAYS[0]}: ")
    assert "'../precious' is no name of a folder in" in lines[2] and len(lines) == 3
    assert (precious / "file").exists() and (tmp_path / f"moved-{DAYS[0]}" / "sweep.json").exists()
    assert not (runs / f"digits@{DAYS[2]}-canary").exists(), "a link inside goes, not what it leads to"
    assert [one.date for one in ledger.read().of("digits") if one.pruned] == [DAYS[2]]


def test_a_folder_elsewhere_that_is_anothers_stays(tmp_path, make):
    storage = Folder.of(tmp_path / "elsewhere")
    made, *_ = [make(day, storage=storage) for day in DAYS[:3]]
    other = replace(record_of(made.sweeps[0].name, None, "", None), parent_run_id="another")
    (storage / made.sweeps[0].name).write("sweep.json", json.dumps(asdict(other)).encode())
    with pytest.raises(UserError, match="holds another sweep than"):
        pruned(tmp_path, plan_of(tmp_path))
    assert made.sweeps[0].name in storage.names() and made.sweeps[0].name in there(tmp_path)


def test_a_sweep_that_somebody_resumes_stays(tmp_path, make):
    first, *_ = [make(day) for day in DAYS[:3]]
    folder = SweepFolder(tmp_path / "runs" / first.sweeps[0].name)
    with (
        locked(folder, SweepProcess.this_process(1, 1, 1)),
        pytest.raises(UserError, match="a process runs this sweep"),
    ):
        pruned(tmp_path, plan_of(tmp_path))
    assert folder.record_file.exists()


PRUNES = """
import json, sys
from datetime import datetime
from pathlib import Path
from platform.nights.ledger.ledger import Ledger
from platform.nights.plan.plan_config import PlanConfig
from platform.nights.review.prune import prune
plan = PlanConfig.model_validate(json.loads(sys.argv[1]))
say = lambda line: print(line, flush=True)
prune(plan, Ledger(Path(plan.state)), datetime.fromisoformat(sys.argv[2]), dry_run=False, say=say)
"""


def test_one_that_is_killed_is_ended_by_the_next(tmp_path, make, root):
    for day in DAYS:
        made = make(day)
        for number in range(200):
            (tmp_path / "runs" / made.sweeps[0].name / f"file {number}").touch()
    plan = plan_of(tmp_path)
    line = [sys.executable, "-c", PRUNES, plan.model_dump_json(), NOW.isoformat()]
    with subprocess.Popen(line, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        while ": pruned" not in process.stdout.readline():
            assert process.poll() is None
        os.kill(process.pid, signal.SIGKILL)
    half = tmp_path / "runs" / f"digits@{DAYS[8]}-canary"
    (half / "sweep.json").unlink(missing_ok=True)  # as one killed at the very end leaves it
    pruned(tmp_path, plan)
    assert there(tmp_path) == [f"digits@{day}-canary" for day in DAYS[-2:]]
    nights = Ledger(tmp_path / "state").read().of("digits")
    assert [one.pruned for one in nights] == [True] * 10 + [False] * 2
