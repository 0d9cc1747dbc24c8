"""What a night keeps of its packages, spaces and data, so that a later one can say what differs."""

from pathlib import Path

from platform.config.document import yaml_text
from platform.nights.ledger.places import NightFolder
from platform.nights.ledger.records import Night
from platform.nights.plan.load_plan import LoadedPlan, Subject
from platform.nights.running.words import sweep_name
from platform.storage.whole_files import write_whole
from platform.tuning.folder.sweep_folder import SweepFolder


def snapshot(plan: LoadedPlan, night: Night, root: Path) -> None:
    """Keep the packages and spaces of the night, so that a later one can say what differs."""
    folder = NightFolder.of(plan.state, night.identity)
    lock = root / "requirements.lock"
    if lock.is_file():
        write_whole(folder.lock_file, lock.read_bytes())
    for subject in plan.subjects[night.night]:
        write_whole(folder.space(subject.name), yaml_text(subject.loaded.document.tree))


def snapshot_labels(plan: LoadedPlan, night: Night, subject: Subject) -> None:
    """Keep path, label and split of each image that the sweep learnt from or was measured on."""
    import pandas as pd

    manifest = SweepFolder(plan.out / sweep_name(night.identity, subject.name)).manifest
    if manifest.exists():
        table = pd.read_parquet(manifest, columns=["path", "label", "split"])
        file = NightFolder.of(plan.state, night.identity).labels(subject.name)
        write_whole(file, table.to_parquet(index=False))
