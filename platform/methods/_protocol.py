"""The interface of training methods: a step on a batch that returns one loss per network.

Shapes: M networks, B samples of a batch, C classes.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, runtime_checkable

from torch import Tensor, nn

from platform.config.section import Section
from platform.datasets.batches.loader import Batch
from platform.methods._tables import LearntRows, Table, TableSpec


@dataclass(frozen=True)
class SampleOutcome:
    """Results of one step for each sample, detached; row m belongs to network m.

    ``losses_MB`` (float32): plain cross-entropy of the given label, whatever the method minimises, so that it
    is comparable; 0 without a label. ``predictions_MB`` (int64): the class with the highest logit.
    ``margins_MB`` (float32): the logit of the given label minus the highest of the others; without a label
    it means nothing. ``selected_MB`` (bool): whether the sample took part in the network's update.
    """

    losses_MB: Tensor
    predictions_MB: Tensor
    margins_MB: Tensor
    selected_MB: Tensor


@dataclass(frozen=True)
class StepOutput:
    """The result of one step: one scalar loss [] per network, to be minimised, and values to report.

    ``metrics`` are detached scalars [], each a mean over the batch's samples, so that the loop can average
    them over an epoch by batch size; names come without ``train/``. If a metric averages a subset, ``counts``
    [] holds the subset's size; return a finite value when it is 0. ``learnt`` are rows of the method's tables
    that learn from these losses, too.
    """

    losses: tuple[Tensor, ...]
    samples: SampleOutcome
    metrics: dict[str, Tensor] = field(default_factory=dict)
    counts: dict[str, Tensor] = field(default_factory=dict)
    learnt: tuple[LearntRows, ...] = ()


class Sharing(Protocol):
    """Several workers that share a batch of ``count`` samples; ``batch.images`` are one's own part."""

    def gather(self, own: Tensor, count: int) -> Tensor:
        """The whole batch [B, …] of this worker's part [b, …]."""

    def part(self, count: int) -> slice:
        """The samples of the whole batch that are this worker's part."""


@dataclass(frozen=True)
class Progress:
    """The state of a trial: ``epoch`` counts from 0; ``last`` are the last epoch's metrics, if any.

    ``tables`` are those that the method declares, by name. ``seed`` is the trial's and ``step`` the place of
    the batch in its epoch: with ``epoch`` the key of all random numbers, which are then the same on each
    worker and after a resume. ``workers``: those that share the batch; None: there is one.
    """

    epoch: int = 0
    last: Mapping[str, float] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    seed: int = 0
    step: int = 0
    workers: Sharing | None = None


class ConfigBase(Section):
    """The base of the class ``Config`` of each file; its class variables say what the method is.

    ``networks``: how many it trains. ``takes_soft_labels``: whether it can learn ``batch.targets`` [B, C],
    the labels of mixed images. ``takes_teacher``: whether it can learn ``batch.taught`` from the trial's
    teacher. ``takes_unlabelled``: whether it learns from images without a label too; their label is -1, and
    all of a batch may have none. ``augmentations``: from how many augmentations of each image it learns.
    ``published``: settings that the method's authors used; a search may start with them.
    """

    networks: ClassVar[int]
    takes_soft_labels: ClassVar[bool] = False
    takes_teacher: ClassVar[bool] = False
    takes_unlabelled: ClassVar[bool] = False
    augmentations: ClassVar[int] = 1
    published: ClassVar[Mapping[str, Any]] = {}

    @property
    def learns_soft_labels(self) -> bool:
        """Whether it can with these settings: of a method that takes soft labels, one loss may not."""
        return self.takes_soft_labels

    @property
    def needs_cosines(self) -> str | None:
        """The field whose setting needs cosines for logits (``model.cosine_scale``); None: there is none."""
        return None


class MethodSection(ConfigBase):
    """A method's section of the YAML: its ``Config`` and the file's name."""

    name: str


class Learner(Protocol):
    """A network in training, as a method sees it.

    Called with a batch's images, it returns logits [B, C] or, if the method has a companion for it, the
    companion's output: tensors whose first axis is the batch, always float32, even in half precision. Several
    workers may compute them together; the method does not notice.
    """

    def __call__(self, *images: Tensor) -> Any: ...


@runtime_checkable
class ProjectsFeatures(Protocol):
    """A companion with projection heads on its network's features, which a student can imitate.

    ``dims``: the heads' dimensions (D_1 … D_K).
    """

    dims: tuple[int, ...]

    def project(self, network: nn.Module, images: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Logits [B, C] and each head's projections [B, D_k] of unit length, from one forward pass."""


class TrainingMethod(ABC):
    """The base of the class ``Method`` of each file in this folder; beside it stands the class ``Config``.

    Fields of ``Config`` named ``…_epochs`` are spans of the trial: they may not exceed its epochs, which
    count on through its stages. The object keeps no state: it learns of earlier epochs from
    :class:`Progress`, and what it has to remember of each image stands in the tables that it declares.

    ``metrics``: what each metric of its steps is, in words, by its name without ``train/``.
    """

    metrics: ClassVar[Mapping[str, str]] = {}

    def __init__(
        self,
        config: Any,
        class_counts: Tensor,
        *,
        teacher_dims: tuple[int, ...] | None = None,
        cosine_scale: float | None = None,
    ) -> None:
        """``class_counts`` [C, int64]: number of given training labels of each class.

        ``teacher_dims``: dimensions of the teacher's projections (D_1 … D_K); None: there is no teacher.
        ``cosine_scale``: the logits are cosines times this; None: they are not.
        """
        self.config = config
        self.class_counts = class_counts
        self.teacher_dims = teacher_dims
        self.cosine_scale = cosine_scale

    def companion(self, network: nn.Module) -> nn.Module | None:
        """A module that trains with one network and is dropped for prediction; None: no such module.

        Its ``forward(network, *images)`` replaces the network's own in training and may use the network in
        any way. It is built again for each stage, with random numbers of (seed, network).
        """
        return None

    def tables(self) -> tuple[TableSpec, ...]:
        """The tables that the method keeps; none unless a method says so."""
        return ()

    def epoch_started(self, progress: Progress) -> None:
        """Called before the steps of each epoch: the place to look at the tables as a whole."""
        return

    @abstractmethod
    def step(self, networks: Sequence[Learner], batch: Batch, progress: Progress) -> StepOutput:
        """Compute the losses of a batch. The training loop does the rest."""
