"""The mean of the members' logits minus offsets of the classes: post-hoc logit adjustment for a long tail."""

import numpy as np
import numpy.typing as npt

from reports.ensembles.rules import Logits, Probabilities, probabilities_of


def combine(logits_MNC: Logits, offsets_C: npt.NDArray[np.float64] | None = None) -> Probabilities:
    """Probabilities [N, C]: softmax_c(mean_m z_mc - o_c) of logits z; without offsets o it is the mean logit.

    Menon et al., Long-Tail Learning via Logit Adjustment, ICLR 2021 (arXiv 2007.07314), equation 9, with
    o_c = τ · log π_c (:mod:`reports.ensembles.logit_adjustment`).
    """
    mean_NC = logits_MNC.mean(axis=0, dtype="float64")
    if offsets_C is not None:
        mean_NC = mean_NC - offsets_C
    adjusted_NC: Probabilities = probabilities_of(mean_NC).astype(np.float32)
    return adjusted_NC
