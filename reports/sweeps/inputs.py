"""What a sweep left behind: its folder, its records in MLflow, and what its data were."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from platform.config.load import LoadedSpace, load_space
from platform.datasets.data_config import DataConfig
from platform.datasets.image_size import Size, covering
from platform.tracking.reading.recorded import recorded_sweep
from platform.tracking.records import SweepRecord, TrialRecord
from platform.storage.folder import Folder
from platform.tuning.names import named_settings
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from platform.tuning.folder.sweep_folder import SweepFolder, SweepIdentity
from reports.sweeps.contents import DataFacts, Joined
from reports.ranking.standard_error import samples_of
from reports.ranking.rank import Mode, RankedTrial

GPU = "system/gpu"
"""What the names of metrics that a trial with a GPU measures begin with."""


@dataclass(frozen=True)
class Inputs:
    """One sweep, as it searched; ``repeats``: its best again, with other seeds.

    ``image_size`` covers those of its trials, ``top`` is how many of the best are evaluated. ``max_members``
    and ``max_latency_ms`` bound ensembles.
    ``undelivered``: why MLflow does not have the sweep whole, and how it will; None where it has.
    ``notices``: what a reader of the report must know.
    """

    folder: SweepFolder
    identity: SweepIdentity
    sweep: SweepRecord
    loaded: LoadedSpace[SweepConfig]
    data_config: DataConfig
    image_size: Size
    top: int
    max_members: int
    max_latency_ms: float | None
    undelivered: str | None = None
    repeats: list[TrialRecord] = field(default_factory=list)
    notices: tuple[str, ...] = ()

    @property
    def trials(self) -> Folder:
        """Where the trials' checkpoints lie."""
        return self.identity.trials_in(Folder.of(self.folder.path))

    @property
    def metric(self) -> str:
        return self.identity.metric

    @property
    def mode(self) -> Mode:
        return "min" if self.identity.mode == "min" else "max"

    @property
    def manifest(self) -> Path:
        return self.folder.manifest

    @property
    def space_yaml(self) -> str:
        return self.folder.space.read_text(encoding="utf-8")

    @property
    def bad_images(self) -> list[tuple[str, str]]:
        """Paths of the images that were left out, and why."""
        return read_bad_images(self.folder)

    @property
    def gpus_a_trial(self) -> float:
        """That a trial asks for, where there are any."""
        resources = self.loaded.first().resources
        share = 1.0 if resources.gpus_per_worker == "auto" else float(resources.gpus_per_worker)
        return resources.workers * share

    @property
    def joined(self) -> tuple[Joined, ...]:
        """Of a joint report its sweeps."""
        return ()

    def owner(self, trial: TrialRecord) -> tuple["Inputs", TrialRecord]:
        """The sweep whose trial it is, and the trial as it is called there."""
        return self, trial

    def candidates(self, foremost: list[RankedTrial], ranking: Sequence[RankedTrial]) -> list[RankedTrial]:
        """Which trials of the ``ranking`` are evaluated, in its order."""
        return foremost

    def gpus_of(self, trial: TrialRecord) -> float:
        """How many GPUs it had; 0 where it measured none."""
        has_any = any(name.startswith(GPU) for name in trial.history)
        return self.owner(trial)[0].gpus_a_trial if has_any else 0.0


def read_inputs(
    run_folder: Path,
    top: int | None,
    *,
    max_members: int | None = None,
    max_latency_ms: float | None = None,
) -> Inputs:
    """Read everything but the images; what is None is as the sweep's YAML says.

    Raises:
        UserError: it is no sweep's folder, or MLflow is silent and no spool has what it was told.
    """
    folder = SweepFolder(run_folder)
    identity = folder.read_record()
    loaded = load_space(folder.space, SweepConfig, fixed=SWEEP_FIELDS)
    recorded = recorded_sweep(identity.writer_state, folder.spool)
    trials = recorded.sweep.trials
    return Inputs(
        folder=folder,
        identity=identity,
        sweep=replace(
            recorded.sweep, trials=[_searched_now(one, loaded) for one in trials if one.confirms is None]
        ),
        repeats=[one for one in trials if one.confirms is not None],
        loaded=loaded,
        data_config=loaded.first().data,
        image_size=covering(corner.largest_image for corner in loaded.corners()),
        top=identity.top if top is None else top,
        max_members=max_members or loaded.first().report.max_members,
        max_latency_ms=max_latency_ms or loaded.first().report.max_latency_ms,
        undelivered=recorded.undelivered
        and f"{recorded.undelivered}; deliver them with: python -m reports {run_folder}",
    )


def _searched_now(trial: TrialRecord, loaded: LoadedSpace[SweepConfig]) -> TrialRecord:
    """With the values of what was constant when it ran, and is searched in every trial since."""
    settings = named_settings(trial.config)
    missing = {
        one.path: settings[one.path]
        for one in loaded.space.parameters()
        if not one.condition and one.path not in trial.searched and one.path in settings
    }
    return replace(trial, searched=trial.searched | missing) if missing else trial


def read_data_facts(inputs: Inputs) -> DataFacts | None:
    """What the manifest says of the data; None where the sweep ended before there was one."""
    if not inputs.manifest.exists():
        return None
    manifest = pd.read_parquet(inputs.manifest)
    splits = {split: rows for split in ("train", "val", "test") if len(rows := _of(manifest, split))}
    return DataFacts(
        source=inputs.data_config.source,
        classes=tuple(sorted(manifest["label"].dropna().unique())),
        rows={split: len(rows) for split, rows in splits.items()},
        selects_on=inputs.data_config.val_label,
        wrong={
            split: float((rows["label"] != rows["clean"]).mean())
            for split, rows in _labelled(splits).items()
            if rows["clean"].notna().all()
        },
        are="classes" if inputs.data_config.identities is None else "identities",
        unlabelled=int(splits["train"]["label"].isna().sum()),
        samples=samples_of(manifest, inputs.data_config),
    )


def read_bad_images(folder: SweepFolder) -> list[tuple[str, str]]:
    """Paths of the images that were left out, and why."""
    if not folder.bad_images.exists():
        return []
    table = pd.read_csv(folder.bad_images, dtype=str, keep_default_na=False)
    return list(zip(table["path"], table["reason"], strict=True))


def _labelled(splits: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return {split: rows[rows["label"].notna()] for split, rows in splits.items()}


def _of(manifest: pd.DataFrame, split: str) -> pd.DataFrame:
    return manifest[manifest["split"] == split]
