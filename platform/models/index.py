"""Write ``timm_backbones.csv``, the table of the installed timm's backbones.

Run ``python -m platform.models.index`` after an update of timm. It takes about five minutes, because it
builds every model (on the meta device, without memory for weights).
"""

import csv
import inspect
import sys
from collections.abc import Iterator
from dataclasses import astuple, fields

import timm
import torch
from timm.models import get_pretrained_cfg, list_pretrained
from torch import nn

from platform.models.backbones import TABLE, Backbone
from platform.models.errors import FORWARD_ERRORS
from platform.models.layers import layer_count
from platform.models.stems import make_stem_small

SMALL_PX = 32
OPTIONS = ("drop_rate", "drop_path_rate", "img_size")


def write_table() -> None:
    """Describe every timm model. Models that cannot be built are named on stderr and left out."""
    backbones = list(_describe_all(timm.list_models(), _tags()))
    with TABLE.open("w", newline="") as file:
        file.write(f"# timm {timm.__version__}\n")
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(field.name for field in fields(Backbone))
        rows.writerows([_cell(value) for value in astuple(backbone)] for backbone in backbones)


def _describe_all(names: list[str], tags: dict[str, tuple[str, ...]]) -> Iterator[Backbone]:
    for name in names:
        try:
            yield describe(name, tags.get(name, ()))
        except FORWARD_ERRORS as error:
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)


def describe(name: str, pretrained: tuple[str, ...]) -> Backbone:
    """One row of the table."""
    network = _on_meta(name, classes=10)
    per_class = (_count(_on_meta(name, classes=20)) - _count(network)) // 10
    options = [option for option in OPTIONS if option in _parameters(type(network))]
    published = get_pretrained_cfg(name, allow_unregistered=True)
    is_fixed = published is not None and published.fixed_input_size
    if not is_fixed and "img_size" in options:
        options.remove("img_size")
    return Backbone(
        name=name,
        parameters=_count(network) - 10 * per_class,
        parameters_per_class=per_class,
        layers=layer_count(network),
        size_multiple=_patch_size(network) if is_fixed else 1,
        has_small_stem=not is_fixed and _works_with_small_stem(network),
        options=tuple(options),
        pretrained=pretrained,
    )


def _parameters(network: type[nn.Module]) -> set[str]:
    """Parameter names of the constructor, including those that ``**kwargs`` passes to base classes."""
    names: set[str] = set()
    for base in network.__mro__:
        own = inspect.signature(base).parameters.values()
        names |= {parameter.name for parameter in own}
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in own):
            break
    return names


def _on_meta(name: str, *, classes: int) -> nn.Module:
    with torch.device("meta"):
        network: nn.Module = timm.create_model(name, num_classes=classes)
    return network


def _count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def _patch_size(network: nn.Module) -> int:
    size = getattr(getattr(network, "patch_embed", None), "patch_size", 0)
    return int(size[0] if isinstance(size, tuple | list) else size)


def _works_with_small_stem(network: nn.Module) -> bool:
    try:
        if not make_stem_small(network):
            return False
        with torch.no_grad():
            network.eval()(torch.zeros(1, 3, SMALL_PX, SMALL_PX, device="meta"))
    except FORWARD_ERRORS:
        return False
    return True


def _tags() -> dict[str, tuple[str, ...]]:
    tags: dict[str, tuple[str, ...]] = {}
    for full in list_pretrained():
        name, _, tag = full.partition(".")
        tags[name] = (*tags.get(name, ()), tag)
    return tags


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(value) if isinstance(value, tuple) else value


if __name__ == "__main__":
    write_table()
