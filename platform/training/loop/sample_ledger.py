"""Records for each training image how often it was dropped, its loss, its margin and its prediction.

Shapes: M networks, N training images, B samples of a batch, R rows of the manifest.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from platform.datasets.preparation.class_codes import UNKNOWN
from platform.datasets.preparation.data import Data
from platform.methods import SampleOutcome
from platform.training.errors import TrainingCollapsed


class SampleLedger(nn.Module):
    """Accumulates on the networks' device, so that the host does not wait during an epoch.

    It is a module without weights, whose buffers a checkpoint holds: 51 bytes per image for two networks.
    True labels, if known, are read for the ``noise/…`` metrics and the table only.
    """

    place_R: Tensor
    given_N: Tensor
    labelled_N: Tensor
    clean_N: Tensor | None
    times_N: Tensor
    dropped_MN: Tensor
    losses_MN: Tensor
    margins_MN: Tensor
    predictions_MN: Tensor
    times_before_N: Tensor
    dropped_before_MN: Tensor
    last_seen_N: Tensor
    last_drops_MN: Tensor

    def __init__(self, data: Data, networks: int, device: str | torch.device = "cpu") -> None:
        super().__init__()
        self.data = data
        rows = torch.from_numpy(data.rows("train"))
        images = len(rows)
        place_R = torch.full((len(data.manifest),), images)  # out of bounds for the rows of other splits
        place_R[rows] = torch.arange(images)
        clean_N = torch.from_numpy(data.clean("train")) if data.clean_known("train") else None
        given_N = torch.from_numpy(data.given("train"))
        labelled_N = given_N != UNKNOWN
        fixed = {"place_R": place_R, "given_N": given_N, "labelled_N": labelled_N, "clean_N": clean_N}
        kept = {
            "times_N": torch.zeros(images, dtype=torch.int32),
            "dropped_MN": torch.zeros(networks, images, dtype=torch.int32),
            "losses_MN": torch.zeros(networks, images),
            "margins_MN": torch.zeros(networks, images),
            "predictions_MN": torch.full((networks, images), -1, dtype=torch.int32),
            "times_before_N": torch.zeros(images, dtype=torch.int32),
            "dropped_before_MN": torch.zeros(networks, images, dtype=torch.int32),
            "last_seen_N": torch.zeros(images, dtype=torch.bool),
            "last_drops_MN": torch.zeros(networks, images, dtype=torch.bool),
        }
        for name, values in (fixed | kept).items():
            self.register_buffer(name, values, persistent=name in kept)
        self.to(device)

    def record(self, rows_B: Tensor, samples: SampleOutcome) -> None:
        """Add a step's outcome for the training rows ``rows_B`` of the manifest; a row may occur twice."""
        place_B = self.place_R[rows_B]
        self.times_N.index_add_(0, place_B, torch.ones_like(place_B, dtype=torch.int32))
        self.dropped_MN.index_add_(1, place_B, (~samples.selected_MB).int())
        self.losses_MN.index_add_(1, place_B, samples.losses_MB)
        self.margins_MN.index_add_(1, place_B, samples.margins_MB)
        self.predictions_MN[:, place_B] = samples.predictions_MB.int()

    def load_state_dict(self, state_dict: Mapping[str, Any], *arguments: Any, **options: Any) -> Any:
        """Also of a checkpoint from before there were margins: those of its trial stay unknown."""
        unknown = {"margins_MN": torch.full_like(self.margins_MN, torch.nan)}
        return super().load_state_dict({**unknown, **state_dict}, *arguments, **options)

    def end_epoch(self) -> dict[str, float]:
        """Return the metrics of the epoch, and begin the next.

        Each is a share of the training images seen in the epoch, averaged over the networks for which it is
        defined, and absent if it is defined for none (0/0). Predictions are those of training: for the
        augmented image, before the update. A network drops an image if none of its occurrences in the epoch
        took part in the network's update; else it selects it.

        - ``train/memorisation``: images whose *given* label is predicted, among those that have one
        - ``train/drop_overlap``: |D & E| / |D | E| of the images dropped in this epoch, D, and in the one
          before, E (Jaccard index), among those seen in both; so never there in the first epoch
        - ``train/prediction_entropy``: -Σ_c h_c · log h_c / log C, in [0, 1], where h_c is the share of
          images predicted as class c; the smallest over the networks, as a single one may collapse; 0 if one
          predicts the same class for all

        If the true label of every labelled training image is known, and over these images only:

        - ``noise/selection_precision``: among the selected images, those whose given label is the true one
        - ``noise/selection_recall``: among the images whose given label is the true one, the selected ones
        - ``noise/memorisation``, ``noise/corrected``: among the wrongly labelled images, those whose given
          label is predicted, and those whose true label is
        """
        times_N = self.times_N - self.times_before_N
        seen_N = times_N > 0
        drops_MN = seen_N & (self.dropped_MN - self.dropped_before_MN == times_N)
        fits_MN = self.predictions_MN == self.given_N
        both_N = seen_N & self.last_seen_N
        parts = {
            "train/memorisation": (fits_MN, (seen_N & self.labelled_N).expand_as(fits_MN)),
            "train/drop_overlap": (drops_MN & self.last_drops_MN, both_N & (drops_MN | self.last_drops_MN)),
        }
        if self.clean_N is not None:
            parts |= self._against_clean(self.clean_N, seen_N, drops_MN)
        entropy = self._prediction_entropy(seen_N)
        self.times_before_N.copy_(self.times_N)
        self.dropped_before_MN.copy_(self.dropped_MN)
        self.last_seen_N.copy_(seen_N)
        self.last_drops_MN.copy_(drops_MN)
        return _mean_shares(parts) | entropy

    def _prediction_entropy(self, seen_N: Tensor) -> dict[str, float]:
        if not seen_N.any():
            return {}
        counts_MC = torch.stack(
            [own_N[seen_N].bincount(minlength=len(self.data.classes)) for own_N in self.predictions_MN]
        )
        share_MC = counts_MC / counts_MC.sum(1, keepdim=True)
        entropy_M = -torch.special.xlogy(share_MC, share_MC).sum(1) / math.log(len(self.data.classes))
        return {"train/prediction_entropy": entropy_M.min().item()}

    def _against_clean(
        self, clean_N: Tensor, seen_N: Tensor, drops_MN: Tensor
    ) -> dict[str, tuple[Tensor, Tensor]]:
        is_clean_N = self.given_N == clean_N
        seen_N = seen_N & self.labelled_N
        selected_MN = seen_N & ~drops_MN
        clean_MN = (seen_N & is_clean_N).expand_as(drops_MN)
        wrong_MN = (seen_N & ~is_clean_N).expand_as(drops_MN)
        return {
            "noise/selection_precision": (is_clean_N, selected_MN),
            "noise/selection_recall": (selected_MN, clean_MN),
            "noise/memorisation": (self.predictions_MN == self.given_N, wrong_MN),
            "noise/corrected": (self.predictions_MN == clean_N, wrong_MN),
        }

    def table(self) -> pd.DataFrame:
        """One row per training image, in the manifest's order, for finding wrong labels.

        Columns: ``path``; ``label`` (given, null for none); ``clean`` (null if unknown); ``seen``, the number
        of times it was shown to the networks (once an epoch); ``dropped``, the share of these times that a
        network left it out, averaged over the networks; ``mean_loss``, the mean cross-entropy of the given
        label in nats (of a mixed image: of its own label); ``mean_margin``, the mean of the given label's
        logit minus the highest of the others (low where the label is wrong; null in a trial that an older
        version began); ``prediction``, the last one, null if the networks differ. With several networks, each
        has ``dropped_network_1`` (times), ``mean_loss_network_1``, ``mean_margin_network_1`` and
        ``prediction_network_1``. Images that were never seen have nulls, images without a label neither loss
        nor margin.
        """
        frame = self.data.manifest_frame()
        table = frame.loc[frame["split"] == "train", ["path", "label", "clean"]].reset_index(drop=True)
        names = np.array([*self.data.classes, None], dtype=object)  # -1, never seen, takes the last one
        times_N, dropped_MN = self.times_N.cpu().numpy(), self.dropped_MN.cpu().numpy()
        times_or_nan_N = np.where(times_N > 0, times_N, np.nan)
        means = [self.losses_MN.double().cpu().numpy(), self.margins_MN.double().cpu().numpy()]
        mean_losses_MN, mean_margins_MN = (sums_MN / times_or_nan_N for sums_MN in means)
        for own_MN in (mean_losses_MN, mean_margins_MN):
            own_MN[:, ~self.labelled_N.cpu().numpy()] = np.nan
        predictions_MN = self.predictions_MN.cpu().numpy()
        is_agreed_N = (predictions_MN == predictions_MN[0]).all(axis=0)
        table["seen"] = times_N
        table["dropped"] = dropped_MN.mean(axis=0) / times_or_nan_N
        table["mean_loss"] = mean_losses_MN.mean(axis=0)
        table["mean_margin"] = mean_margins_MN.mean(axis=0)
        table["prediction"] = pd.array(names[np.where(is_agreed_N, predictions_MN[0], -1)], dtype="string")
        if len(predictions_MN) > 1:
            for number, own_N in enumerate(predictions_MN, start=1):
                table[f"dropped_network_{number}"] = dropped_MN[number - 1]
                table[f"mean_loss_network_{number}"] = mean_losses_MN[number - 1]
                table[f"mean_margin_network_{number}"] = mean_margins_MN[number - 1]
                table[f"prediction_network_{number}"] = pd.array(names[own_N], dtype="string")
        return table


def refuse_collapse(epochs: Sequence[Mapping[str, float]], least: float) -> None:
    """Raise :class:`TrainingCollapsed` if the predictions of the last two epochs both have less entropy.

    A single epoch with less is allowed, as it happens early in training.
    """
    entropies = [metrics["train/prediction_entropy"] for metrics in epochs[-2:]]
    if len(entropies) == 2 and max(entropies) < least:
        raise TrainingCollapsed(
            f"train/prediction_entropy is {entropies[1]:.3g}, below min_prediction_entropy ({least:g}): "
            f"the networks predict nearly one class for all images"
        )


def _mean_shares(parts: dict[str, tuple[Tensor, Tensor]]) -> dict[str, float]:
    """|part & whole| / |whole| by name, averaged over the networks whose whole is not empty; else absent."""
    counts_K2M = torch.stack([torch.stack([(p & w).sum(1), w.sum(1)]) for p, w in parts.values()])
    metrics = {}
    for name, (of_parts, of_wholes) in zip(parts, counts_K2M.tolist(), strict=True):
        shares = [part / whole for part, whole in zip(of_parts, of_wholes, strict=True) if whole]
        if shares:
            metrics[name] = sum(shares) / len(shares)
    return metrics
