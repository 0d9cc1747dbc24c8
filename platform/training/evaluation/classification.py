"""Metrics of classification, computed from predicted probabilities.

Shapes: M networks, N samples, C classes.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from platform.datasets.preparation.data import Data

Probabilities = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

CALIBRATION_BINS = 15


def classification_metrics(
    probabilities_NC: Probabilities, labels_N: Labels, classes: Sequence[str]
) -> dict[str, float]:
    """Compute accuracy, macro_accuracy, loss and ece.

    - accuracy: share of samples whose most probable class is their label, in [0, 1]
    - macro_accuracy: mean of the classes' accuracies, over the classes that occur in ``labels_N``
    - loss: mean of -log p_y in nats; a p_y that is 0 in float32 counts as the smallest float
    - ece: :func:`expected_calibration_error`

    Raises ValueError if shapes do not match, there is no sample, a label is not one of the classes, or a
    probability is not finite.
    """
    _check(probabilities_NC, labels_N, classes)
    probabilities = torch.tensor(probabilities_NC)
    labels = torch.tensor(labels_N)
    is_right_N = (probabilities.argmax(1) == labels).double()
    of_label_N = probabilities.gather(1, labels[:, None]).squeeze(1)
    tiny = torch.finfo(torch.float32).tiny
    return {
        "accuracy": is_right_N.mean().item(),
        "macro_accuracy": _mean_over_classes(is_right_N, labels, len(classes)),
        "loss": -of_label_N.clamp(min=tiny).double().log().mean().item(),
        "ece": expected_calibration_error(probabilities.amax(1), is_right_N),
    }


def expected_calibration_error(
    confidence_N: Tensor, is_right_N: Tensor, bins: int = CALIBRATION_BINS
) -> float:
    """Σ_b |Σ_{i in b} confidence_i - Σ_{i in b} is_right_i| / N, over ``bins`` bins of equal width.

    Bin b holds confidences from b / bins up to, but without, (b + 1) / bins; the last one those of 1 too.
    Guo et al., On Calibration of Modern Neural Networks, ICML 2017 (arXiv 1706.04599), equation 3.
    """
    bin_N = (confidence_N * bins).long().clamp(0, bins - 1)
    gaps_B = bin_N.bincount(weights=confidence_N.double() - is_right_N.double(), minlength=bins)
    return gaps_B.abs().sum().item() / len(confidence_N)


def validation_metrics(
    probabilities_MNC: Probabilities,
    data: Data,
    others_MNC: Probabilities | None = None,
    others_name: str = "raw",
) -> dict[str, float]:
    """Compute ``val/…`` from the networks' mean probabilities, and each network's accuracy.

    The labels are the given ones, or the clean ones if ``data.val_label`` says so. If the other kind is known
    and differs, the accuracy on it is there, too. Besides :func:`classification_metrics`:

    - many_shot, medium_shot, few_shot: :func:`shot_accuracies` by the given training labels
    - disagreement: share of samples on which the networks predict different classes, if there are
      several; 0 if they have become one
    - ``raw_accuracy`` and the like: :func:`classification_metrics` of ``others_MNC``, the same networks with
      other weights (averaged or not), with the prefix ``others_name``
    """
    mean_NC = probabilities_MNC.mean(0)
    labels_N = data.evaluation_labels("val")
    metrics = classification_metrics(mean_NC, labels_N, data.classes)
    metrics |= shot_accuracies(mean_NC, labels_N, data.class_counts().numpy(), data.shots)
    if len(probabilities_MNC) > 1:
        for number, own_NC in enumerate(probabilities_MNC, start=1):
            metrics[f"accuracy_network_{number}"] = accuracy(own_NC, labels_N)
        predictions_MN = probabilities_MNC.argmax(2)
        metrics["disagreement"] = float((predictions_MN != predictions_MN[0]).any(axis=0).mean())
    for name, labels in _other_labels(data).items():
        if not np.array_equal(labels_N, labels):
            metrics[f"{name}_accuracy"] = accuracy(mean_NC, labels)
    if others_MNC is not None:
        others = classification_metrics(others_MNC.mean(0), labels_N, data.classes)
        metrics |= {f"{others_name}_{name}": value for name, value in others.items()}
    return {f"val/{name}": value for name, value in metrics.items()}


def shot_accuracies(
    probabilities_NC: Probabilities, labels_N: Labels, class_counts_C: Labels, shots: tuple[int, int]
) -> dict[str, float]:
    """Accuracies of the classes with many, some and few training images: many_shot, medium_shot, few_shot.

    ``shots`` (many, few): many-shot classes have more than ``many`` training images, few-shot ones fewer
    than ``few``, medium-shot ones anything between, both ends included. Each is the mean of its classes'
    accuracies, over the classes that occur in ``labels_N``; absent where none does.

    Liu et al., Large-Scale Long-Tailed Recognition in an Open World, CVPR 2019 (arXiv 1904.05160), with
    (100, 20); differs from the authors' code, where a group without classes has an accuracy of 0.
    """
    is_right_N = torch.from_numpy(probabilities_NC.argmax(1) == labels_N).double()
    found = {}
    for name, is_in_C in shot_groups(class_counts_C, shots).items():
        of_group_N = is_in_C[labels_N]
        if of_group_N.any():
            labels = torch.from_numpy(labels_N[of_group_N])
            found[name] = _mean_over_classes(is_right_N[of_group_N], labels, len(is_in_C))
    return found


def shot_groups(class_counts_C: Labels, shots: tuple[int, int]) -> dict[str, npt.NDArray[np.bool_]]:
    """Tell for each class whether it is a many-shot, medium-shot or few-shot class."""
    many, few = shots
    return {
        "many_shot": class_counts_C > many,
        "medium_shot": (class_counts_C >= few) & (class_counts_C <= many),
        "few_shot": class_counts_C < few,
    }


def accuracy(probabilities_NC: Probabilities, labels_N: Labels) -> float:
    """Share of the samples whose most probable class is their label, in [0, 1]."""
    return float((probabilities_NC.argmax(1) == labels_N).mean())


def _other_labels(data: Data) -> dict[str, Labels]:
    if data.val_label == "clean":
        return {"given": data.given("val")}
    return {"clean": data.clean("val")} if data.clean_known("val") else {}


def _mean_over_classes(values_N: Tensor, labels_N: Tensor, classes: int) -> float:
    counts_C = labels_N.bincount(minlength=classes)
    sums_C = labels_N.bincount(weights=values_N, minlength=classes)
    occurs_C = counts_C > 0
    return (sums_C[occurs_C] / counts_C[occurs_C]).mean().item()


def _check(probabilities_NC: Probabilities, labels_N: Labels, classes: Sequence[str]) -> None:
    expected = (len(labels_N), len(classes))
    if probabilities_NC.shape != expected or len(labels_N) == 0:
        raise ValueError(
            f"probabilities must be [samples, classes] = {expected}, got {probabilities_NC.shape}"
        )
    if labels_N.min() < 0 or labels_N.max() >= len(classes):
        raise ValueError(f"labels must be 0 to {len(classes) - 1}, got {labels_N.min()} to {labels_N.max()}")
    if not np.isfinite(probabilities_NC).all():
        raise ValueError("probabilities must be finite, got NaN or infinity")
