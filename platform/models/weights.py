"""Weights of a file in a network: loaded by name, all of the backbone or an error."""

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
"""Share of the backbone that must fit, of the network's and of the file's: some weights lack a final norm."""

FOREIGN = (KeyError, AttributeError, TypeError, ValueError, RuntimeError, AssertionError, IndexError)
"""What timm's conversions raise on tensors of another architecture."""


@dataclass(frozen=True)
class Loaded:
    """Names of tensors: the network's that were not loaded, the file's that were not used, those resized."""

    missing: tuple[str, ...]
    ignored: tuple[str, ...]
    resampled: tuple[str, ...]


def load_weights(network: nn.Module, path: Path) -> Loaded:
    """Load a .safetensors or .pth file into ``network``.

    Nothing in a file is executed. A tensor is loaded where name and shape fit; where the backbone's do not,
    as timm converts it (position embeddings of another image size are resampled, original formats renamed).
    A classifier of another number of classes stays as it is. What is not loaded is named in the log.

    Raises :class:`ModelError` where the file cannot be read or is of another architecture: where it says so,
    or where less than 90 % of the tensors of the network's backbone, or of those that the file has under the
    same modules, fit. (Architectures that differ in no tensor cannot be told apart without a name.)
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
    """As :func:`load_weights` would do, from the file's headers; ``network`` may be on the meta device."""
    return _fit(network, read_weights(path, shapes_only=True))[1]


def _fit(network: nn.Module, given: WeightFile) -> tuple[dict[str, Tensor], Loaded]:
    """The tensors that go into the network, and the names of the rest."""
    wanted = network.state_dict()
    architecture = str((getattr(network, "pretrained_cfg", None) or {}).get("architecture", "the network"))
    told = given.architecture and given.architecture.partition(".")[0]
    if told and told != architecture:
        raise ModelError(f"{given.source}: weights of {told}, which is not {architecture}")

    tensors = given.tensors
    head = head_modules(network)
    if _shares(wanted, tensors, head) != (1.0, 1.0):
        tensors = _converted(network, tensors) or tensors
    shares = _shares(wanted, tensors, head)
    if min(shares) < SAME_ARCHITECTURE:
        raise ModelError(
            f"{given.source}: weights of another architecture than {architecture}: {shares[0]:.0%} of the "
            f"network's backbone is there, {shares[1]:.0%} of what is there fits"
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
    """Of the network's backbone the share that ``tensors`` hold; of these the share that fits.

    What they hold under modules that the network does not have (a decoder, say) does not count.
    """
    backbone = [name for name in wanted if not is_of(head, name)]
    modules = {name.partition(".")[0] for name in backbone}
    theirs = [name for name in tensors if name.partition(".")[0] in modules and not is_of(head, name)]
    found = sum(_fits(name, tensors[name], wanted) for name in backbone if name in tensors)
    return found / max(len(backbone), 1), found / max(len(theirs), 1)


def _fits(name: str, value: Tensor, wanted: Mapping[str, Tensor]) -> bool:
    return name in wanted and wanted[name].shape == value.shape


def _converted(network: nn.Module, tensors: dict[str, Tensor]) -> dict[str, Tensor] | None:
    """What timm makes of an architecture's published weights when it loads them; None where it cannot."""
    convert: Callable[..., Any] | None = getattr(
        import_module(type(network).__module__), "checkpoint_filter_fn", None
    )
    if convert is None:
        return None
    try:
        with resampling.without_warning():
            converted: dict[str, Tensor] = convert(dict(tensors), network)
    except FOREIGN:
        return None  # of another architecture: told from what fits as it is
    return converted


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:NAMED_AT_MOST])
    return shown if len(names) <= NAMED_AT_MOST else f"{shown} and {len(names) - NAMED_AT_MOST} more"
