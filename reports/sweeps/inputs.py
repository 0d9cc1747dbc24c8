"""Read a sweep for its report: its folder, its records in MLflow, and its data set."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from platform.config.document import yaml_text
from platform.config.invocation import command_line
from platform.config.load import LoadedSpace, load_space
from platform.datasets.data_config import DataConfig
from platform.datasets.image_size import Size, covering
from platform.datasets.tables.spreadsheet_cells import read_csv_text
from platform.storage.folder import Folder
from platform.storage.whole_files import write_whole
from platform.tracking.reading.recorded import recorded_sweep
from platform.tracking.records import SweepRecord, TrialRecord
from platform.tuning.folder.moved import identity_here
from platform.tuning.folder.sweep_folder import SweepFolder, SweepIdentity
from platform.tuning.names import named_settings
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from reports.ranking.rank import Mode, RankedTrial
from reports.ranking.standard_error import samples_of
from reports.sweeps.contents import DataFacts, Joined

GPU = "system/gpu"
"""Prefix of the metrics that only a trial with a GPU measures."""


@dataclass(frozen=True)
class Inputs:
    """One sweep; ``repeats``: its best trials with other seeds.

    ``image_size`` covers the sizes of all trials; ``top``: how many of the best trials are evaluated.
    ``max_members`` and ``max_latency_ms`` bound ensembles. ``undelivered``: why MLflow lacks part of the
    sweep, and how to deliver it; None if MLflow has everything. ``notices``: sentences for the report.
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
        """The folder of the trials' checkpoints."""
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

    def record_source(self) -> None:
        """Write where the images are to space.yaml, if they were found elsewhere than it says."""
        if self.data_config.source == self.loaded.first().data.source:
            return
        tree = self.loaded.document.tree
        moved = tree | {"data": tree.get("data", {}) | {"source": self.data_config.source}}
        write_whole(self.folder.space, yaml_text(moved))

    @property
    def data_remarks(self) -> list[str]:
        """What was passed over or assumed when the data were read; none of older sweeps."""
        file = self.folder.data_remarks
        return [str(one) for one in json.loads(file.read_bytes())] if file.exists() else []

    @property
    def gpus_a_trial(self) -> float:
        """The GPUs that a trial requests."""
        resources = self.loaded.first().resources
        share = 1.0 if resources.gpus_per_worker == "auto" else float(resources.gpus_per_worker)
        return resources.workers * share

    @property
    def joined(self) -> tuple[Joined, ...]:
        """The sweeps of a joint report; empty for a single sweep."""
        return ()

    def owner(self, trial: TrialRecord) -> tuple["Inputs", TrialRecord]:
        """The sweep of a trial, and the trial under its name there."""
        return self, trial

    def candidates(self, foremost: list[RankedTrial], ranking: Sequence[RankedTrial]) -> list[RankedTrial]:
        """The trials to evaluate, in the order of ``ranking``."""
        return foremost

    def gpus_of(self, trial: TrialRecord) -> float:
        """The GPUs that a trial had; 0 if it measured none."""
        has_any = any(name.startswith(GPU) for name in trial.history)
        return self.owner(trial)[0].gpus_a_trial if has_any else 0.0


def read_inputs(
    run_folder: Path,
    top: int | None,
    *,
    max_members: int | None = None,
    max_latency_ms: float | None = None,
    source: str | None = None,
) -> Inputs:
    """Read everything but the images; settings that are None come from the sweep's YAML.

    ``source``: where the images are now.

    Raises:
        UserError: the folder is not a sweep's, or MLflow does not answer and there is no spool.
    """
    folder = SweepFolder(run_folder)
    identity, moved = identity_here(folder)
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
        data_config=_with_source(loaded.first().data, source),
        image_size=covering(corner.largest_image for corner in loaded.corners()),
        top=identity.top if top is None else top,
        max_members=max_members or loaded.first().report.max_members,
        max_latency_ms=max_latency_ms or loaded.first().report.max_latency_ms,
        undelivered=recorded.undelivered
        and f"{recorded.undelivered}; deliver them with: {command_line('reports', run_folder)}",
        notices=(f"{moved}.",) if moved else (),
    )


def _with_source(config: DataConfig, source: str | None) -> DataConfig:
    return config if source is None else config.model_copy(update={"source": source})


def _searched_now(trial: TrialRecord, loaded: LoadedSpace[SweepConfig]) -> TrialRecord:
    """Add values of parameters that were constant when the trial ran and are searched now."""
    settings = named_settings(trial.config)
    missing = {
        one.path: settings[one.path]
        for one in loaded.space.parameters()
        if not one.condition and one.path not in trial.searched and one.path in settings
    }
    return replace(trial, searched=trial.searched | missing) if missing else trial


def read_data_facts(inputs: Inputs) -> DataFacts | None:
    """The data set by its manifest; None if the sweep ended before it was written."""
    if not inputs.manifest.exists():
        return None
    manifest = pd.read_parquet(inputs.manifest)
    splits = {split: rows for split in ("train", "val", "test") if len(rows := _of(manifest, split))}
    config = inputs.data_config
    has_classes = config.identities is None
    selecting = "clean" if config.val_label == "clean" else "label"
    return DataFacts(
        source=config.source,
        classes=tuple(sorted(manifest["label"].dropna().unique())),
        rows={split: len(rows) for split, rows in splits.items()},
        selects_on=config.val_label,
        wrong={
            split: float((rows["label"] != rows["clean"]).mean())
            for split, rows in _labelled(splits).items()
            if rows["clean"].notna().all()
        },
        are="classes" if has_classes else "identities",
        unlabelled=int(splits["train"]["label"].isna().sum()),
        samples=samples_of(manifest, config),
        trained=_by_class(splits, "train", "label") if has_classes else {},
        validated=_by_class(splits, "val", selecting) if has_classes else {},
    )


def _by_class(splits: Mapping[str, pd.DataFrame], split: str, column: str) -> dict[str, int]:
    """The split's images of each class, by the labels of ``column``."""
    if split not in splits:
        return {}
    return {str(name): int(count) for name, count in splits[split][column].value_counts().items()}


def read_bad_images(folder: SweepFolder) -> list[tuple[str, str]]:
    """Paths of the images that were left out, and why."""
    if not folder.bad_images.exists():
        return []
    table = read_csv_text(folder.bad_images, dtype=str, keep_default_na=False)
    return list(zip(table["path"], table["reason"], strict=True))


def _labelled(splits: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return {split: rows[rows["label"].notna()] for split, rows in splits.items()}


def _of(manifest: pd.DataFrame, split: str) -> pd.DataFrame:
    return manifest[manifest["split"] == split]
