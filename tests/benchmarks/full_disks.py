"""Fill the disk at each file that a sweep writes, make room and resume: one line, nothing lost.

In each case every write to one kind of file below runs/NAME fails with ENOSPC, in the sweep's real processes
(``tests/failing_disk.c``); then there is room again, and the same command goes on to the end. The table of a
sweep that nothing disturbs must come out again.

    python -m tests.benchmarks.full_disks [--file space.yaml] [--smallest]
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from platform.tuning.folder.sweep_folder import SweepFolder
from tests.failing_disks import can_fail, failing_disk

from .figures import benchmark_parser
from .small_sweeps import SPACE, end, own_state, start, table_of

SEARCH = """
search: {trials: 2, scheduler: {name: none}, confirm: {top: 1, seeds: 2}, budget: {epochs: 100}}
resources: {max_concurrent_trials: 1}
"""
BEGUN = (
    *("process.json", "manifest.parquet", "data_remarks.json", "passed_over.csv", "bad_images.csv"),
    *(
        "space.yaml",
        "opening.json",
        "mlflow_spool.jsonl",
        "mlflow_spool.position",
        "sweep.json",
        "given.json",
    ),
    *("budget.json", "optuna_journal.log", "confirmations.json"),
    *(".draft/.tmp", "training_state.pt", "samples.parquet", "checkpoint.json"),
)
"""Files of the sweep, with their drafts, whose names begin with theirs; networks begin as .tmp…"""
LOGS = ("libraries.log", "trials.log", "/pulse/", "search_gen_state", "experiment_state")
"""Files that a sweep does without: logs, and what Tune would restore from."""
REPORTED = (
    *("trials.csv", "/validation/*.npz", "/soup/*/.tmp", "/soup/*checkpoint.json"),
    *("classes.csv", "/figures/*.csv", "finalists.json", "index.html", "learnt-*.npz", "suspect_labels.csv"),
    *("/tables/*.csv", "winner.json"),
)
"""Files that ``reports`` makes of a sweep that has ended."""
USED = {
    "predictions.csv": ["--predict"],
    "/export/*.pt": ["--export", "torchscript"],
    "/export/model.json": ["--export", "torchscript"],
    "/scratch/*.pt": ["--ship"],
    "/scratch/*MLmodel": ["--ship"],
    "/mlartifacts/*": ["--ship"],
}
"""Files that the commands make that use a winner; with the command's option."""
SMALLEST = "given.json"
SETTINGS = {"whole": ["epochs=1"], "short": ["epochs=1", "search.trials=1", "search.confirm=null"]}
"""The sweeps, by name."""


@dataclass(frozen=True)
class Case:
    """What happened to one kind of file: ``wrong``, in a few words each."""

    file: str
    said: str
    wrong: list[str]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = benchmark_parser(__doc__ or "")
    every = (*BEGUN, *LOGS, *REPORTED, *USED)
    parser.add_argument("--file", choices=every, action="append", help="these kinds only")
    options = parser.parse_args(arguments)
    if not can_fail():
        print("0 files: there is no C compiler (cc), which this needs")
        return 0
    files = [SMALLEST] if options.smallest else options.file or every
    cases = []
    with TemporaryDirectory() as made:
        place = Path(made)
        _images(place / "images")
        source = f"source: {place}/images, max_bad: 0.1, test_share: 0.2"
        (place / "space.yaml").write_text(SPACE.replace("source: digits", source) + SEARCH)
        for whole in {_reference(file) for file in files if not options.smallest}:
            end(start(place, "space", whole, SETTINGS[whole]), place / f"{whole}.log")
        for file in files:
            case = _used if file in USED else _reported if file in REPORTED else _begun
            cases.append(case(place, file))
            print(f"{file:24} {'; '.join(cases[-1].wrong) or 'right'}\n    {cases[-1].said}", flush=True)
    wrong = sum(bool(case.wrong) for case in cases)
    print(f"{len(cases)} kinds of file: {wrong} wrong")
    return int(wrong > 0)


def _reference(file: str) -> str:
    """The sweep that nothing disturbs: one of several trials where the file needs them."""
    return "whole" if file in (*REPORTED, *USED, "confirmations.json") else "short"


def _begun(place: Path, file: str) -> Case:
    """A sweep from its start, whose ``file`` cannot be written at first."""
    settings = SETTINGS[_reference(file)]
    name = f"full-{re.sub('[^a-z0-9]', '-', file.lower())}"
    disk = failing_disk(place, f"{place}/runs/{name}/*{file}*")
    disk.begin()
    log = place / f"{name}.log"
    code = start(place, "space", name, settings, disk.environment).wait()
    text = log.read_text(encoding="utf-8")
    wrong = _wrong(text, code, file, disk.end(), place / "runs" / name)
    again = start(place, "space", name, settings).wait()
    if again:
        wrong.append(f"resuming ended with {again}: {log.read_text(encoding='utf-8')[-600:]}")
    elif not _is_same(place, name, _reference(file)):
        wrong.append("another table")
    return Case(file, _last_line(text), wrong)


def _reported(place: Path, file: str) -> Case:
    """The report of a whole sweep, whose ``file`` cannot be written at first."""
    folder = SweepFolder(place / "runs" / "reported")
    shutil.copytree(place / "runs" / "whole", folder.path)
    for path in (folder.report, folder.path / "validation", folder.path / "soup"):
        shutil.rmtree(path)
    folder.trials_csv.unlink()
    disk = failing_disk(place, f"{folder.path}/*{file}*")
    disk.begin()
    full = _report(place, folder, disk.environment)
    wrong = _wrong(full.stdout, full.returncode, file, disk.end(), folder.path)
    again = _report(place, folder, {})
    if again.returncode:
        wrong.append(f"again it ended with {again.returncode}: {again.stdout[-600:]}")
    elif not _is_same(place, folder.name, "whole"):
        wrong.append("another table")
    shutil.rmtree(folder.path)
    return Case(file, _last_line(full.stdout), wrong)


def _used(place: Path, file: str) -> Case:
    """A command that uses a whole sweep's winner, whose ``file`` cannot be written at first."""
    folder = SweepFolder(place / "runs" / "whole")
    scratch = place / "scratch"
    scratch.mkdir(exist_ok=True)
    images = [str(place / "images" / "dark")] if "--predict" in USED[file] else []
    line, before = [*USED[file], *images], _tree(folder.path)
    shutil.copy(place / "mlflow.db", place / "before.db")
    disk = failing_disk(place, f"{place}*{file}*")
    disk.begin()
    full = _report(place, folder, {"TMPDIR": str(scratch), **disk.environment}, line)
    failed = disk.end()
    wrong = _wrong(full.stdout, full.returncode, file, failed, place)
    if left := _tree(folder.path) - before:
        wrong.append(f"left {', '.join(left)}")
    again = _report(place, folder, {"TMPDIR": str(scratch)}, line)
    if again.returncode:
        wrong.append(f"again it ended with {again.returncode}: {again.stdout[-600:]}")
    shutil.copy(place / "before.db", place / "mlflow.db")  # what is shipped already is not shipped again
    return Case(file, _last_line(full.stdout), wrong)


def _tree(folder: Path) -> set[str]:
    """The files that a command makes for its user, which must be whole or not there."""
    made = (*folder.glob("predictions*"), *folder.glob("export/*"))
    return {str(path.relative_to(folder)) for path in made}


def _wrong(text: str, code: int, file: str, failed: Sequence[str], folder: Path) -> list[str]:
    """What of a command that met the full disk is not as promised."""
    found = []
    if not failed:
        found.append("nothing was written there")
    if "Traceback" in text or "--- Logging error" in text:
        found.append(f"a traceback: {text[-1_500:]}")
    if file in LOGS:
        return found + [f"exit code {code}"] * (code != 0)
    names = {part for path in failed for part in Path(path).parts[len(folder.parts) :]}
    said = _last_line(text)
    if code not in (1, 2):
        found.append(f"exit code {code}")
    if "the disk is full" not in said or not any(_plain(name) in said for name in names):
        found.append("the last line does not name the file and the full disk")
    if drafts := [str(path) for path in folder.rglob(".*.draft")]:
        found.append(f"left {', '.join(drafts)}")
    return found


def _plain(name: str) -> str:
    """The name of a file or folder without what a draft's has besides."""
    return re.sub(r"^\.(.*)\.\d+\.\w+$", r"\1", name)


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]


def _report(
    place: Path, folder: SweepFolder, environment: dict[str, str], line: Sequence[str] = ()
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "reports", str(folder.path), *line],
        env={**own_state(place), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _is_same(place: Path, name: str, reference: str) -> bool:
    """Whether the sweep has the table of the reference, which the smallest size does without."""
    tables = [SweepFolder(place / "runs" / one) for one in (name, reference)]
    return not tables[1].path.exists() or table_of(tables[0]).equals(table_of(tables[1]))


def _images(folder: Path) -> None:
    """Two classes, an image that cannot be decoded and a file that is none."""
    draws = np.random.default_rng(0)
    for name, brightness in (("dark", 60), ("light", 180)):
        (folder / name).mkdir(parents=True)
        for number in range(60):
            pixels = draws.integers(0, 70, (8, 8, 3), dtype=np.uint8) + np.uint8(brightness)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    (folder / "dark" / "bad.png").write_bytes(b"no image")
    (folder / "notes.txt").write_text("none")


if __name__ == "__main__":
    sys.exit(main())
