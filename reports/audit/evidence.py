"""Gathers what a sweep and local weights say of an audit's labels.

N: images of the audit, R: labelled training images, C: classes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from platform.config.errors import UserError
from platform.datasets.audit.folder import AuditFolder
from platform.datasets.audit.labels.evidence import NEEDED, LabelEvidence, labelled_rows, mean_ranks
from platform.datasets.data_config import DataConfig
from platform.datasets.errors import counted, listed
from platform.storage.folder import Folder
from platform.training.loop.trainer_checkpoints import SAMPLES
from reports.audit.embedding import EmbeddingChoice, embed, weights_choice
from reports.audit.fold_evidence import fold_evidence
from reports.evaluation.checkpoints import find_checkpoint
from reports.ranking.rank import rank_trials
from reports.sweeps.inputs import Inputs, read_inputs

NONE = "none"
Floats = npt.NDArray[np.float64]
Say = Callable[[str], None]


@dataclass(frozen=True)
class EvidenceOptions:
    """``config``: the audit's data section; ``embedding``: none, a file of weights, BACKBONE=FILE, or None.

    ``folds``: how many networks to train for out-of-fold predictions; 0: none.
    """

    config: DataConfig
    embedding: str | None = None
    folds: int = 0
    say: Say = lambda _: None


def evidence_of(folder: AuditFolder, sweep: Path | None, options: EvidenceOptions) -> LabelEvidence:
    """Margins and embeddings of a sweep, or embeddings of local weights, or the reason why there are none.

    The embedding is the sweep's best checkpoint on validation, unless ``options.embedding`` says otherwise.

    Raises:
        UserError: the sweep learnt from other images or labels, or has no checkpoint; weights that cannot be
            loaded; folds without a sweep.
    """
    if options.folds and (sweep is None or options.folds < 2):
        why = (
            "must be at least 2" if sweep is not None else "trains a sweep's settings: name one with --sweep"
        )
        raise UserError(f"--folds: {why}")
    inputs = None if sweep is None else read_inputs(sweep, None)
    checkpoints: list[Folder] = []
    if inputs is not None:
        refuse_other_data(folder.images(["path", "label"]), inputs)
        checkpoints = finalists(inputs)
    choice = _choice(options.embedding, checkpoints)
    if choice is None:
        folder.embeddings_file.unlink(missing_ok=True)
        return LabelEvidence(None, missing=_missing(options.embedding))
    embeddings_NE = embed(folder, options.config, choice, options.say)
    evidence = LabelEvidence(
        embeddings_NE,
        choice.described,
        saw_labels=choice.kind == "sweep",
        suspicion_N=suspicion_of(checkpoints, folder.images(["path"])["path"]) if checkpoints else None,
    )
    if inputs is None or not options.folds:
        return evidence
    rows = labelled_rows(folder.images(NEEDED))
    folds = fold_evidence(folder, inputs, checkpoints[0], evidence, rows, options.folds, options.say)
    return LabelEvidence(
        evidence.embeddings_ND, evidence.embedding, evidence.saw_labels, evidence.suspicion_N, folds
    )


def finalists(inputs: Inputs) -> list[Folder]:
    """The checkpoints of the best trials that are still there, the best first; raises UserError for none."""
    ranking = rank_trials(inputs.sweep.trials, inputs.metric, inputs.mode, inputs.identity.statistic)
    found, gone = [], []
    for one in ranking[: inputs.top]:
        try:
            found.append(find_checkpoint(inputs.trials, one.trial, inputs.metric, inputs.mode))
        except UserError as error:
            gone.append(str(error))
    if not found:
        raise UserError(f"{inputs.folder.path}: has no checkpoint to ask ({listed(gone, 2) or 'no trial'})")
    return found


def refuse_other_data(images: pd.DataFrame, inputs: Inputs) -> None:
    """Raise UserError if the sweep learnt from images or labels that are not the audit's.

    Args:
        images: ``path`` and ``label`` of the audit's images.
    """
    sweep = inputs.folder.path
    if not inputs.manifest.exists():
        raise UserError(f"{sweep}: ended before its data were read: there is nothing to ask")
    learnt = pd.read_parquet(inputs.manifest, columns=["path", "label"])
    absent = learnt["path"][~learnt["path"].isin(images["path"])].tolist()
    if absent:
        number = f"{len(absent):,} of its {counted(len(learnt), 'image')}"
        raise UserError(
            f"{sweep}: is a sweep of other data: {number} are not in this audit: {listed(absent, 2)}"
        )
    given = learnt["path"].map(images.set_index("path")["label"])
    other = learnt["path"][(given.fillna("") != learnt["label"].fillna("")).to_numpy()].tolist()
    if other:
        hint = f" ({'; '.join(inputs.identity.injected)})" if inputs.identity.injected else ""
        raise UserError(
            f"{sweep}: learnt other labels than this audit's for {counted(len(other), 'image')}{hint}, "
            f"such as {listed(other, 2)}"
        )


def suspicion_of(checkpoints: list[Folder], paths: "pd.Series[str]") -> Floats | None:
    """[N] the share of images with a higher margin, mean over trials and networks; None without any record.

    Records of older sweeps hold losses only: these are ranked in the margins' place.
    """
    values: list[Floats] = []
    for checkpoint in checkpoints:
        table = _record(checkpoint)
        if table is None:
            continue
        columns = [str(name) for name in table]
        margins = [name for name in columns if name.startswith("mean_margin_network_")] or ["mean_margin"]
        losses = [name for name in columns if name.startswith("mean_loss_network_")] or ["mean_loss"]
        has_margins = all(name in table and table[name].notna().any() for name in margins)
        sign, names = (1, margins) if has_margins else (-1, losses)
        by_path = table.set_index("path")
        values += [sign * paths.map(by_path[name]).to_numpy(dtype=np.float64) for name in names]
    return mean_ranks(values) if values else None


def _record(checkpoint: Folder) -> pd.DataFrame | None:
    try:
        return pd.read_parquet(BytesIO(checkpoint.read(SAMPLES)))
    except (OSError, pa.ArrowInvalid):
        return None  # a checkpoint of a version without records


def _choice(text: str | None, checkpoints: list[Folder]) -> EmbeddingChoice | None:
    if text == NONE:
        return None
    if text is not None:
        return weights_choice(text)
    return EmbeddingChoice("sweep", checkpoints[0].fetched()) if checkpoints else None


def _missing(text: str | None) -> str:
    why = "--embedding none was given" if text == NONE else "neither a sweep nor local weights were named"
    return f"labels are judged by an embedding of the images, and {why}: add --sweep or --embedding"
