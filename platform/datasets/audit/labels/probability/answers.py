"""What a person said of images calibrates the probabilities. A: answers, N: images."""

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from platform.datasets.audit.answers import latest, read_answers

Floats = npt.NDArray[np.float64]

ENOUGH: Final = 50
IS_WRONG: Final = {"right": False, "wrong": True, "off_topic": True}
"""What an answer says of the label; ``unsure`` says nothing."""
_STEPS: Final = 50
_TRUST: Final = 50.0
_TRUST_IN_SHIFT: Final = 0.2


def said_of_labels(file: Path) -> dict[str, bool]:
    """By path, whether a person found the label wrong; empty where there is no file of answers."""
    said = {path: one.answer for path, one in latest(read_answers(file)).items()}
    return {path: IS_WRONG[answer] for path, answer in said.items() if answer in IS_WRONG}


def recalibrated(
    p_wrong_N: Floats, asked_A: npt.NDArray[np.int64], is_wrong_A: npt.NDArray[np.bool_]
) -> Floats:
    """Platt scaling: log odds · slope + shift, fitted to the answers and drawn towards slope 1, shift 0.

    The answers may be of the most suspect images only: given the probability, who was asked says no more.
    """
    x_A = _log_odds(p_wrong_N[asked_A])
    beta = np.array([1.0, 0.0])
    design = np.stack([x_A, np.ones(len(x_A))], axis=1)
    ridge = np.diag([_TRUST, _TRUST_IN_SHIFT])
    for _ in range(_STEPS):
        p_A = 1 / (1 + np.exp(-design @ beta))
        gradient = design.T @ (is_wrong_A - p_A) - ridge @ (beta - [1.0, 0.0])
        curvature = (design * (p_A * (1 - p_A))[:, None]).T @ design + ridge
        step = np.linalg.solve(curvature, gradient)
        beta = beta + np.clip(step, -1, 1)
        beta[0] = max(beta[0], 0.05)  # the order stays
    return np.asarray(1 / (1 + np.exp(-(_log_odds(p_wrong_N) * beta[0] + beta[1]))))


def _log_odds(p: Floats) -> Floats:
    clipped = np.clip(p, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(clipped / (1 - clipped)))
