"""Temperature scaling: one number that calibrates a prediction.

Shapes: N samples, C classes.
"""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from reports.ensembles.rules import Labels, Logits

COLDEST, HOTTEST = 0.05, 20.0
SAMPLES = 20_000


def temperature(logits_NC: Logits, labels_N: Labels) -> float:
    """T > 0 that minimises the mean of -log softmax(z / T)_y, between 0.05 and 20.

    T is above 1 if the prediction is over-confident; the predicted class does not change. More than 20,000
    samples are thinned out evenly: one number needs no more. Guo et al., On Calibration of Modern Neural
    Networks, ICML 2017 (arXiv 1706.04599), section 4.2.
    """
    step = max(1, len(labels_N) // SAMPLES)
    scores_NC, labels = logits_NC[::step].astype(np.float64), labels_N[::step]
    places = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        logarithms_NC = log_softmax(scores_NC / np.exp(log_temperature), axis=1)
        return -float(logarithms_NC[places, labels].mean())

    found = minimize_scalar(loss, bounds=(np.log(COLDEST), np.log(HOTTEST)), method="bounded")
    return float(np.exp(found.x))
