"""Pseudo-labels of a round: what the winner of the round before predicts for images without a label."""

import io
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from platform.datasets.cleaning.manifest_table import LEFT_OUT, POLICY
from platform.datasets.preparation.unlabelled import image_paths
from platform.datasets.sources.source import FolderSource, Source, open_source
from platform.datasets.tables.spreadsheet_cells import read_csv_text
from platform.rounds.data.changes import PSEUDO_LABEL
from platform.rounds.plan.rounds_config import PseudoLabelConfig
from platform.storage.whole_files import write_whole
from platform.tuning.folder.sweep_folder import SweepFolder

Say = Callable[[str], None]


def may_be_pseudo_labelled(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Training images without a label of their own; a pseudo-label of an earlier round is predicted anew."""
    stays = (rows["split"] == "train") & ~rows["action"].isin(LEFT_OUT)
    return stays & (rows["label"].isna() | rows["reason"].str.startswith(PSEUDO_LABEL))


def images_without_label(rows: pd.DataFrame, config: PseudoLabelConfig) -> list[str]:
    """Paths of the images that may get a pseudo-label, sorted; those of ``folder`` are absolute."""
    paths: set[str] = set()
    if config.unlabelled:
        paths |= set(rows["path"][may_be_pseudo_labelled(rows)])
    if config.test:
        paths |= set(rows["path"][rows["split"] == "test"])
    if config.folder is not None:
        source = open_source(config.folder)
        assert isinstance(source, FolderSource)
        root = os.path.realpath(source.root)
        paths |= {os.path.normpath(os.path.join(root, path)) for path in image_paths(source)}
    return sorted(paths)


def predictions(run_folder: Path, source: Source, paths: Sequence[str], file: Path, say: Say) -> pd.DataFrame:
    """The winner's ``label`` and ``probability`` by ``path``, of the images that can be read.

    ``file``: a table of all predictions, which is kept, and read by the next call for the same images.

    Raises:
        UserError: there is no winner, or it is no better than chance.
    """
    table = _read(file) if file.exists() else None
    if table is None or table["path"].tolist() != list(paths):
        write_whole(file, _predicted(run_folder, source, paths, say))
        table = _read(file)
    return table[table["probability"].notna()]


def _read(file: Path) -> pd.DataFrame:
    table: pd.DataFrame = read_csv_text(
        io.StringIO(file.read_text(encoding="utf-8")),
        dtype={"path": str, "label": str},
        keep_default_na=False,
        na_values={"probability": ""},
    )
    return table


def _predicted(run_folder: Path, source: Source, paths: Sequence[str], say: Say) -> str:
    from platform.datasets.preparation.unlabelled import read_blocks
    from platform.datasets.tables.spreadsheet_cells import csv_text
    from reports.deploy.chosen import load_chosen
    from reports.deploy.prediction_table import with_probability
    from reports.evaluation.checkpoints import ReportError

    chosen = load_chosen(SweepFolder(run_folder), say)
    if chosen.winner.at_chance is not None:
        raise ReportError(f"pseudo_label: its labels would be guesses. {chosen.winner.at_chance}")
    parts: list[str] = []
    for block in read_blocks(source, paths, chosen.winner.kept, chosen.winner.classes):
        table = with_probability(block, chosen.probabilities(block), chosen.winner.classes)
        parts.append(csv_text(table, header=not parts))
    return "".join(parts)


def without_test(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with test images as training images without a label: their labels reach no training."""
    is_test = rows["split"] == "test"
    return rows.assign(
        label=rows["label"].mask(is_test, None),
        given=rows["given"].mask(is_test, None),
        split=rows["split"].mask(is_test, "train"),
    )


def pseudo_labelled(rows: pd.DataFrame, labels: Mapping[str, tuple[str, float]], number: int) -> pd.DataFrame:
    """The rows with new pseudo-labels, and their probabilities, by path; ``number``: the round of cleaning.

    An image that is not among the rows is appended. Labelled training images keep their label.
    """
    may = may_be_pseudo_labelled(rows).to_numpy()
    new = [labels.get(path) for path in rows["path"]]
    takes = may & np.array([one is not None for one in new])
    loses = may & ~takes & rows["reason"].str.startswith(PSEUDO_LABEL).to_numpy()
    found = rows.copy()
    found.loc[loses, "label"] = None
    found.loc[loses, "action"] = np.where(found["given"][loses].notna(), "unlabel", "keep")
    found.loc[loses, "reason"] = ""
    found.loc[loses, "round"] = number
    found.loc[takes, "label"] = [one[0] for one, take in zip(new, takes, strict=True) if one and take]
    found.loc[takes, "score"] = [one[1] for one, take in zip(new, takes, strict=True) if one and take]
    for column, value in (("action", "relabel"), ("reason", PSEUDO_LABEL), ("by", POLICY)):
        found.loc[takes, column] = value
    is_new = takes & (found["label"].fillna("") != rows["label"].fillna("")).to_numpy()
    found.loc[is_new, "round"] = number
    return _appended(found, labels, number)


def _appended(rows: pd.DataFrame, labels: Mapping[str, tuple[str, float]], number: int) -> pd.DataFrame:
    others = sorted(labels.keys() - set(rows["path"]))
    if not others:
        return rows
    more = pd.DataFrame({name: pd.Series([None] * len(others), dtype=object) for name in rows})
    more["path"], more["label"] = others, [labels[path][0] for path in others]
    more["score"] = [labels[path][1] for path in others]
    fixed: dict[str, Any] = {
        "action": "relabel",
        "reason": PSEUDO_LABEL,
        "by": POLICY,
        "round": number,
        "weight": 1.0,
    }
    fixed |= {"split": "train", "camera": -1, "role": ""}
    for name, value in fixed.items():
        if name in rows:
            more[name] = value
    joined = pd.concat([rows, more.astype(rows.dtypes.to_dict())], ignore_index=True)
    return joined.sort_values("path", ignore_index=True)
