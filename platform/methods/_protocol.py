"""What a training method is: a step over a batch that returns a loss for each of its networks.

Shapes: M networks, B samples of a batch, C classes.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from platform.config.section import Section
from platform.datasets.batches.loader import Batch


@dataclass(frozen=True)
class SampleOutcome:
    """What one step found of each sample, detached; row m is network m's.

    ``losses_MB`` (float32) is plain cross-entropy of the given label, whatever the method minimises, so that
    it can be compared, and 0 where there is no label; ``predictions_MB`` (int64) the class with the highest
    logit; ``selected_MB`` (bool) whether the sample took part in the network's update.
    """

    losses_MB: Tensor
    predictions_MB: Tensor
    selected_MB: Tensor


@dataclass(frozen=True)
class StepOutput:
    """What one step computed: one scalar loss [] a network, to be minimised, and what to report.

    ``metrics`` are detached scalars [], each a mean over the batch's samples, so that the loop can average
    them over an epoch by batch size; their names come without ``train/``. Where one is a mean over some of
    them only, ``counts`` [] says over how many; it is finite where these are none.
    """

    losses: tuple[Tensor, ...]
    samples: SampleOutcome
    metrics: dict[str, Tensor] = field(default_factory=dict)
    counts: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """Where a trial stands: ``epoch`` counts from 0, ``last`` are the last epoch's metrics, or none."""

    epoch: int = 0
    last: Mapping[str, float] = field(default_factory=dict)


class MethodSection(Section):
    """A method's section of the YAML as the trial holds it: its own ``Config`` and the file's name."""

    networks: ClassVar[int]
    takes_soft_labels: ClassVar[bool] = False
    takes_teacher: ClassVar[bool] = False
    takes_unlabelled: ClassVar[bool] = False
    views: ClassVar[int] = 1
    published: ClassVar[Mapping[str, Any]] = {}
    """Settings that the method's authors used, of its own section; a search may start with them."""
    name: str


class Learner(Protocol):
    """A network in training, as a method sees it.

    Called with the images of a batch it gives the logits [B, C], or, where the method has a companion for it,
    what that one gives: tensors whose first axis is the batch's samples, all in float32, those of half
    precision too. Several workers may have computed them together; the method cannot tell.
    """

    def __call__(self, *images: Tensor) -> Any: ...


@runtime_checkable
class ProjectsFeatures(Protocol):
    """A companion that puts projection heads on its network's features: what a student may imitate.

    ``dims`` are the heads' dimensions (D_1 … D_K).
    """

    dims: tuple[int, ...]

    def project(self, network: nn.Module, images: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Of one pass the logits [B, C] and each head's projections [B, D_k], of unit length."""


class TrainingMethod(ABC):
    """The base of the class ``Method`` of each file in this folder; beside it stands the class ``Config``.

    ``Config`` is a Section without ``name`` and says in class variables what the method is: ``networks``, how
    many it trains; ``takes_soft_labels``, whether it can learn ``batch.targets`` [B, C], the labels of mixed
    pictures; ``takes_teacher``, whether it can learn ``batch.taught`` from the trial's teacher;
    ``takes_unlabelled``, whether it learns from pictures without a label too, whose label in a batch is -1
    (of a batch all may be); ``views``, of how many augmentations of each picture it learns. Each field named
    ``…_epochs`` is a span of the trial: it may not exceed its epochs, which count on through its stages.

    A method keeps no state: what it needs of the past is in :class:`Progress`.
    """

    def __init__(
        self, config: Any, class_counts: Tensor, *, teacher_dims: tuple[int, ...] | None = None
    ) -> None:
        """``class_counts`` [C, int64]: the given training labels of each class.

        ``teacher_dims``: those of the projections that the teacher gives (D_1 … D_K); None: there is none.
        """
        self.config = config
        self.class_counts = class_counts
        self.teacher_dims = teacher_dims

    def companion(self, network: nn.Module) -> nn.Module | None:
        """What learns with one network and is left out when it predicts; None: nothing.

        Its ``forward(network, *images)`` takes the place of the network's own in training, and may use the
        network in any way. It is built anew for each stage, with random numbers of (seed, network).
        """
        return None

    @abstractmethod
    def step(self, networks: Sequence[Learner], batch: Batch, progress: Progress) -> StepOutput:
        """The losses of a batch. The loop owns everything that follows."""


def accuracy(scores_BC: Tensor, labels_B: Tensor) -> Tensor:
    """The share [] of the batch whose highest score is at its given label."""
    return (scores_BC.detach().argmax(1) == labels_B).float().mean()


def sample_outcome(
    logits: Sequence[Tensor], losses: Sequence[Tensor], selected: Sequence[Tensor] | None = None
) -> SampleOutcome:
    """The outcome of a step from each network's logits [B, C], losses [B] and, if it chose, choice [B].

    ``losses`` are plain cross-entropy of the given label. Without ``selected`` every sample took part.
    """
    losses_MB = torch.stack([losses_B.detach() for losses_B in losses])
    predictions_MB = torch.stack([logits_BC.detach().argmax(1) for logits_BC in logits])
    everything_MB = torch.ones_like(predictions_MB, dtype=torch.bool)
    selected_MB = everything_MB if selected is None else torch.stack(list(selected))
    return SampleOutcome(losses_MB, predictions_MB, selected_MB)


def mean_loss(losses: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(losses)).detach().mean()
