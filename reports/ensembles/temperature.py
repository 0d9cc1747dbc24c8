"""Temperature scaling: one number that calibrates a prediction.

Shapes: N samples, C classes.
"""

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from reports.ensembles.rules import Labels, Logits

COLDEST, HOTTEST = 0.05, 20.0
SAMPLES = 20_000
TINY = 1e-300


def temperature(
    logits_NC: Logits, labels_N: Labels, transition_CC: npt.NDArray[np.float64] | None = None
) -> float:
    """T > 0 that minimises the mean of -log softmax(z / T)_y, between 0.05 and 20.

    T is above 1 if the prediction is over-confident; the predicted class does not change. More than 20,000
    samples are thinned out evenly: one number needs no more. Guo et al., On Calibration of Modern Neural
    Networks, ICML 2017 (arXiv 1706.04599), section 4.2.

    Labels of which a share is wrong make every confident prediction look over-confident. With
    ``transition_CC``, the probability of each given label (column) for each true one (row), it is
    -log Σ_i softmax(z / T)_i P(y | i) that is minimised: the given labels are explained by the noise as well.
    """
    step = max(1, len(labels_N) // SAMPLES)
    scores_NC, labels = logits_NC[::step].astype(np.float64), labels_N[::step]
    places = np.arange(len(labels))

    explained_NC = None if transition_CC is None else transition_CC[:, labels].T

    def loss(log_temperature: float) -> float:
        logarithms_NC = log_softmax(scores_NC / np.exp(log_temperature), axis=1)
        if explained_NC is not None:
            return -float(np.log((np.exp(logarithms_NC) * explained_NC).sum(1) + TINY).mean())
        return -float(logarithms_NC[places, labels].mean())

    found = minimize_scalar(loss, bounds=(np.log(COLDEST), np.log(HOTTEST)), method="bounded")
    return float(np.exp(found.x))
