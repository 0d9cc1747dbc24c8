"""The stage ``labels`` of an audit: label_scores.parquet, budgets.parquet and findings of wrong labels.

R: labelled training images.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from platform.datasets.audit.findings import SCHEMA, findings_table
from platform.datasets.audit.folder import AuditFolder, write_table
from platform.datasets.audit.labels.evidence import NEEDED, LabelEvidence, LabelledRows, labelled_rows
from platform.datasets.audit.labels.neighbours import nearest
from platform.datasets.audit.labels.probability.answers import ENOUGH, recalibrated, said_of_labels
from platform.datasets.audit.labels.probability.calibration import Doubt
from platform.datasets.audit.labels.probability.expectation import (
    budget_table,
    log_odds,
    repeated,
    wrong_by_class,
)
from platform.datasets.audit.labels.probability.margins import with_margins
from platform.datasets.audit.labels.scoring import SCORES, Labels, Scored, score
from platform.datasets.audit.record import CAUTION, Notes

Floats = npt.NDArray[np.float64]
NEIGHBOURS: Final = 20
LEAST_IMAGES: Final = 50
LISTED: Final = 0.5
"""Probability from which on a label is a finding."""
SURE: Final = 0.9
TABLE: Final = pa.schema(
    [
        pa.field("path", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        *(pa.field(name, pa.float64()) for name in SCORES),
        pa.field("p_wrong", pa.float64(), nullable=False),
        pa.field("suggested", pa.string()),
        pa.field("off_topic", pa.float64()),
    ]
)
BY_CLASS: Final = pa.schema(
    [
        pa.field("label", pa.string(), nullable=False),
        pa.field("images", pa.int64(), nullable=False),
        pa.field("wrong", pa.float64(), nullable=False),
    ]
)


def score_labels(folder: AuditFolder, evidence: LabelEvidence) -> Notes:
    """Score the labels of the readable training images; write tables and findings.

    Where labels cannot be scored, there are no tables, no findings, and the note ``refused`` says why.
    """
    images = folder.images(NEEDED)
    rows = labelled_rows(images)
    if refused := _refused(evidence, rows):
        for file in (folder.label_scores_file, folder.budgets_file, folder.wrong_by_class_file):
            file.unlink(missing_ok=True)
        folder.write_findings("labels", findings_table([]))
        return {"refused": refused}
    assert evidence.embeddings_ND is not None
    embeddings_RD = evidence.embeddings_ND[rows.rows_R]
    neighbours = nearest(embeddings_RD, NEIGHBOURS)
    labels = Labels(embeddings_RD, rows.labels_R, len(rows.classes), neighbours)
    found = score(labels, evidence.folds)
    if not len(found.planted_P):
        folder.write_findings("labels", findings_table([]))
        return {
            "refused": "no label agrees with its neighbours and its prediction: there is nothing to learn"
        }
    paths = images["path"].iloc[rows.rows_R].to_numpy(dtype=object)
    suspicion_R = None if evidence.suspicion_N is None else evidence.suspicion_N[rows.rows_R]
    p_wrong_R, notes = _probabilities(folder, found, suspicion_R, paths)
    _write(folder, rows, paths, found, p_wrong_R, suspicion_R)
    doubt = Doubt.of(found.disagrees_R)
    return (
        notes
        | caution_of(doubt, int(notes["answers"]))
        | {
            "images": len(rows.rows_R),
            "expected_wrong": float(p_wrong_R.sum()),
            "neighbour_recall": neighbours.recall,
            "neighbours_by": neighbours.by,
            "neighbour_noise_rate": float(1 - (found.noise.shares_C * np.diag(found.noise.given_CC)).sum()),
            "predictions_agree": float(1 - found.disagrees_R.mean()),
            "predictions_miss": doubt.missed,
            "predictions": "folds" if evidence.folds is not None else "softmax regression on the embedding",
            "saw_labels": int(evidence.saw_labels),
            **{f"weight_{name}": _weight(found, name) for name in SCORES},
        }
    )


def caution_of(doubt: Doubt, answers: int) -> Notes:
    """The note that no precision is stated; none where enough answers have corrected it."""
    if doubt.is_small or answers:
        return {}
    return {
        CAUTION: f"predictions miss about {doubt.missed:.0%} of the right labels, so that hard images and "
        "wrong labels cannot be told apart: the precision of a review is not stated, only between which "
        f"values it lies; answer {ENOUGH} images first (data labels), then audit again"
    }


def _refused(evidence: LabelEvidence, rows: LabelledRows) -> str:
    if evidence.embeddings_ND is None:
        return evidence.missing or "there is no embedding"
    if len(rows.classes) < 2:
        return "the training images have fewer than two classes"
    if len(rows.rows_R) < LEAST_IMAGES:
        return f"{len(rows.rows_R)} labelled training images are too few: {LEAST_IMAGES} are needed"
    return ""


def _probabilities(
    folder: AuditFolder, found: Scored, suspicion_R: Floats | None, paths: npt.NDArray[np.object_]
) -> tuple[Floats, Notes]:
    """[R] p(wrong), and notes on how it was calibrated; writes budgets.parquet."""
    doubt = Doubt.of(found.disagrees_R)
    base_R = doubt.p_wrong(found.combined_R, found.planted_P)
    p_wrong_R = base_R if suspicion_R is None else with_margins(base_R, suspicion_R)
    said = said_of_labels(folder.answers_file)
    asked = np.flatnonzero(pd.Index(paths).isin(list(said)))
    if len(asked) >= ENOUGH:
        p_wrong_R = recalibrated(p_wrong_R, asked, np.array([said[paths[row]] for row in asked]))
    order_R = np.lexsort([-found.combined_R, -p_wrong_R])
    added_R = log_odds(p_wrong_R) - log_odds(base_R)
    each_TM = repeated(
        found.combined_R[order_R],
        added_R[order_R],
        found.planted_P,
        found.lookalike_P,
        found.disagrees_R,
    )
    stated = doubt.is_small or len(asked) >= ENOUGH
    write_table(folder.budgets_file, budget_table(p_wrong_R[order_R], each_TM, stated=stated))
    return p_wrong_R, {
        "noise_rate": float(p_wrong_R.mean()),
        "noise_rate_low": float(np.quantile(each_TM.mean(axis=1), 0.025)),
        "noise_rate_high": float(np.quantile(each_TM.mean(axis=1), 0.975)),
        "planted": len(found.planted_P),
        "planted_lookalikes": int(found.lookalike_P.sum()),
        "answers": len(asked) if len(asked) >= ENOUGH else 0,
    }


def _write(
    folder: AuditFolder,
    rows: LabelledRows,
    paths: npt.NDArray[np.object_],
    found: Scored,
    p_wrong_R: Floats,
    suspicion_R: Floats | None,
) -> None:
    names = np.array(rows.classes, dtype=object)
    scores = dict(found.scores)
    if suspicion_R is not None:
        scores["margin"] = suspicion_R
    labels = names[rows.labels_R]
    suggested = names[found.suggested_R]
    columns = {name: scores[name] for name in SCORES}
    table = pd.DataFrame({"path": paths, "label": labels, **columns, "p_wrong": p_wrong_R})
    table["suggested"], table["off_topic"] = suggested, np.nan
    write_table(folder.label_scores_file, table, TABLE)
    wrong_C = wrong_by_class(p_wrong_R, rows.labels_R, len(names))
    sizes_C = np.bincount(rows.labels_R, minlength=len(names))
    by_class = pd.DataFrame({"label": names, "images": sizes_C, "wrong": wrong_C})
    write_table(folder.wrong_by_class_file, by_class, BY_CLASS)
    folder.write_findings("labels", _findings(table, found.scores["neighbours"]))


def _findings(table: pd.DataFrame, neighbours_R: Floats) -> pd.DataFrame:
    """The labels that are wrong with a probability of at least one half, the surest first."""
    listed = table[table["p_wrong"] >= LISTED].assign(others=neighbours_R[table["p_wrong"] >= LISTED])
    sure = listed["p_wrong"] >= SURE
    rows = pd.DataFrame(
        {
            "path": listed["path"],
            "kind": "wrong_label",
            "score": listed["p_wrong"],
            "group": None,
            "suggestion": np.where(sure, "relabel:" + listed["suggested"], "look"),
            "why": [
                f"labelled {one.label}, wrong with a probability of {one.p_wrong:.0%}: {one.others:.0%} of "
                f"the most similar images have other labels, likeliest is {one.suggested}"
                for one in listed.itertuples()
            ],
        },
        columns=SCHEMA.names,
    )
    return rows.sort_values(["score", "path"], ascending=[False, True], ignore_index=True)


def _weight(found: Scored, name: str) -> float:
    return float(dict(zip(found.combination.names, found.combination.weights_S, strict=True)).get(name, 0.0))
