"""Which record of a training finds wrong labels best: a part of ``label_errors``.

Digits with labels made wrong, by chance or by resemblance, are learnt by cross-entropy and by Peer-learning.
Training images are sorted by each column of ``samples.parquet``, the most suspect first.
"""

import statistics
from typing import Any

import numpy as np
import pandas as pd
from rich.table import Table
from sklearn.metrics import average_precision_score

from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.prepare import prepare
from platform.training.loop.trainer import Trainer
from platform.training.trial.trial_config import TrialConfig

from .figures import check_possible

NOISES: dict[str, dict[str, Any]] = {
    "by chance 40 %": {"kind": "symmetric", "rate": 0.4},
    "look-alikes 30 %": {"kind": "patterned", "rate": 0.3},
}
METHODS: dict[str, dict[str, Any]] = {
    "cross_entropy": {"name": "cross_entropy"},
    "peer": {"name": "peer", "drop_rate": 0.35, "ramp_epochs": 4},
}
SCORES = {"mean loss": ("mean_loss", 1), "mean margin": ("mean_margin", -1)}
"""Name → column of the records, and the sign with which larger is more suspect."""
EPOCHS, SMALLEST_EPOCHS = 15, 1


def records(noise: dict[str, Any], method: dict[str, Any], seed: int, epochs: int) -> pd.DataFrame:
    """The ledger's table after a training of ``epochs``."""
    section = {"source": "digits", "test_share": 0.2, "val_share": 0.2, "noise": noise, "seed": seed}
    config = TrialConfig.model_validate(
        {
            "seed": seed,
            "epochs": epochs,
            "batch_size": 32,
            "image_size": 16,
            "augment": {"crop": "padded", "padding": 2, "horizontal_flip": 0.0},
            "model": {"backbone": "test_resnet"},
            "method": method,
            "optim": {"lr": 0.1, "weight_decay": 5e-4},
        }
    )
    trainer = Trainer(config, prepare(DataConfig.model_validate(section), 16), threads=1)
    for _ in range(epochs):
        trainer.train_epoch()
    return trainer.ledger.table()


def measured(table: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """By score: average precision, and false-negative rate at a budget of as many as are wrong."""
    wrong = (table["label"] != table["clean"]).to_numpy()
    found = {}
    for name, (column, sign) in SCORES.items():
        suspicion = sign * table[column].to_numpy()
        listed = np.argsort(-suspicion, kind="stable")[: wrong.sum()]
        found[name] = float(average_precision_score(wrong, suspicion)), float(1 - wrong[listed].mean())
    return found


def compared(seeds: int, epochs: int) -> Table:
    """Average precision, share of wrong labels missed at a budget of as many, gain on the mean loss."""
    table = Table("labels", "method", "sorted by", "AP", "missed", "AP gained", box=None)
    reference = next(iter(SCORES))
    for noise in NOISES:
        for method in METHODS:
            each = [measured(records(NOISES[noise], METHODS[method], seed, epochs)) for seed in range(seeds)]
            for score in SCORES:
                precision = [one[score][0] for one in each]
                missed = [one[score][1] for one in each]
                gained = [one[score][0] - one[reference][0] for one in each]
                check_possible({f"precision {noise} {method} {score}": statistics.mean(precision)})
                spread = f" ± {statistics.stdev(gained):.4f}" if len(gained) > 1 else ""
                difference = "" if score == reference else f"{statistics.mean(gained):+.4f}{spread}"
                row = [f"{statistics.mean(precision):.4f}", f"{statistics.mean(missed):.1%}", difference]
                table.add_row(noise, method, score, *row)
    return table
