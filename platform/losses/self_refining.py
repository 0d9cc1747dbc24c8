"""CORE's first phase: a network learns its own predictions besides the given labels.

Shapes: B samples, C classes.
"""

from typing import Literal

from torch import Tensor

WeightRule = Literal["1/(1+L)", "L/(1+L)"]


def self_refining(logits_BC: Tensor, labels_B: Tensor, *, weight: float) -> Tensor:
    """Per-sample loss [B] in nats: -(1 - w) · log p_y - w · max_c log p_c; p = softmax(logits).

    ``weight`` is w in [0, 1]. The choice of the class with the highest p has no gradient; its log p has.

    Ye et al., Collaborative Refining for Person Re-Identification with Label Noise, IEEE TIP 2021, SELF.
    """
    if not 0 <= weight <= 1:
        raise ValueError(f"weight must be in [0, 1], got {weight}")
    log_p_BC = logits_BC.log_softmax(1)
    of_label_B = log_p_BC.gather(1, labels_B[:, None]).squeeze(1)
    return -(1 - weight) * of_label_B - weight * log_p_BC.amax(1)


def refining_weight(mean_loss: float, rule: WeightRule) -> float:
    """The weight w of an epoch, from the mean loss L >= 0 of the epoch before.

    ``1/(1+L)``: the better the network fits the labels, the more weight its own prediction has. ``L/(1+L)``:
    the opposite. The paper's text and its published code differ in this.
    """
    if mean_loss < 0:
        raise ValueError(f"mean_loss must be >= 0, got {mean_loss}")
    return 1 / (1 + mean_loss) if rule == "1/(1+L)" else mean_loss / (1 + mean_loss)
