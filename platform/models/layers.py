"""A network's layers by timm's parameter groups, and which of them are trainable."""

from collections.abc import Iterable
from typing import Any, Literal

from torch import nn

from platform.models.errors import ModelError

Trainable = Literal["all", "last_stage", "head"]


def layer_count(network: nn.Module) -> int:
    """Parameter groups from stem to head, for layer-wise decay; 0: timm knows none."""
    groups = _groups(network, coarse=False)
    return max(groups.values()) + 1 if groups else 0


def is_transformer_like(network: nn.Module) -> bool:
    """Whether at least half of its normalisations are layer norms, as in ViT, Swin and ConvNeXt."""
    is_layer_norm = [kind for module in network.modules() if (kind := _is_layer_norm(module)) is not None]
    return sum(is_layer_norm) * 2 >= max(len(is_layer_norm), 1)


def _is_layer_norm(module: nn.Module) -> bool | None:
    """None for other modules. timm's RMS norms have no common base class, so they are matched by name."""
    if isinstance(module, nn.LayerNorm) or type(module).__name__.startswith("RmsNorm"):
        return True
    return False if isinstance(module, nn.modules.batchnorm._NormBase | nn.GroupNorm) else None


def head_modules(network: nn.Module) -> tuple[str, ...]:
    """Name of the classifier, or of the embedding head in its place; some networks have several (DeiT)."""
    if not hasattr(network, "get_classifier"):
        return ()  # an encoder without a classifier
    classifier: Any = network.get_classifier()  # type: ignore[operator]
    modules: Iterable[nn.Module] = classifier if isinstance(classifier, tuple | list) else (classifier,)
    own = {id(module) for module in modules}
    listed = (getattr(network, "pretrained_cfg", None) or {}).get("classifier") or ()
    listed = (listed,) if isinstance(listed, str) else listed
    names = [name for name, module in network.named_modules() if id(module) in own or name in listed]
    return tuple(name for name in names if not is_of(names, name))


def is_of(modules: Iterable[str], name: str) -> bool:
    """Whether a parameter or buffer, given by name, belongs to one of these modules."""
    return name.startswith(tuple(f"{module}." for module in modules))


def head_parameters(network: nn.Module) -> frozenset[str]:
    """Names of the parameters of :func:`head_modules`."""
    modules = head_modules(network)
    return frozenset(name for name, _ in network.named_parameters() if is_of(modules, name))


def set_trainable(network: nn.Module, part: Trainable) -> None:
    """Make only ``part`` of a network trainable.

    ``head`` is its classifier; ``last_stage`` adds the last of timm's coarse groups before it and everything
    between them, such as a final norm. Raises :class:`ModelError` if timm does not know the parts.
    """
    learning = _names_of(network, part)
    if not learning:
        raise ModelError(
            f"trainable: {part}: timm does not say which parameters of this network belong to it"
        )
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name in learning)
        if name not in learning:
            parameter.grad = None  # it would count in the norm by which gradients are clipped


def keep_frozen_still(network: nn.Module) -> None:
    """Call after ``network.train()``: sets modules without trainable parameters to evaluation mode.

    Their batch statistics then stay unchanged, and they drop nothing.
    """
    if all(parameter.requires_grad for parameter in network.parameters()):
        return
    for module in network.modules():
        own = list(module.parameters())
        if own and not any(parameter.requires_grad for parameter in own):
            module.eval()


def _names_of(network: nn.Module, part: Trainable) -> frozenset[str]:
    if part == "all":
        return frozenset(name for name, _ in network.named_parameters())
    head = head_parameters(network)
    if part == "head" or not head:
        return head
    groups = _groups(network, coarse=True)
    if not groups:
        return frozenset()
    of_head = min(groups[name] for name in head)
    last = max((group for group in groups.values() if group < of_head), default=of_head)
    names = list(groups)
    first = next(place for place, name in enumerate(names) if groups[name] == last)
    # timm puts parameters without a group with the head: right for a final norm, wrong for an early layer.
    return head | {
        name
        for place, name in enumerate(names)
        if groups[name] == last or (groups[name] > last and place > first)
    }


def _groups(network: nn.Module, *, coarse: bool) -> dict[str, int]:
    """Parameter name -> its group, counted from the stem; empty if timm knows no groups."""
    from timm.models import group_parameters

    if not hasattr(network, "group_matcher"):
        return {}
    try:
        matcher = network.group_matcher(coarse=coarse)  # type: ignore[operator]
    except AssertionError:  # some networks raise "not implemented"
        return {}
    groups: dict[str, int] = group_parameters(network, matcher, reverse=True)
    return {name: groups[name] for name, _ in network.named_parameters() if name in groups}
