"""Plants errors, trains a sweep's best settings on folds, and arranges what they say for the audit.

R: labelled training images of the audit, T: those among them that the sweep learnt or validated, C: classes.
"""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from platform.config.errors import UserError
from platform.datasets.audit.folder import AuditFolder
from platform.datasets.audit.labels.confidence import SparseProbabilities
from platform.datasets.audit.labels.evidence import FoldEvidence, LabelEvidence, LabelledRows
from platform.datasets.audit.labels.neighbours import nearest
from platform.datasets.audit.labels.probability.planted import Planted
from platform.datasets.audit.labels.probe import judge
from platform.datasets.audit.labels.scoring import Labels, choose_planted
from platform.datasets.audit.labels.stage import NEIGHBOURS
from platform.datasets.audit.labels.votes import fit_noise
from platform.datasets.preparation.prepare import prepare
from platform.storage.folder import Folder
from platform.training.checkpoints.description import read_description
from platform.training.trial.trial_config import TrialConfig
from reports.audit.folds import FoldPredictions, train_folds
from reports.sweeps.inputs import Inputs


def fold_evidence(
    folder: AuditFolder,
    inputs: Inputs,
    checkpoint: Folder,
    evidence: LabelEvidence,
    rows: LabelledRows,
    folds: int,
    say: Callable[[str], None],
) -> FoldEvidence:
    """Train on labels with planted errors, as what these look like in a training is learnt from them.

    Images of the sweep's training and validation take part, those of its test do not. Raises UserError if the
    data have changed since the sweep.
    """
    data = prepare(inputs.data_config, inputs.image_size)
    if data.digest != inputs.identity.data_digest:
        raise UserError(
            f"{inputs.folder.path}: {inputs.data_config.source} has changed since the sweep learnt it"
        )
    paths_R = folder.images(["path"])["path"].iloc[rows.rows_R]
    manifest = data.manifest[data.manifest["split"].isin(("train", "val")) & (data.manifest["label"] >= 0)]
    row_R = paths_R.map(pd.Series(manifest.index, index=manifest["path"])).to_numpy(dtype=np.float64)
    known_R = ~np.isnan(row_R)
    planted = _planted(evidence, rows, known_R)
    codes_C = np.array([data.classes.index(name) if name in data.classes else -1 for name in rows.classes])
    labels_T = codes_C[planted.labels_N[known_R]]
    config = TrialConfig.model_validate_json(json.dumps(read_description(checkpoint)["trial"]))
    found = train_folds(
        config, data, row_R[known_R].astype(np.int64), labels_T, folds, folder.path / "folds", say=say
    )
    return _arranged(found, known_R, codes_C, planted)


def _planted(evidence: LabelEvidence, rows: LabelledRows, known_R: np.ndarray) -> Planted:
    """Errors among the images that take part."""
    assert evidence.embeddings_ND is not None
    embeddings_RE = evidence.embeddings_ND[rows.rows_R]
    labels = Labels(embeddings_RE, rows.labels_R, len(rows.classes), nearest(embeddings_RE, NEIGHBOURS))
    noise = fit_noise(rows.labels_R, labels.neighbours.places_NK, labels.classes)
    judged = judge(embeddings_RE, rows.labels_R, labels.classes)
    planted = choose_planted(labels, noise, judged.probabilities)
    takes_part_P = known_R[planted.rows_P]
    labels_R = np.where(known_R, planted.labels_N, rows.labels_R)
    return replace(
        planted,
        labels_N=labels_R,
        rows_P=planted.rows_P[takes_part_P],
        lookalike_P=planted.lookalike_P[takes_part_P],
    )


def _arranged(
    found: FoldPredictions, known_R: np.ndarray, codes_C: np.ndarray, planted: Planted
) -> FoldEvidence:
    """In the order of the audit's rows and classes; a class that no fold knows has probability 0."""
    of_classes_TC = np.where(codes_C >= 0, found.probabilities_RC[:, codes_C], 0)
    probabilities_RC = np.full((len(known_R), len(codes_C)), 1 / len(codes_C), dtype=np.float32)
    probabilities_RC[known_R] = of_classes_TC
    margins_R = np.full(len(known_R), np.nan)
    margins_R[known_R] = found.margins_R
    return FoldEvidence(SparseProbabilities.of(probabilities_RC), margins_R, known_R, planted)
