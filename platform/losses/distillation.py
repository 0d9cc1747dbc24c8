"""Distillation losses of a student and a teacher. Shapes: B samples, C classes, D dimensions."""

import torch.nn.functional as F
from torch import Tensor

from platform.losses.cross_entropy import cross_entropy


def soft_cross_entropy(student_BC: Tensor, teacher_BC: Tensor, *, temperature: float) -> Tensor:
    """Per-sample loss [B] in nats: -Σ_c softmax(teacher / T)_c · log softmax(student / T)_c; no factor T².

    The teacher's logits get no gradient. Zhang et al., Contrastive Deep Supervision, ECCV 2022 (arXiv
    2207.05306), after Hinton et al. (arXiv 1503.02531), who multiply by T²; here the term's weight does.
    """
    if temperature <= 0:
        raise ValueError(f"temperature must be > 0, got {temperature}")
    return cross_entropy(student_BC / temperature, (teacher_BC.detach() / temperature).softmax(1))


def feature_distance(student_BD: Tensor, teacher_BD: Tensor) -> Tensor:
    """Per-sample mean squared difference [B] of features; the teacher's get no gradient."""
    return F.mse_loss(student_BD, teacher_BD.detach(), reduction="none").mean(1)
