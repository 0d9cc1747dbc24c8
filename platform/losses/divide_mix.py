"""DivideMix: which labels are clean by the losses' two clusters, and targets for all images.

Shapes: B samples of a batch, N training images, C classes.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

EM_STEPS = 10
TOLERANCE = 1e-2
LEAST_VARIANCE = 5e-4
"""The authors' settings of the mixture's fit."""


def clean_probabilities(losses_N: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """[N]: the posterior of the component with the smaller mean, of two normal ones fitted to the losses.

    The losses are scaled to [0, 1] first. 1 for all where they are equal or fewer than two, which leaves the
    authors' code with NaN. Li et al., DivideMix: Learning with Noisy Labels as Semi-supervised Learning,
    ICLR 2020 (arXiv 2002.07394), section 3.1.
    """
    from sklearn.mixture import GaussianMixture

    losses_N = losses_N.astype(np.float64)
    if len(losses_N) < 2 or np.ptp(losses_N) == 0:
        return np.ones(len(losses_N))
    scaled_N1 = ((losses_N - losses_N.min()) / np.ptp(losses_N))[:, None]
    mixture = GaussianMixture(2, max_iter=EM_STEPS, tol=TOLERANCE, reg_covar=LEAST_VARIANCE, random_state=0)
    mixture.fit(scaled_N1)
    found_N: npt.NDArray[np.float64] = mixture.predict_proba(scaled_N1)[:, mixture.means_.argmin()]
    return found_N


def sharpen(probabilities_BC: Tensor, *, temperature: float) -> Tensor:
    """[B, C], rows of sum 1: p^(1 / T) / Σ p^(1 / T); below 1, T draws a row to its highest class."""
    log_BC = probabilities_BC.clamp(min=torch.finfo(probabilities_BC.dtype).tiny).log()
    return (log_BC / temperature).softmax(1)


def refined_targets(labels_B: Tensor, clean_B: Tensor, predicted_BC: Tensor, *, temperature: float) -> Tensor:
    """Co-refinement: the sharpened w · onehot(y) + (1 - w) · mean prediction, where w = ``clean_B``.

    ``predicted_BC``: the network's mean probabilities over the augmentations. Algorithm 1, line 16.
    """
    given_BC = torch.zeros_like(predicted_BC).scatter(1, labels_B[:, None], clean_B[:, None])
    return sharpen(given_BC + (1 - clean_B[:, None]) * predicted_BC, temperature=temperature)


def squared_error(logits_BC: Tensor, targets_BC: Tensor) -> Tensor:
    """Per-sample loss [B] of an unlabelled image: the mean over classes of (p_c - t_c)²."""
    return (logits_BC.softmax(1) - targets_BC).square().mean(1)


def unlabelled_weight(epoch: float, *, warmup_epochs: int, ramp_epochs: int, weight: float) -> float:
    """λ_u of an epoch (from 0): rises in a line from the end of the warm-up, over ``ramp_epochs``."""
    if ramp_epochs == 0:
        return weight
    return weight * min(max((epoch - warmup_epochs) / ramp_epochs, 0.0), 1.0)
