"""Load a weight file into a network by name: the whole backbone, or an error."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from platform.models import resampling
from platform.models.errors import ModelError
from platform.models.layers import head_modules, is_of
from platform.models.weight_files import WeightFile, read_weights

logger = logging.getLogger(__name__)

NAMED_AT_MOST = 8
SAME_ARCHITECTURE = 0.9
"""Share of the network's and of the file's backbone that must fit; some files lack a final norm."""

FOREIGN = (KeyError, AttributeError, TypeError, ValueError, RuntimeError, AssertionError, IndexError)
"""What timm's conversions raise for tensors of another architecture."""


@dataclass(frozen=True)
class Loaded:
    """Names of the network's tensors not loaded, the file's tensors not used, and resampled tensors."""

    missing: tuple[str, ...]
    ignored: tuple[str, ...]
    resampled: tuple[str, ...]


def load_weights(network: nn.Module, path: Path) -> Loaded:
    """Load a .safetensors or .pth file into ``network``.

    Nothing in the file is executed. Tensors are loaded if name and shape fit. If the backbone's do not, timm
    converts them (it resamples position embeddings and renames original formats). A classifier of another
    number of classes is skipped. The log names the tensors that are not loaded.

    Raises :class:`ModelError` if the file is unreadable or of another architecture: if it says so, or if less
    than 90 % of the tensors fit, of the network's backbone or of the file's same modules. (Architectures with
    equal tensors can be distinguished by name only.)
    """
    given = read_weights(path)
    fitting, loaded = _fit(network, given)
    network.load_state_dict(fitting, strict=False)
    for message, names in (
        ("not loaded, so initialised at random", loaded.missing),
        ("there but not used", loaded.ignored),
        ("resampled to fit", loaded.resampled),
    ):
        if names:
            logger.warning("%s: %s: %s", given.source, message, _listed(names))
    return loaded


def check_weights(network: nn.Module, path: Path) -> Loaded:
    """As :func:`load_weights`, from the file's headers only; ``network`` may be on the meta device."""
    return _fit(network, read_weights(path, shapes_only=True))[1]


def _fit(network: nn.Module, given: WeightFile) -> tuple[dict[str, Tensor], Loaded]:
    """The tensors to load, and the names of the others."""
    wanted = network.state_dict()
    architecture = str((getattr(network, "pretrained_cfg", None) or {}).get("architecture", "the network"))
    architecture_of_file = given.architecture and given.architecture.partition(".")[0]
    if architecture_of_file and architecture_of_file != architecture:
        raise ModelError(f"{given.source}: weights of {architecture_of_file}, which is not {architecture}")

    tensors = given.tensors
    head = head_modules(network)
    if _shares(wanted, tensors, head) != (1.0, 1.0):
        tensors = _converted(network, tensors) or tensors
    shares = _shares(wanted, tensors, head)
    if min(shares) < SAME_ARCHITECTURE:
        raise ModelError(
            f"{given.source}: weights of another architecture than {architecture}: they cover "
            f"{shares[0]:.0%} of the network's backbone, and {shares[1]:.0%} of them fit"
        )
    fitting = {name: value for name, value in tensors.items() if _fits(name, value, wanted)}
    return fitting, Loaded(
        missing=tuple(name for name in wanted if name not in fitting),
        ignored=tuple(name for name in given.tensors if name not in fitting),
        resampled=tuple(
            name
            for name, value in fitting.items()
            if name in given.tensors and given.tensors[name].shape != value.shape
        ),
    )


def _shares(
    wanted: Mapping[str, Tensor], tensors: Mapping[str, Tensor], head: tuple[str, ...]
) -> tuple[float, float]:
    """The share of the network's backbone that ``tensors`` cover, and the share of these that fits.

    Modules that the network lacks (such as a decoder) do not count.
    """
    backbone = [name for name in wanted if not is_of(head, name)]
    modules = {name.partition(".")[0] for name in backbone}
    theirs = [name for name in tensors if name.partition(".")[0] in modules and not is_of(head, name)]
    fitting = sum(_fits(name, tensors[name], wanted) for name in backbone if name in tensors)
    return fitting / max(len(backbone), 1), fitting / max(len(theirs), 1)


def _fits(name: str, value: Tensor, wanted: Mapping[str, Tensor]) -> bool:
    return name in wanted and wanted[name].shape == value.shape


def _converted(network: nn.Module, tensors: dict[str, Tensor]) -> dict[str, Tensor] | None:
    """Tensors as timm converts an architecture's published weights on loading; None if it cannot."""
    convert: Callable[..., Any] | None = getattr(
        import_module(type(network).__module__), "checkpoint_filter_fn", None
    )
    if convert is None:
        return None
    try:
        with resampling.without_warning():
            converted: dict[str, Tensor] = convert(dict(tensors), network)
    except FOREIGN:
        return None  # another architecture, recognised by what fits unconverted
    return converted


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:NAMED_AT_MOST])
    return shown if len(names) <= NAMED_AT_MOST else f"{shown} and {len(names) - NAMED_AT_MOST} more"
