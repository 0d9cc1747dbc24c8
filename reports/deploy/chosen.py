"""Loads the winner that the report chose, ready to predict.

Shapes: K readable images, M members, C classes, D dimensions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from platform.config.invocation import command_line
from platform.datasets.image_size import Size
from platform.datasets.preparation.unlabelled import SPLIT, Block
from platform.storage.folder import Folder
from platform.training.checkpoints.description import DESCRIPTION
from platform.training.checkpoints.loading import load_predictor
from platform.training.evaluation.classification import Probabilities
from platform.training.evaluation.embeddings import chosen
from platform.training.evaluation.prediction import Predictor
from platform.training.evaluation.retrieval import Embeddings
from platform.tuning.folder.received import belongs, check_folder, own_trials
from platform.tuning.folder.sweep_folder import SweepFolder
from reports.build.winner import FILE, Member, Winner, ensemble_of, read_winner
from reports.ensembles.embedding_ensembles import concatenated
from reports.ensembles.rules import logits_of, probabilities_of
from reports.ensembles.selection import Ensemble
from reports.evaluation.checkpoints import ReportError, checkpoint_digest, device
from reports.sweeps.joint_record import read_joint_record


@dataclass(frozen=True)
class Chosen:
    """The winner with its networks.

    ``predictors``: one for each member; members with the same checkpoint and image size share one.
    ``ensemble``: None if a single trial won. ``new_report``: its page, if there was no report and it was
    built first.
    """

    winner: Winner
    predictors: Sequence[Predictor]
    ensemble: Ensemble | None
    new_report: Path | None

    def probabilities(self, block: Block) -> Probabilities:
        """[K, C]; each member sees the images as its trial's evaluation does, or in its view."""
        if not len(block.good):
            return np.empty((0, len(self.winner.classes)), dtype=np.float32)
        if self.ensemble is not None and self.ensemble.kind == "concat":
            return self.ensemble.combine_features(
                [one.features(block.data, SPLIT) for one in self.predictors]
            )
        pairs = list(zip(self.predictors, self.winner.members, strict=True))
        predicted = [one.view_probabilities(block.data, SPLIT, member.view) for one, member in pairs]
        logits_MKC = np.stack(
            [
                logits_of(of_networks.mean(axis=0, dtype=np.float32)) / np.float32(member.temperature)
                for of_networks, member in zip(predicted, self.winner.members, strict=True)
            ]
        )
        if self.ensemble is not None:
            return self.ensemble.combine(logits_MKC)
        return probabilities_of(logits_MKC[0]).astype(np.float32)

    def embeddings(self, block: Block) -> Embeddings:
        """[K, D] of a sweep on identities, by which images are compared; not of unit length."""
        embeddings_MKD = [
            chosen(one.network_embeddings(one.loader(block.data, SPLIT)), one.config.retrieval)
            for one in self.predictors
        ]
        if self.ensemble is None:
            return embeddings_MKD[0]
        return concatenated(embeddings_MKD, self.ensemble.learnt)


def load_chosen(folder: SweepFolder, say: Callable[[str], None]) -> Chosen:
    """Load the winner of the report; a missing report is built first.

    Raises:
        UserError: there is no winner, a member's checkpoint is gone or has changed, or the folder leads out
            of itself.
    """
    check_folder(folder)
    winner, new_report = _winner(folder, say)
    say("loading the checkpoints")
    loaded: dict[tuple[str, Size | None], Predictor] = {}
    for member in winner.members:
        weights = member.digest, member.view.image_size
        if weights not in loaded:
            loaded[weights] = _load(folder, member)
    predictors = [loaded[member.digest, member.view.image_size] for member in winner.members]
    return Chosen(winner, predictors, ensemble_of(winner, folder.report), new_report)


def _winner(folder: SweepFolder, say: Callable[[str], None]) -> tuple[Winner, Path | None]:
    winner = read_winner(folder.report)
    if winner is not None:
        return winner, None
    from reports.build.build import (
        build_report,
    )  # imports MLflow, which predicting does without if there is a report

    page = build_report(folder.path, progress=say).page
    winner = read_winner(folder.report)
    if winner is None:
        raise ReportError(f"{folder.path}: no trial has a checkpoint to predict with; {page} says why")
    return winner, page


def _load(folder: SweepFolder, member: Member) -> Predictor:
    checkpoint = Folder.of(folder.path).at(member.checkpoint)
    remedy = f"choose again with: {command_line('reports', folder.path)}"
    if not _is_own(checkpoint, folder):
        raise ReportError(f"{folder.report / FILE}: {checkpoint} is no checkpoint of this sweep; {remedy}")
    if not checkpoint.has(DESCRIPTION):
        raise ReportError(f"{checkpoint}: the checkpoint that the report chose is gone; {remedy}")
    if checkpoint_digest(checkpoint.fetched()) != member.digest:
        raise ReportError(f"{checkpoint}: the checkpoint has changed since the report chose it; {remedy}")
    return load_predictor(checkpoint.fetched(), device(), member.view.image_size)


def _is_own(checkpoint: Folder, folder: SweepFolder) -> bool:
    """Whether it lies in the folder, as means of weights do, or is a trial's of the sweep or joint sweeps."""
    local = checkpoint.local
    if local is not None and local.resolve().is_relative_to(folder.path.resolve()):
        return True
    sweeps = [SweepFolder(path) for path in read_joint_record(folder.path) or [folder.path]]
    return any(belongs(checkpoint, own_trials(sweep, sweep.read_record())) for sweep in sweeps)
