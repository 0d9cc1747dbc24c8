"""How much better a sweep classifies the test images that have a copy in its training set."""

import numpy as np
import pandas as pd

from platform.config.errors import UserError
from platform.datasets.audit.copies.leak_accuracy import LeakAccuracy, leak_accuracy
from platform.datasets.audit.folder import AuditFolder
from platform.datasets.preparation.prepare import prepare
from platform.training.checkpoints.loading import load_predictor
from reports.audit.evidence import finalists
from reports.evaluation.checkpoints import device
from reports.sweeps.inputs import Inputs


def accuracy_on_leaks(folder: AuditFolder, inputs: Inputs) -> LeakAccuracy | None:
    """Predict the test images with the sweep's best checkpoint, and compare leaked ones with the others.

    None if no test image of the audit is a leak, or the data have no classes to predict in test. Raises
    UserError if the data have changed since the sweep.
    """
    images, issues = folder.images(["path", "split"]), folder.issues()
    leaked = issues["path"][issues["kind"] == "leak"]
    if not images["path"][images["split"] == "test"].isin(leaked).any():
        return None
    data = prepare(inputs.data_config, inputs.image_size)
    if data.digest != inputs.identity.data_digest:
        raise UserError(
            f"{inputs.folder.path}: {inputs.data_config.source} has changed since the sweep learnt it"
        )
    if data.is_retrieval or not len(data.rows("test")):
        return None
    predictor = load_predictor(finalists(inputs)[0].fetched(), device())
    predicted_N = predictor.probabilities(predictor.loader(data, "test")).argmax(axis=1)
    predictions = pd.DataFrame(
        {
            "path": data.manifest["path"].to_numpy()[data.rows("test")],
            "correct": np.asarray(predicted_N == data.evaluation_labels("test")),
        }
    )
    return leak_accuracy(issues, images, predictions)
