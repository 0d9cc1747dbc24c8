"""One worker of a trial of every method, as a process of its own (test_world_size.py).

Methods that learn from images without a label train another time where most have none; one learns
another time from weighted images.

Writes the losses of every step and the weights after three epochs as one .pt file, a worker's own.
"""

from dataclasses import replace

import numpy as np
import torch
import torch.distributed as distributed

from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.prepare import prepare
from platform.methods import SECTIONS, method_names
from platform.training.loop.trainer import Trainer
from platform.training.loop.workers import Workers
from platform.training.trial.trial_config import TrialConfig

TRIAL = {
    "epochs": 6,
    "batch_size": 22,  # no multiple of 4, and the last batch of an epoch is smaller than the others
    "image_size": 16,
    "model": {"backbone": "test_convnext"},  # no batch norm, whose statistics are a worker's own on a CPU
    "optim": {"name": "sgd", "lr": 0.02, "clip_norm": 5.0},
    "ema": {"decay": 0.9},
}


def some_digits():
    data = prepare(DataConfig.model_validate({"noise": {"kind": "symmetric", "rate": 0.3}}), 8)
    few = np.sort(np.concatenate([data.rows("train")[:69], data.rows("val")[:21]]))
    return replace(
        data, manifest=data.manifest.iloc[few].reset_index(drop=True), images=data.images.take(few)
    )


def mostly_unlabelled(data):
    """Every fourth training image keeps its label."""
    manifest = data.manifest
    is_gone = (manifest["split"] == "train") & (np.arange(len(manifest)) % 4 > 0)
    return replace(data, manifest=manifest.assign(label=manifest["label"].mask(is_gone, -1)))


def weighted(data):
    """Weights from 0 to 2, another for each image."""
    return replace(data, manifest=data.manifest.assign(weight=np.linspace(0, 2, len(data.manifest))))


def phases_of_an_epoch(method):
    """The method's defaults, with spans of one epoch, so that three epochs cover all of its phases."""
    spans = [field for field in SECTIONS[method].model_fields if field.endswith("_epochs")]
    return {"name": method} | dict.fromkeys(spans, 1)


VARIANTS = {
    "cross_entropy, deferred ldam": {
        "model": TRIAL["model"] | {"cosine_scale": 16.0},
        "method": {
            "name": "cross_entropy",
            "loss": {"name": "ldam", "weights": "inverse", "deferred_from": 1},
        },
    },
    "cross_entropy, progressive": {
        "method": {"name": "cross_entropy"},
        "sampler": "progressive",
    },
}
"""Trials with settings of their own, by what they are called."""


def train(method, data, workers, settings=None):
    config = TrialConfig.model_validate(
        TRIAL | ({"method": phases_of_an_epoch(method)} if settings is None else settings)
    )
    trainer = Trainer(config, data, threads=1, workers=workers)
    losses, step = [], trainer.train_step

    def recorded(batches, *, first=0):
        outputs = step(batches, first=first)
        losses.extend(torch.stack(output.losses).detach() for output in outputs)
        return outputs

    trainer.train_step = recorded
    metrics = [trainer.train_epoch() for _ in range(3)]
    timeless = [{k: v for k, v in each.items() if not k.startswith("time/")} for each in metrics]
    state = trainer.state_dict()
    return {
        "losses": torch.stack(losses),
        "weights": [*state["networks"], *state["averages"], *state["companions"], state["tables"]],
        "ledger": state["ledger"],
        "metrics": timeless,
    }


def train_all(rank, size, meeting, result):
    """Worker ``rank`` of ``size``, which meet by the file ``meeting``; what it found goes to ``result``."""
    if size > 1:
        distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=size)
    workers, data = Workers.of_process_group(), some_digits()
    found = {method: train(method, data, workers) for method in method_names()}
    for method, section in SECTIONS.items():
        if section.takes_unlabelled:
            found[f"{method}, unlabelled"] = train(method, mostly_unlabelled(data), workers)
    found["peer, weighted"] = train("peer", weighted(data), workers)
    for name, settings in VARIANTS.items():
        found[name] = train("cross_entropy", data, workers, settings)
    torch.save(found, result)
    if size > 1:
        distributed.destroy_process_group()
