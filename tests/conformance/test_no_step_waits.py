"""No step of a method, and no loss, makes the host wait for a GPU."""

import pkgutil
from contextlib import suppress
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException

from platform import losses
from platform.datasets.batches.loader import Batch
from platform.losses import long_tail
from platform.losses.balanced_softmax import balanced_softmax
from platform.losses.class_thresholds import confidence_weights
from platform.losses.co_refining import co_refining, prior_divergence
from platform.losses.contrastive import simclr, supcon
from platform.losses.cross_entropy import cross_entropy
from platform.losses.distillation import feature_distance, soft_cross_entropy
from platform.losses.divide_mix import refined_targets, squared_error
from platform.losses.early_learning import early_learning, running_targets
from platform.losses.generalised_cross_entropy import generalised_cross_entropy
from platform.losses.joint_agreement import joint_losses
from platform.losses.long_tail.am_softmax import am_softmax
from platform.losses.long_tail.class_weights import inverse_weights, weighted_targets
from platform.losses.long_tail.focal import focal
from platform.losses.long_tail.ldam import ldam
from platform.losses.negative_entropy import negative_entropy
from platform.losses.peer_selection import mean_of_selected, peer_selection
from platform.losses.self_refining import self_refining
from platform.losses.small_loss import smallest_losses
from platform.losses.sparse_over_parametrisation import over_parametrised
from platform.losses.symmetric_cross_entropy import symmetric_cross_entropy
from platform.methods import Progress, method_names
from platform.training.loop.epoch_means import EpochMeans
from platform.training.loop.finite import FiniteWatch
from platform.training.loop.learner import learners
from platform.training.loop.trainer import Trainer
from platform.training.loop.workers import ALONE
from platform.training.trial.trial_config import TrialConfig
from tests.device_waits import Waits, fake_gpu, like, to_fake_gpu

CLASSES, BATCH = 10, 16
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "peer": [{"agreed_loss": "balanced_softmax", "rank_by": "loss", "label_smoothing": 0.1}],
    "core": [
        {"self_refining_epochs": 0, "selective": True, "given_share": 0.1, "prior_weight": 0.1},
    ],
    "cross_entropy": [
        {"loss": "balanced_softmax", "label_smoothing": 0.1},
        {"loss": {"name": "focal", "weights": "inverse"}, "label_smoothing": 0.1},
        {"loss": {"name": "ldam", "weights": "effective_number"}},
    ],
    "dividemix": [{"warmup_epochs": 0, "unlabelled_weight": 25.0}, {"confidence_penalty": 1.0}],
    "gce": [{"warmup_epochs": 0, "truncate_below": 0.3}],
    "sed": [{"warmup_epochs": 0}],
    "small_loss": [{"rank_by": "logit_adjusted"}],
    "sop": [{"balance_weight": 0.1}],
    "supcon": [{"contrast": "simclr"}, {"loss": "balanced_softmax", "anchors": "one"}],
}
"""Settings that run other lines than the defaults do."""
STEPS = [(name, {}) for name in method_names()]
STEPS += [(name, section) for name, sections in VARIANTS.items() for section in sections]


@pytest.fixture(scope="module")
def make_trainer(golden_steps):
    """A trainer of this method on a few digits, on the CPU."""
    data = golden_steps.few_digits()

    def make(name, section, **others):
        values = {
            "epochs": 2,
            "batch_size": BATCH,
            "image_size": 16,
            "model": {"backbone": "test_resnet"},
            "method": {"name": name} | section,
        }
        return Trainer(TrialConfig.model_validate(values | others), data)

    return make


def shown(waits):
    return "\n".join(dict.fromkeys(waits.found))


@pytest.mark.parametrize(("name", "section"), STEPS, ids=str)
def test_a_step_on_a_gpu_waits_for_nothing(name, section, make_trainer):
    trainer = make_trainer(name, section, model={"backbone": "test_resnet", "cosine_scale": 30.0})
    method, ledger = trainer.stage.method, trainer.ledger
    with fake_gpu() as waits:
        for module in (
            *trainer.networks,
            *(one for one in trainer.stage.companions if one is not None),
            ledger,
            trainer.tables,
        ):
            to_fake_gpu(module)
        method = type(method)(method.config, like(method.class_counts), cosine_scale=method.cosine_scale)
        images, labels = (
            torch.empty(BATCH, 3, 16, 16, device="cuda"),
            torch.empty(BATCH, device="cuda").long(),
        )
        batch = Batch(images, labels, labels, second=images if method.config.augmentations > 1 else None)
        watch, means = FiniteWatch(torch.device("cuda")), EpochMeans()
        waits.found.clear()
        output = method.step(
            learners(trainer.networks, trainer.stage.companions, ALONE, BATCH, "fp32"),
            batch,
            Progress(1, {"train/loss_network_1": 1.0, "train/loss_network_2": 1.0}, trainer.tables.by_name),
        )
        watch.add_losses(output.losses)
        watch.updates_to_skip(torch.stack(output.losses), "step 1", overflow_is_normal=False)
        ledger.record(batch.rows, output.samples)
        means.add(output, len(batch))
    assert not waits.found, shown(waits)


LOSSES = {
    "am_softmax": lambda logits, labels, features: am_softmax(logits, labels, margin=0.3, scale=30.0),
    "balanced_softmax": lambda logits, labels, features: balanced_softmax(
        logits, labels, torch.ones(CLASSES, device="cuda"), label_smoothing=0.1
    ),
    "balanced_softmax of soft labels": lambda logits, labels, features: balanced_softmax(
        logits, logits.softmax(1), torch.ones(CLASSES, device="cuda")
    ),
    "class_thresholds": lambda logits, labels, features: confidence_weights(
        logits[:, 0], labels, logits[0], logits[1]
    ),
    "class_weights": lambda logits, labels, features: weighted_targets(
        labels, inverse_weights(torch.ones(CLASSES, device="cuda"))
    ),
    "focal": lambda logits, labels, features: focal(logits, labels, gamma=0.5, label_smoothing=0.1),
    "ldam": lambda logits, labels, features: ldam(
        logits, labels, torch.ones(CLASSES, device="cuda"), max_margin=0.5, scale=30.0
    ),
    "co_refining": lambda logits, labels, features: co_refining(logits, logits, kl_weight=1.0),
    "cross_entropy": lambda logits, labels, features: cross_entropy(logits, labels, label_smoothing=0.1),
    "joint_agreement": lambda logits, labels, features: joint_losses(logits, logits, labels, co_lambda=0.9),
    "generalised_cross_entropy": lambda logits, labels, features: generalised_cross_entropy(
        logits, labels, q=0.7, truncate_below=0.3
    ),
    "small_loss": lambda logits, labels, features: smallest_losses(logits[:, 0], forget_rate=0.3),
    "sparse_over_parametrisation": lambda logits, labels, features: over_parametrised(
        logits, labels, logits[:, :1], logits
    ),
    "symmetric_cross_entropy": lambda logits, labels, features: symmetric_cross_entropy(
        logits, labels, alpha=0.1, beta=1.0
    ),
    "divide_mix": lambda logits, labels, features: squared_error(
        logits, refined_targets(labels, logits[:, 0], logits.softmax(1), temperature=0.5)
    ),
    "early_learning": lambda logits, labels, features: early_learning(
        logits, running_targets(logits, logits, beta=0.7)
    ),
    "feature_distance": lambda logits, labels, features: feature_distance(logits, logits),
    "negative_entropy": lambda logits, labels, features: negative_entropy(logits),
    "peer_selection": lambda logits, labels, features: mean_of_selected(
        logits[:, 0], peer_selection(labels == labels, logits[:, 0], drop_rate=0.3)
    ),
    "prior_divergence": lambda logits, labels, features: prior_divergence(
        logits, torch.ones(CLASSES, device="cuda") / CLASSES
    ),
    "self_refining": lambda logits, labels, features: self_refining(logits, labels, weight=0.5),
    "simclr": lambda logits, labels, features: simclr(features, temperature=0.1),
    "soft_cross_entropy": lambda logits, labels, features: soft_cross_entropy(
        logits, logits, temperature=4.0
    ),
    "supcon": lambda logits, labels, features: supcon(features, labels, temperature=0.1),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_on_a_gpu_waits_for_nothing(name):
    with fake_gpu() as waits:
        logits, features = torch.randn(BATCH, CLASSES, device="cuda"), torch.randn(BATCH, 2, 8, device="cuda")
        labels = torch.zeros(BATCH, dtype=torch.int64, device="cuda")
        waits.found.clear()
        LOSSES[name](logits, labels, features)
    assert not waits.found, shown(waits)


def test_every_loss_is_looked_at():
    files = {
        module.name
        for folder in (losses, long_tail)
        for module in pkgutil.iter_modules(folder.__path__)
        if not module.ispkg
    }
    assert files - {"contrastive", "distillation"} <= LOSSES.keys()
    assert LOSSES.keys() >= {"supcon", "simclr", "soft_cross_entropy", "feature_distance", "prior_divergence"}


@pytest.mark.parametrize("name", method_names())
@pytest.mark.parametrize("optim", [{"name": "sgd", "clip_norm": 1.0}, {"name": "adamw"}], ids=str)
def test_no_update_waits_backward_and_optimiser_included(name, optim, make_trainer):
    trainer = make_trainer(name, {}, optim=optim, ema={"decay": 0.9})
    for network in trainer.networks:
        network.train()
    updates = trainer.stage.updates(0)
    trainer.train_step(next(updates))  # what is made once
    trainer._watch = FiniteWatch(trainer.device, updates_unread=50)  # as on a GPU
    batches = next(updates)
    with Waits() as waits:
        trainer.train_step(batches)
    assert not waits.found, shown(waits)


@pytest.mark.parametrize(
    ("waiting", "words"),
    [
        (lambda some: some.sum().item(), "_local_scalar_dense"),
        (lambda some: bool(some.sum() > 0), "_local_scalar_dense"),
        (lambda some: some[some > 0], "a boolean mask as an index"),
        (lambda some: some.new_tensor(3.0), "a copy from cpu to cuda"),
        (lambda some: torch.tensor([1.0], device="cuda"), "a copy from cpu to cuda"),
        (lambda some: some.cpu(), "a copy from cuda to cpu"),
        (lambda some: some.long().bincount(), "bincount"),
    ],
)
def test_what_waits_is_found(waiting, words):
    with fake_gpu() as waits:
        some = torch.ones(3, device="cuda")
        waits.found.clear()
        with suppress(RuntimeError, DataDependentOutputException, DynamicOutputShapeException):
            waiting(some)  # some need a value or a size that fake tensors do not have
    assert any(words in one for one in waits.found), waits.found
