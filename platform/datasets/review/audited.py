"""An audit as the review reads it: images with labels, findings, label scores, and where the images are."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from platform.config.errors import UserError
from platform.datasets.arrays import Ints
from platform.datasets.audit.findings import findings_table
from platform.datasets.audit.folder import AuditFolder, read_table
from platform.datasets.audit.record import AuditRecord, read_audit
from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.class_codes import codes, sorted_names
from platform.datasets.sources.source import Source, open_source


@dataclass(frozen=True)
class Audited:
    """N: images. Row i of each array is row i of ``images.parquet``.

    Attributes:
        record: What the audit rests on.
        paths: [N] as in the listing.
        labels: [N] as given; "" for an image without one.
        classes: Names of all classes, sorted.
        codes: [N] positions of the labels in ``classes``; -1 without a label.
        can_be_asked: [N] whether the image can be read and has a label.
        is_train: [N] whether it is of the training split.
        issues: The findings of all stages; empty where no stage has left any.
        scores: ``label_scores.parquet``; None where the audit has none.
    """

    folder: AuditFolder
    data: DataConfig
    source: Source
    record: AuditRecord
    paths: Any
    labels: Any
    classes: tuple[str, ...]
    codes: Ints
    can_be_asked: Any
    is_train: Any
    issues: pd.DataFrame
    scores: pd.DataFrame | None

    @cached_property
    def known_classes(self) -> frozenset[str]:
        return frozenset(self.classes)

    @cached_property
    def rows(self) -> "pd.Index[str]":
        """``rows.get_indexer(paths)`` finds images by their paths."""
        index: pd.Index[str] = pd.Index(self.paths, dtype=object)
        return index


def open_audit(path: Path) -> Audited:
    """Read the tables of an audit; raises UserError where it is none, or its images are gone."""
    if not path.is_dir():
        raise UserError(f"{path}: no such folder; name the folder of an audit, such as audit/photos")
    folder = AuditFolder(path)
    record = read_audit(folder) if folder.record_file.exists() else None
    if record is None:
        raise UserError(f"{folder.record_file}: is missing: {path} is no audit")
    data = _data_section(folder, record)
    images = folder.images(["path", "label", "split", "readable"])
    labels = images["label"].fillna("").to_numpy(dtype=object)
    classes = sorted_names(str(name) for name in pd.unique(labels) if name)
    if not classes:
        raise UserError(f"{folder.images_file}: no image has a label, so that there is none to review")
    return Audited(
        folder=folder,
        data=data,
        source=open_source(data.source),
        record=record,
        paths=images["path"].to_numpy(dtype=object),
        labels=labels,
        classes=classes,
        codes=codes(pd.Series(labels), classes),
        can_be_asked=images["readable"].to_numpy(dtype=bool) & (labels != ""),
        is_train=(images["split"] == "train").to_numpy(dtype=bool),
        issues=_issues(folder),
        scores=read_table(folder.label_scores_file) if folder.label_scores_file.exists() else None,
    )


def rows_of(audited: Audited, paths: pd.Series) -> Ints:
    """[len(paths)] rows of ``images.parquet``; -1 for a path that is not there."""
    return np.asarray(audited.rows.get_indexer(pd.Index(paths)), dtype=np.int64)


def row_of(audited: Audited, path: str) -> int:
    """The row of ``images.parquet``; -1 for a path that is not there."""
    return int(audited.rows.get_indexer(pd.Index([path]))[0])


def _issues(folder: AuditFolder) -> pd.DataFrame:
    return folder.issues() if folder.issues_file.exists() else findings_table([])


def _data_section(folder: AuditFolder, record: AuditRecord) -> DataConfig:
    try:
        return DataConfig.model_validate_json(json.dumps(record.data))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(["data", *map(str, first["loc"])])
        raise UserError(f"{folder.record_file}: {field}: {first['msg']}") from error
