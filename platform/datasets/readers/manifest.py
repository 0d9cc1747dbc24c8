"""A manifest that ``data clean`` or ``data split`` wrote: what to do with each image of another source.

Rows with the action drop or merge are left out, those with unlabel have no label. Splits are the manifest's.
"""

import pandas as pd

from platform.datasets.data_config import DataConfig
from platform.datasets.errors import DataError, counted, listed
from platform.datasets.remarks import Remarks
from platform.datasets.sources.source import FolderSource, ManifestSource, Source
from platform.datasets.splits import split_of
from platform.datasets.tables.label_columns import DEFAULT_LABEL, refuse_column_noise
from platform.datasets.tables.table_files import MISSING, read_table

LAYOUT = "a manifest of data clean or data split"
LEFT_OUT = ("drop", "merge")
NEEDED = ("path", "label", "action", "weight", "split")
CLEAN = "clean"


def recognises(source: Source) -> bool:
    return isinstance(source, ManifestSource)


def read(source: Source, config: DataConfig) -> pd.DataFrame:
    if not isinstance(source, ManifestSource):
        raise DataError(f"data.reader: {source} is not a manifest, which data clean or data split writes")
    refuse_column_noise(config, "manifests")
    table = _table(source)
    _check_columns(source, config, table)
    table = table[~table["action"].isin(LEFT_OUT)].reset_index(drop=True)
    rows = table[["path", "label"]].copy()
    if config.clean_label is not None:
        rows["clean"] = table[CLEAN]
    rows["split"] = [split_of(name, source.name) for name in table["split"]]
    if "camera" in table:
        rows["camera"] = table["camera"].astype("int64")
        rows["role"] = table["role"]
    weights = table["weight"].astype(float)
    if not (weights >= 0).all():
        raise DataError(f"data.source: {source.name}: weights must be 0 or more")
    return rows if (weights == 1).all() else rows.assign(weight=weights)


def remarks(source: Source, rows: pd.DataFrame, config: DataConfig) -> Remarks:
    """What the manifest changes, and images that came into the source after it was made."""
    assert isinstance(source, ManifestSource)
    actions = _table(source)["action"].value_counts()
    done = [
        f"{words} {counted(int(actions[action]), 'image')}"
        for action, words in WORDS.items()
        if action in actions
    ]
    notes = [f"The manifest {source.name}, of {source.inner}, {listed(done, len(WORDS))}."] if done else []
    if config.clean_label is None and CLEAN in _table(source):
        notes.append(
            f"{source.name} has true labels, which are not used: if metrics shall see them, set "
            f"data.clean_label={CLEAN}."
        )
    return Remarks(notes=tuple(notes))


WORDS = {
    "drop": "leaves out",
    "merge": "leaves out as copies",
    "relabel": "gives another label to",
    "unlabel": "takes the label of",
    "weight": "weighs the losses of",
}


def _table(source: ManifestSource) -> pd.DataFrame:
    return read_table(FolderSource(source.file.parent, source.name), source.file.name)


def _check_columns(source: ManifestSource, config: DataConfig, table: pd.DataFrame) -> None:
    lacking = [name for name in NEEDED if name not in table]
    if lacking:
        raise DataError(f"data.source: {source.name} is no whole manifest: it lacks {listed(lacking)}")
    own = source.facts.section
    if config.label not in (DEFAULT_LABEL, own.get("label")):
        raise DataError(
            f"data.label: {source.name} holds the labels of {own.get('label', DEFAULT_LABEL)!r}, "
            f"not of {config.label!r}"
        )
    if config.identities is not None and "camera" not in table:
        raise DataError(f"data.identities: {source.name} lists no cameras: set it to null")
    if config.clean_label is None:
        return
    if CLEAN not in table or (table[CLEAN] == MISSING).all():
        raise DataError(f"data.clean_label: {source.name} has no true labels: set it to null")
    if config.clean_label not in (CLEAN, own.get("clean_label")):
        raise DataError(
            f"data.clean_label: {source.name} holds true labels as {CLEAN!r}, not {config.clean_label!r}"
        )
