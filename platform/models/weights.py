"""Weights from a local file, as far as they fit."""

import logging
import pickle
from pathlib import Path

from safetensors import SafetensorError
from torch import Tensor, nn

from platform.models.errors import ModelError

logger = logging.getLogger(__name__)

NAMED_AT_MOST = 8


def load_weights(network: nn.Module, path: Path) -> tuple[str, ...]:
    """Load a .safetensors or .pth file into ``network``; the names of its tensors that were not loaded.

    Nothing in the file is executed. A tensor is loaded where name and shape fit (the classifier of another
    set of classes does not), prefixes of DistributedDataParallel and torch.compile aside. The rest is named
    in the log. Raises :class:`ModelError` if the file cannot be read or nothing in it fits.
    """
    given = _read(path)
    wanted = network.state_dict()
    fitting = {
        name: value for name, value in given.items() if name in wanted and wanted[name].shape == value.shape
    }
    if not any(name in dict(network.named_parameters()) for name in fitting):
        raise ModelError(f"{path}: none of its {len(given)} tensors fits the network")
    network.load_state_dict(fitting, strict=False)
    missing = tuple(name for name in wanted if name not in fitting)
    if missing:
        logger.warning("%s: not loaded, so initialised at random: %s", path, _listed(missing))
    ignored = [name for name in given if name not in fitting]
    if ignored:
        logger.warning("%s: in the file but not used: %s", path, _listed(ignored))
    return missing


def _read(path: Path) -> dict[str, Tensor]:
    from timm.models import load_state_dict

    try:
        tensors = load_state_dict(str(path), use_ema=True, device="cpu", weights_only=True)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file") from None
    except (SafetensorError, RuntimeError, pickle.UnpicklingError, EOFError, OSError) as error:
        raise ModelError(f"{path}: not readable as weights ({_first_line(error)})") from error
    return {name: value for name, value in tensors.items() if isinstance(value, Tensor)}


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def _listed(names: tuple[str, ...] | list[str]) -> str:
    shown = ", ".join(names[:NAMED_AT_MOST])
    return shown if len(names) <= NAMED_AT_MOST else f"{shown} and {len(names) - NAMED_AT_MOST} more"
