"""The files of a sweep's folder that ``fuzz`` damages, each in a copy of a whole folder, and who reads them.

The folder is that of a sweep of one trial of one epoch, which is trained once a process.
"""

import io
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, redirect_stdout
from dataclasses import asdict, replace
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import numpy as np

from platform.datasets.geometry import KeptSize
from platform.datasets.preparation.data import Data
from platform.datasets.preparation.prepare import prepare
from platform.storage.whole_files import npz, read_npz
from platform.tracking.reading.recorded import recorded_sweep
from platform.tracking.reading.replay import replayed_sweep
from platform.tracking.writing.spool import Spool, position_file, read_entries
from platform.training.checkpoints.loading import load_predictor
from platform.training.loop.trainer import Trainer
from platform.training.loop.trainer_checkpoints import restore
from platform.tuning.folder.process_lock import SweepProcess
from platform.tuning.folder.received import check_folder
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.resume.automatic import done
from platform.tuning.resume.given_settings import GivenSettings, known_space_of, space_to_resume
from platform.tuning.resume.space_change import changes_between
from platform.tuning.search.confirmations import Repeat, ended_repeats, read_repeats
from platform.tuning.settings.budget_config import BudgetConfig
from platform.tuning.settings.shortcuts import Shortcuts
from platform.tuning.settings.sweep_config import SweepConfig
from platform.tuning.stopping.balance import Spent, read_balance
from platform.tuning.trial.kept_checkpoints import keeping_of
from platform.tuning.watching.list_and_status import show_sweeps
from reports.build.winner import Member, Winner, read_winner
from reports.deploy.chosen import load_chosen
from reports.evaluation.checkpoints import checkpoint_digest
from tests.reports.stories import Story, record_sweep

from .fuzz_kinds import Kind
from .fuzz_mutations import Mutate, mutated_bytes, mutated_json

SPACE = """
epochs: 1
batch_size: 512
image_size: 8
data: {source: digits}
model: {backbone: test_resnet}
method: {name: cross_entropy, label_smoothing: {uniform: [0.0, 0.3]}}
schedule: {name: constant, warmup_epochs: 0}
search: {trials: 2, budget: {epochs: 9}}
"""
CHECKPOINT = "trials/0000/checkpoint_1"


@cache
def whole_folder_of_a_sweep() -> SweepFolder:
    """A sweep of one trial, its MLflow (``mlflow.db``) in ``runs`` and its SPACE.yaml beside it.

    Another process trains it: torch's threads do not work in one forked from a process that has some.
    """
    folder = SweepFolder(Path(mkdtemp(prefix="fuzz-")) / "runs" / "got")
    process = get_context("spawn").Process(target=_make, args=(folder,))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit("the sweep could not be made")
    return folder


def _make(folder: SweepFolder) -> None:

    def stories(config: SweepConfig) -> list[Story]:
        return [Story("0000", config.trial(), {"method.label_smoothing": 0.1}, epochs=1)]

    record_sweep(folder, SPACE, stories)
    (folder.path.parents[1] / "space.yaml").write_text(SPACE, encoding="utf-8")
    position_file(folder.spool).write_text("1".zfill(20), encoding="ascii")
    GivenSettings({"epochs": 1}, ("search.trials=2",)).write(folder)
    process = SweepProcess.this_process(2, 2, 1)
    folder.process.write_text(json.dumps(asdict(process), indent=1), encoding="utf-8")
    balance = {"budget": BudgetConfig(epochs=9).model_dump(), "spent": asdict(Spent(3.0, 0.0, 1))}
    folder.budget.write_text(json.dumps(balance, indent=1), encoding="utf-8")
    trial = json.loads((folder.path / CHECKPOINT / "checkpoint.json").read_text(encoding="utf-8"))["trial"]
    repeat = Repeat(2, 1, {"method.label_smoothing": 0.1}, trial, "finished", {1: 0.5})
    folder.confirmations.write_text(json.dumps([asdict(repeat)], indent=1), encoding="utf-8")
    folder.report.mkdir()
    (folder.report / "learnt.npz").write_bytes(npz({"weights": np.ones(3), "names": np.array(["a"])}))
    (folder.report / "winner.json").write_text(_winner(folder).model_dump_json(indent=1), encoding="utf-8")


def _winner(folder: SweepFolder) -> Winner:
    member = Member(trial="0000", checkpoint=CHECKPOINT, digest=checkpoint_digest(folder.path / CHECKPOINT))
    classes = tuple(map(str, range(10)))
    return Winner(
        rule=None,
        metric="val/accuracy",
        value=0.5,
        members=(member,),
        classes=classes,
        kept=KeptSize.exactly(8),
    )


def samples(name: str) -> list[bytes]:
    return [(whole_folder_of_a_sweep().path / name).read_bytes()]


def attempt(name: str, read: Callable[[SweepFolder], None], file: Path) -> None:
    """Put the damaged file into a copy of the whole folder, and read that."""
    whole = whole_folder_of_a_sweep()
    folder = SweepFolder(file.parent / "runs" / whole.name)
    needs = None if name.startswith("trials") or "winner" in name else shutil.ignore_patterns("trials")
    shutil.copytree(whole.path, folder.path, ignore=needs)
    file.replace(folder.path / name)
    with redirect_stdout(io.StringIO()):
        read(folder)


def attempt_undamaged(name: str, read: Callable[[SweepFolder], None]) -> None:
    """The whole folder must be read."""
    with TemporaryDirectory() as place:
        file = Path(place) / Path(name).name
        file.write_bytes(samples(name)[0])
        attempt(name, read, file)


def look_at(folder: SweepFolder) -> None:
    """``--list``, ``--status`` and ``--status --json``; what a report checks first."""
    out = folder.path.parent
    show_sweeps(out, None, as_json=False)
    show_sweeps(out, None, as_json=True)
    check_folder(folder)
    show_sweeps(out, folder.name, as_json=False)
    keeping_of(folder)


def resume(folder: SweepFolder) -> None:
    """What ``--resume auto --plan`` reads."""
    check_folder(folder)
    space = whole_folder_of_a_sweep().path.parents[1] / "space.yaml"
    loaded, _ = space_to_resume(folder, space, (), Shortcuts())
    changes_between(known_space_of(folder), loaded, folder.name)
    done(folder)
    read_balance(folder)
    ended_repeats(read_repeats(folder))


def predict(folder: SweepFolder) -> None:
    """What ``--predict`` loads; without a winner the report would be made anew."""
    if read_winner(folder.report) is not None:
        load_chosen(folder, lambda _: None)


def read_arrays(folder: SweepFolder) -> None:
    read_npz(folder.report / "learnt.npz")


def load(folder: SweepFolder) -> None:
    """What ``--resume`` and a report do with a trial's checkpoints."""
    best, newest = keeping_of(folder).of("0000").best_and_newest()
    for checkpoint in filter(None, (best, newest)):
        load_predictor(checkpoint.fetched())
        restore(checkpoint.fetched(), _trainer())


def _trainer() -> Trainer:
    loaded = known_space_of(whole_folder_of_a_sweep())
    return Trainer(loaded.first().trial(), _data())


@cache
def _data() -> Data:
    config = known_space_of(whole_folder_of_a_sweep()).first()
    return prepare(config.data, config.image_size)


def replay(folder: SweepFolder) -> None:
    """Without MLflow: ``--status``, a report of a server that is away, and the spool of a resumed sweep."""
    state = folder.read_record().writer_state
    show_sweeps(folder.path.parent, folder.name, as_json=True)
    replayed_sweep(state, read_entries(folder.spool))
    Spool(folder.spool).close()


def deliver(folder: SweepFolder) -> None:
    """What waits in the spool to an SQLite MLflow beside ``runs``."""
    replay(folder)
    place = folder.path.parents[1]
    shutil.copy(whole_folder_of_a_sweep().path.parents[1] / "runs" / "mlflow.db", place / "mlflow.db")
    uri = f"sqlite:///{place}/mlflow.db"
    with closing(sqlite3.connect(place / "mlflow.db")) as database:
        database.execute("UPDATE experiments SET artifact_location = ?", (f"{place}/artifacts",))
        database.execute("UPDATE runs SET artifact_uri = ? || run_uuid", (f"{place}/artifacts/",))
        database.commit()
    recorded_sweep(replace(folder.read_record().writer_state, uri=uri), folder.spool)


def _kind(
    path: str, mutate: Mutate, read: Callable[[SweepFolder], None], seeds: tuple[int, ...] = ()
) -> Kind:
    """Of the file at ``path`` in the folder."""
    return Kind(
        partial(samples, path),
        mutate,
        Path(path).name,
        partial(attempt, path, read),
        seeds,
        first=partial(attempt_undamaged, path, read),
    )


KINDS: dict[str, Kind] = {
    "sweep.json": _kind("sweep.json", mutated_json, look_at),
    "process.json": _kind("process.json", mutated_json, look_at),
    "budget.json": _kind("budget.json", mutated_json, look_at),
    "given.json": _kind("given.json", mutated_json, resume),
    "confirmations": _kind("confirmations.json", mutated_json, resume),
    "winner.json": _kind("report/winner.json", mutated_json, predict),
    "arrays": _kind("report/learnt.npz", mutated_bytes, read_arrays, seeds=(54,)),
    "checkpoint": _kind(f"{CHECKPOINT}/checkpoint.json", mutated_json, load),
    "network": _kind(f"{CHECKPOINT}/network_1.safetensors", mutated_bytes, load),
    "state": _kind(f"{CHECKPOINT}/training_state.pt", mutated_bytes, load, seeds=(46, 67, 117, 546)),
    "spool": _kind("mlflow_spool.jsonl", mutated_json, replay),
    "position": _kind("mlflow_spool.position", mutated_bytes, deliver),
    "delivered": _kind("mlflow_spool.jsonl", mutated_json, deliver),
}
