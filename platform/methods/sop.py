"""SOP (Liu et al., ICML 2022): one network, and for each image a learnt error of its label.

Robust Training under Label Noise by Over-parameterization, arXiv 2202.14026, without the consistency of SOP+.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field
from torch import Tensor

from platform.datasets.batches.loader import Batch
from platform.losses.cross_entropy import cross_entropy
from platform.losses.sparse_over_parametrisation import balance, over_parametrised
from platform.methods._outcome import accuracy, sample_outcome, weighted
from platform.methods._protocol import ConfigBase, Learner, Progress, StepOutput, TrainingMethod
from platform.methods._tables import TableSpec, learnt_rows


class Config(ConfigBase):
    networks: ClassVar[int] = 1
    takes_soft_labels: ClassVar[bool] = False
    """The error belongs to one image's label."""
    published: ClassVar[Mapping[str, Any]] = {"lr_u": 1.0, "lr_v": 10.0, "balance_weight": 0.0}
    """For CIFAR-100; 0.1 and 100 for asymmetric noise. SOP+ has a balance_weight of 0.1."""

    lr_u: float = Field(
        1.0,
        gt=0,
        description="learning rate of u, which raises the given label's probability; spans decades, and "
        "smaller batches and more epochs need less (published: 0.1 to 10)",
        examples=[{"loguniform": [0.1, 30.0]}],
    )
    lr_v: float = Field(
        10.0,
        gt=0,
        description="learning rate of v, which lowers the other classes' probabilities (published: 10 to "
        "100)",
        examples=[{"loguniform": [1.0, 300.0]}],
    )
    initial_scale: float = Field(
        1e-8,
        gt=0,
        description="standard deviation of u and v at the start; they grow exponentially from it, so a short "
        "trial needs more",
        examples=[{"loguniform": [1e-8, 1e-2]}],
    )
    balance_weight: float = Field(
        0.0,
        ge=0,
        description="weight of the divergence of the mean corrected prediction from the classes' frequencies",
        examples=[0.1],
    )
    balance_prior: Literal["class_counts", "uniform"] = Field(
        "class_counts",
        description="those frequencies: of the given labels, or all equal as the authors have it, which "
        "harms on a long tail",
    )


class Method(TrainingMethod):
    """The mean over the batch of weight · the loss of :func:`over_parametrised`, + balance_weight · KL.

    KL(frequencies || mean corrected prediction) belongs to no sample and has no weight. u and v learn by
    gradient descent without momentum and decay, at constant rates.
    """

    config: Config
    metrics: ClassVar[Mapping[str, str]] = {
        "loss": "mean of what is minimised",
        "label_error": "mean of u², at most 1: how much of the given label is explained as an error",
        "accuracy": "share of the training images, as they were augmented, whose given label is predicted",
    }

    def __init__(self, config: Config, class_counts: Tensor, **context: Any) -> None:
        super().__init__(config, class_counts, **context)
        counts_C = class_counts if config.balance_prior == "class_counts" else class_counts * 0 + 1
        self.prior_C = counts_C / counts_C.sum()

    def tables(self) -> tuple[TableSpec, ...]:
        scale = self.config.initial_scale
        return (TableSpec("u", 1, noise=scale), TableSpec("v", len(self.class_counts), noise=scale))

    def step(self, networks: Sequence[Learner], batch: Batch, progress: Progress) -> StepOutput:
        assert batch.targets is None, "an error belongs to one label; mixed images have two"
        logits_BC = networks[0](batch.images)
        u = learnt_rows(progress.tables["u"], batch.rows, learning_rate=self.config.lr_u)
        v = learnt_rows(progress.tables["v"], batch.rows, learning_rate=self.config.lr_v)
        losses_B = over_parametrised(logits_BC, batch.labels, u.values_BK, v.values_BK)
        loss = weighted(losses_B, batch.weights).mean()
        if self.config.balance_weight:
            learnt = (u.values_BK, v.values_BK)
            divergence = balance(logits_BC, batch.labels, *learnt, self.prior_C.to(logits_BC.device))
            loss = loss + self.config.balance_weight * divergence
        given_B = cross_entropy(logits_BC.detach(), batch.labels)
        return StepOutput(
            losses=(loss,),
            samples=sample_outcome([logits_BC], batch.labels, [given_B]),
            metrics={
                "loss": loss.detach(),
                "label_error": u.values_BK.detach().square().clamp(max=1).mean(),
                "accuracy": accuracy(logits_BC, batch.labels),
            },
            learnt=(u, v),
        )
