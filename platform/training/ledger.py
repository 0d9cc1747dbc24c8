"""What a trial finds out about each training image: how often it was dropped, its loss, its prediction.

Shapes: M networks, N training images, B samples of a batch.
"""

from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from platform.datasets.data import Data
from platform.methods import SampleOutcome


class SampleLedger:
    """Kept on the networks' device, so that nothing waits for it while an epoch runs.

    True labels, where they are known, are read for the ``noise/…`` metrics and the table alone.
    """

    def __init__(self, data: Data, networks: int, device: torch.device) -> None:
        rows = data.rows("train")
        self._data = data
        self._place = torch.full((len(data.manifest),), -1, dtype=torch.int64)
        self._place[torch.from_numpy(rows)] = torch.arange(len(rows))
        self._place = self._place.to(device)
        self._given_N = torch.from_numpy(data.given("train")).to(device)
        clean_N = data.clean("train") if data.clean_known("train") else None
        self._clean_N = None if clean_N is None else torch.from_numpy(clean_N).to(device)
        shape = (networks, len(rows))
        self._seen_N = torch.zeros(len(rows), dtype=torch.int32, device=device)
        self._loss_MN = torch.zeros(shape, dtype=torch.float64, device=device)
        self._dropped_MN = torch.zeros(shape, dtype=torch.int32, device=device)
        self._prediction_MN = torch.full(shape, -1, dtype=torch.int64, device=device)
        self._drops_MN = torch.zeros(shape, dtype=torch.bool, device=device)
        self._earlier_drops_MN = torch.zeros(shape, dtype=torch.bool, device=device)

    def record(self, rows_B: Tensor, samples: SampleOutcome) -> None:
        """Take in a batch of the manifest rows ``rows_B``, each of them once."""
        place_B = self._place[rows_B]
        dropped_MB = ~samples.selected_MB
        self._seen_N[place_B] += 1
        self._loss_MN[:, place_B] += samples.losses_MB.double()
        self._dropped_MN[:, place_B] += dropped_MB.int()
        self._prediction_MN[:, place_B] = samples.predictions_MB
        self._drops_MN[:, place_B] = dropped_MB

    def end_epoch(self) -> dict[str, float]:
        """Metrics of the epoch that is done, and a fresh page for the next; all are means over the networks.

        - ``train/memorisation``: share of the *given* training labels that were predicted in the epoch
        - ``train/drop_overlap``: |D & E| / |D | E| of the images D dropped in this epoch and E in the one
          before (Jaccard index); absent where neither epoch dropped any
        - ``noise/selection_precision``, ``noise/selection_recall``: of "was selected" as a test for "its given
          label is the true one"
        - ``noise/memorisation``, ``noise/corrected``: shares of the wrongly labelled training images whose
          given, or true, label was predicted

        The latter where all true training labels are known; what would be a division by zero is absent.
        """
        metrics = {"train/memorisation": _mean(self._prediction_MN == self._given_N)}
        union_M = (self._drops_MN | self._earlier_drops_MN).sum(1).double()
        overlap_M = (self._drops_MN & self._earlier_drops_MN).sum(1) / union_M
        if (union_M > 0).any():
            metrics["train/drop_overlap"] = overlap_M[union_M > 0].mean().item()
        if self._clean_N is not None:
            metrics |= self._against_clean(self._clean_N)
        self._earlier_drops_MN = self._drops_MN
        self._drops_MN = torch.zeros_like(self._drops_MN)
        return metrics

    def _against_clean(self, clean_N: Tensor) -> dict[str, float]:
        is_clean_N = clean_N == self._given_N
        selected_MN = ~self._drops_MN
        metrics = {}
        if selected_MN.any():
            metrics["noise/selection_precision"] = _mean(is_clean_N.expand_as(selected_MN)[selected_MN])
        if is_clean_N.any():
            metrics["noise/selection_recall"] = _mean(selected_MN[:, is_clean_N])
        if not is_clean_N.all():
            predicted_MN = self._prediction_MN[:, ~is_clean_N]
            metrics["noise/memorisation"] = _mean(predicted_MN == self._given_N[~is_clean_N])
            metrics["noise/corrected"] = _mean(predicted_MN == clean_N[~is_clean_N])
        return metrics

    def state_dict(self) -> dict[str, Any]:
        """After whole epochs only."""
        return {name: getattr(self, f"_{name}") for name in _STATE}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where another ledger of the same data was."""
        for name in _STATE:
            own: Tensor = getattr(self, f"_{name}")
            own.copy_(state[name])

    def table(self) -> pd.DataFrame:
        """One row a training image, for finding wrong labels.

        Columns: ``path``; ``label`` (given) and ``clean`` (null where not known); ``seen``, the epochs it took
        part in; ``dropped``, the share of them in which the networks left it out; ``mean_loss``, its
        cross-entropy of the given label over epochs and networks, in nats; ``prediction``, what the networks
        predicted in the latest epoch, null where they disagree; and for each of two networks
        ``dropped_network_1`` (epochs), ``mean_loss_network_1`` and ``prediction_network_1``.
        """
        frame = self._data.manifest_frame()
        table = frame.loc[frame["split"] == "train", ["path", "label", "clean"]].reset_index(drop=True)
        seen_N = self._seen_N.cpu().numpy()
        times_N = np.maximum(seen_N, 1)
        dropped_MN, loss_MN = self._dropped_MN.cpu().numpy(), self._loss_MN.cpu().numpy() / times_N
        prediction_MN = self._prediction_MN.cpu().numpy()
        agreed_N = (prediction_MN == prediction_MN[0]).all(axis=0)
        names = np.array([*self._data.classes, None], dtype=object)  # -1, not seen yet, takes the last one
        table["seen"] = seen_N
        table["dropped"] = dropped_MN.mean(axis=0) / times_N
        table["mean_loss"] = np.where(seen_N > 0, loss_MN.mean(axis=0), np.nan)
        table["prediction"] = pd.array(names[np.where(agreed_N, prediction_MN[0], -1)], dtype="string")
        if len(prediction_MN) > 1:
            for number, own_N in enumerate(prediction_MN, start=1):
                table[f"dropped_network_{number}"] = dropped_MN[number - 1]
                table[f"mean_loss_network_{number}"] = np.where(seen_N > 0, loss_MN[number - 1], np.nan)
                table[f"prediction_network_{number}"] = pd.array(names[own_N], dtype="string")
        return table


_STATE = ("seen_N", "loss_MN", "dropped_MN", "prediction_MN", "drops_MN", "earlier_drops_MN")


def _mean(of: Tensor) -> float:
    return of.double().mean().item()
