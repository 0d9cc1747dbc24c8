"""CORE's first phase: a network that comes to believe itself as much as the given labels.

Shapes: B samples, C classes.
"""

from typing import Literal

from torch import Tensor

WeightRule = Literal["1/(1+L)", "L/(1+L)"]


def self_refining(logits_BC: Tensor, labels_B: Tensor, *, weight: float) -> Tensor:
    """Per-sample loss [B] in nats: -(1 - w) · log p_y - w · max_c log p_c; p = softmax(logits).

    ``weight`` is w in [0, 1]. The class with the highest p counts as a constant, its log p does not.

    Ye et al., Collaborative Refining for Person Re-Identification with Label Noise, IEEE TIP 2021, SELF.
    """
    if not 0 <= weight <= 1:
        raise ValueError(f"weight must be in [0, 1], got {weight}")
    log_p_BC = logits_BC.log_softmax(1)
    of_label_B = log_p_BC.gather(1, labels_B[:, None]).squeeze(1)
    return -(1 - weight) * of_label_B - weight * log_p_BC.amax(1)


def refining_weight(mean_loss: float, rule: WeightRule) -> float:
    """The weight w of an epoch from the mean loss L >= 0 of the one before.

    ``1/(1+L)``: the better the labels are fitted, the more the network believes itself. ``L/(1+L)``: the
    other way round. The paper's text and its published code differ in which it is.
    """
    if mean_loss < 0:
        raise ValueError(f"mean_loss must be >= 0, got {mean_loss}")
    return 1 / (1 + mean_loss) if rule == "1/(1+L)" else mean_loss / (1 + mean_loss)
