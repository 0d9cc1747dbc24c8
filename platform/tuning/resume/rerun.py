"""``--trial``: run a trial again from its MLflow run, and compare its metric with the old one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platform.config.document import read_document, yaml_text
from platform.config.errors import UserError
from platform.config.load import LoadedSpace, load_space
from platform.storage.whole_files import write_whole
from platform.tracking.environment import code_version
from platform.tracking.own_mlflow import name_own
from platform.tracking.reading.reader import PastTrial, read_past_trial
from platform.tracking.reading.recorded import recorded_sweep
from platform.tracking.tracking_config import TrackingConfig, resolve_uri
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig

TOLERANCE = 0.001
OF_A_SEARCH = (
    "trials",
    "budget",
    "sampler",
    "scheduler",
    "storage",
    "constraints",
    "start_with",
    "confirm",
    "reuse",
)
"""Settings of the section ``search`` that a single run does not use."""


@dataclass(frozen=True)
class Comparison:
    """The metric of both runs in the last epoch that both have, and the largest difference in any epoch."""

    metric: str
    epoch: int
    then: float
    now: float
    largest: float
    tolerance: float

    @property
    def is_reproduced(self) -> bool:
        return self.largest <= self.tolerance

    def __str__(self) -> str:
        verdict = "is reproduced" if self.is_reproduced else "is not reproduced"
        return (
            f"{self.metric} {verdict}: {self.then:.4f} then, {self.now:.4f} now in epoch {self.epoch}; "
            f"largest difference in an epoch {self.largest:.2g}, tolerance {self.tolerance:g}"
        )


def past_trial(run_id: str, tracking: TrackingConfig) -> PastTrial:
    """The trial whose MLflow run is ``run_id``; raises TrackingError if there is none."""
    uri = resolve_uri(tracking)
    name_own(uri)
    return read_past_trial(uri, run_id)


def space_of(past: PastTrial, file: Path) -> LoadedSpace[SweepConfig]:
    """A space of that one trial, written to ``file``: its settings, and the sweep's data and metric."""
    file.write_text(past.space_yaml, encoding="utf-8")
    tree: dict[str, Any] = read_document(file).tree
    search = {key: value for key, value in tree.get("search", {}).items() if key not in OF_A_SEARCH}
    of_sweep = {key: tree[key] for key in SWEEP_FIELDS if key in tree and key != "search"}
    names = {"name": past.sweep, "experiment": past.experiment}
    search |= {"scheduler": {"name": "none"}}
    write_whole(file, yaml_text({**past.trial.config, **of_sweep, **names, "search": search}))
    return load_space(file, SweepConfig, fixed=SWEEP_FIELDS)


def differences_of_code(past: PastTrial) -> list[str]:
    """How the code and requirements differ from those of the old run, one line each."""
    now = code_version()
    found = []
    if (past.git_commit, past.git_dirty) != (now.commit, now.dirty):
        found.append(
            f"code: {_code(past.git_commit, past.git_dirty)} then, {_code(now.commit, now.dirty)} now"
        )
    if past.lock_digest != now.lock:
        found.append("requirements.lock has changed since then")
    return found


def compare(past: PastTrial, folder: SweepFolder, tolerance: float) -> Comparison:
    """Compare the new run's metric with the old one's; raises UserError if they have no epoch in common."""
    record = folder.read_record()
    again = recorded_sweep(record.writer_state, folder.spool).sweep.trials[0]
    then, now = (dict(trial.history.get(record.metric, [])) for trial in (past.trial, again))
    common = sorted(then.keys() & now.keys())
    if not common:
        raise UserError(f"--trial: the run {past.trial.run_id} has no {record.metric} to compare with")
    last = common[-1]
    largest = max(abs(then[epoch] - now[epoch]) for epoch in common)
    return Comparison(record.metric, last, then[last], now[last], largest, tolerance)


def _code(commit: str, dirty: str) -> str:
    return commit[:12] + (" with changes" if dirty == "true" else "")
