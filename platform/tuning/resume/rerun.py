"""One trial of a sweep run again, from what MLflow holds of it, and whether its metric came back."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platform.config.document import read_document, write_yaml
from platform.config.errors import UserError
from platform.config.load import LoadedSpace, load_space
from platform.tracking.environment import code_version
from platform.tracking.reading.reader import PastTrial, read_past_trial
from platform.tracking.reading.recorded import recorded_sweep
from platform.tracking.tracking_config import TrackingConfig, resolve_uri
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from platform.tuning.folder.sweep_folder import SweepFolder

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
"""What of the section ``search`` a single run has no use for."""


@dataclass(frozen=True)
class Comparison:
    """The two trials' metric in the last epoch that both have, and the largest difference in any."""

    metric: str
    epoch: int
    then: float
    now: float
    largest: float
    tolerance: float

    @property
    def came_back(self) -> bool:
        return self.largest <= self.tolerance

    def __str__(self) -> str:
        verdict = "came back" if self.came_back else "did not come back"
        return (
            f"{self.metric} {verdict}: {self.then:.4f} then, {self.now:.4f} now in epoch {self.epoch}; "
            f"largest difference in an epoch {self.largest:.2g}, tolerance {self.tolerance:g}"
        )


def past_trial(run_id: str, tracking: TrackingConfig) -> PastTrial:
    """The trial whose MLflow run is ``run_id``; raises TrackingError where there is none."""
    return read_past_trial(resolve_uri(tracking), run_id)


def space_of(past: PastTrial, file: Path) -> LoadedSpace[SweepConfig]:
    """The space of that one trial, written to ``file``: its config, and the sweep's data and metric."""
    file.write_text(past.space_yaml, encoding="utf-8")
    tree: dict[str, Any] = read_document(file).tree
    search = {key: value for key, value in tree.get("search", {}).items() if key not in OF_A_SEARCH}
    of_sweep = {key: tree[key] for key in SWEEP_FIELDS if key in tree and key != "search"}
    names = {"name": past.sweep, "experiment": past.experiment}
    write_yaml(
        {**past.trial.config, **of_sweep, **names, "search": search | {"scheduler": {"name": "none"}}}, file
    )
    return load_space(file, SweepConfig, fixed=SWEEP_FIELDS)


def differences_of_code(past: PastTrial) -> list[str]:
    """What of the code is not as it was, in words."""
    now = code_version()
    found = []
    if (past.git_commit, past.git_dirty) != (now.commit, now.dirty):
        found.append(
            f"code: {_code(past.git_commit, past.git_dirty)} then, {_code(now.commit, now.dirty)} now"
        )
    if past.lock_digest != now.lock:
        found.append("requirements.lock is another one than then")
    return found


def compare(past: PastTrial, folder: SweepFolder, tolerance: float) -> Comparison:
    """The new run's metric against the old one's; raises UserError where they have no epoch in common."""
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
