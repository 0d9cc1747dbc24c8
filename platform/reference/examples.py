"""An example of each setting in YAML, and the check that it loads."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args, get_origin

from ruamel.yaml import YAML

from platform.config.document import read_document
from platform.config.errors import ConfigError, UserError
from platform.config.load import known_space
from platform.config.ranges import RANGE_KINDS
from platform.config.section import Section
from platform.datasets.cleaning.policy import PolicyConfig
from platform.nights.plan.plan_config import PlanConfig
from platform.reference.tree import Place, SectionAt, Setting, every
from platform.reference.words import plain_value
from platform.rounds.plan.rounds_config import RoundsConfig
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig

Tree = dict[str, Any]

NIGHT = "digits"
"""What examples call a night or whatever else has a name of your choice."""

AROUND: Mapping[type[Section], Tree] = {
    SweepConfig: {
        "image_size": 64,
        "model": {"backbone": "resnet18", "cosine_scale": 30.0},
        "method": {"name": "cross_entropy"},
    },
    PlanConfig: {
        "time_zone": "Europe/Berlin",
        "nights": {NIGHT: {"at": "30 22 * * *", "spaces": ["search_spaces/cross_entropy.yaml"]}},
    },
    PolicyConfig: {"rules": [{"kind": "leak", "action": "drop"}]},
    RoundsConfig: {
        "name": "birds",
        "space": "search_spaces/cross_entropy.yaml",
        "later": ["search.trials=3"],
    },
}
"""The smallest YAML of each root, into which an example is put."""

GIVEN: Sequence[tuple[str | int, ...]] = ((), ("stages", 0), ("nights", "NAME"), ("rules", 0))
"""The sections whose required settings are in :data:`AROUND`, or are inherited."""

_EMAIL = {"user": "nights", "password": "$SMTP_PASSWORD", "security": "starttls"}
_LOGIN: Tree = {"notify": {"to": [{"email": _EMAIL}]}}

BESIDE: Mapping[str, Tree] = {
    "peer_model": {"method": {"name": "peer"}},
    "peer_optim": {"method": {"name": "peer"}},
    "second_augment": {"method": {"name": "supcon"}},
    "teacher": {"method": {"name": "supcon"}},
    "method.loss.deferred_from": {"method": {"loss": {"weights": "inverse"}}},
    "method.loss.max_margin": {"model": {"cosine_scale": 30.0}},
    "method.loss.margin": {"model": {"cosine_scale": 30.0}},
    "retrieval.networks": {"method": {"name": "core"}},
    "notify.to.N.email.user": _LOGIN,
    "notify.to.N.email.password": _LOGIN,
    "clean": {"audit": True},
    "clean.policy": {"audit": True},
    "pseudo_label.unlabelled": {"pseudo_label": {"folder": "unsorted"}},
    "data.unlabelled_folder": {"data": {"unlabelled": "leave_out"}},
    "data.imbalance": {"data": {"source": "digits"}},
    "rules.N.weight": {"rules": [{"kind": "wrong_label", "action": "weight"}]},
    "augment.padding": {"augment": {"crop": "padded"}},
    "augment.padding_mode": {"augment": {"crop": "padded"}},
    "augment.scale": {"augment": {"crop": "random_resized"}},
    "augment.ratio": {"augment": {"crop": "random_resized"}},
    "augment.resize": {"augment": {"crop": "resized"}},
    "augment.mixing.probability": {"augment": {"mixing": {"mixup_alpha": 0.2}}},
    "augment.mixing.switch_probability": {"augment": {"mixing": {"mixup_alpha": 0.2, "cutmix_alpha": 1.0}}},
}
"""What a setting needs beside it, so that it does something or is allowed at all."""

WHOLE: Mapping[str, Tree] = {
    "stages.N.restart": {"stages": [{"epochs": 12}, {"epochs": 3, "image_size": 96, "restart": False}]},
}
"""Examples of settings that mean nothing in the first entry of their list."""


class BadExample(UserError):
    """An example does not load; the message names the setting and says why."""


def example_lines(root: type[Section], setting: Setting) -> list[str]:
    """Lines of YAML, each an example by itself, checked to load.

    They come from the field's ``examples``, else from its choices or its default.

    Raises:
        BadExample: one of them is refused.
    """
    lines = []
    for shown in _shown(root, setting):
        lines.append("".join(_flow(key, inner) for key, inner in shown.items()))
        _check(root, setting, lines[-1])
    return lines


def is_searchable(root: type[Section], setting: Setting) -> bool:
    """Whether a range may stand in its place."""
    return root is SweepConfig and setting.place.steps[0] not in SWEEP_FIELDS


def _shown(root: type[Section], setting: Setting) -> Iterator[Tree]:
    if (whole := WHOLE.get(str(setting.place))) is not None:
        yield whole
        return
    beside = _with_required(root, setting)
    for value in _values(root, setting):
        yield _merged(beside, _tree(setting.place, value))


def _values(root: type[Section], setting: Setting) -> Iterator[Any]:
    if setting.field.examples:
        yield from setting.field.examples
        return
    if setting.is_required:
        raise BadExample(f"{setting.place}: is required and has no example: give its Field examples=[…]")
    default = plain_value(setting.default)
    choices = _choices(setting.field.annotation)
    if len(choices) > 1 and is_searchable(root, setting):
        yield {"choice": list(choices)}
    elif choices:
        yield next((each for each in choices if each != default), default)
    elif default is None or default == [] or default == {}:
        raise BadExample(
            f"{setting.place}: its default {default!r} shows nothing: give its Field examples=[…]"
        )
    else:
        yield default


def _choices(annotation: Any) -> tuple[Any, ...]:
    if annotation is bool:
        return (True, False)
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return next((found for inner in get_args(annotation) if (found := _choices(inner))), ()) * (
        get_origin(annotation) not in (tuple, list, dict)
    )


def _tree(place: Place, value: Any) -> Tree:
    """The value at its place, with the names of the options on the way."""
    tree: Any = value
    for number in range(len(place.steps) - 1, -1, -1):
        step = place.steps[number]
        tags = {key: name for at, key, name in place.tags if at == number + 1}
        if isinstance(tree, dict) and tags and number + 1 < len(place.steps):
            tree = {**tags, **tree}
        tree = [tree] if step == 0 else {NIGHT if step == "NAME" else step: tree}
    assert isinstance(tree, dict)
    return tree


def _with_required(root: type[Section], setting: Setting) -> Tree:
    """What must stand beside the setting: by :data:`BESIDE`, and the required settings of its own section."""
    needed: Tree = dict(BESIDE.get(str(setting.place), {}))
    if setting.place.steps[:-1] in GIVEN:
        return needed
    for other in _siblings(root, setting.place):
        if other.is_required and other.tag is None and other.name != setting.name and other.field.examples:
            needed = _merged(_tree(other.place, other.field.examples[0]), needed)
    return needed


def _siblings(root: type[Section], place: Place) -> Sequence[Setting]:
    return _sections_by_place(root).get(Place(place.steps[:-1], place.tags), ())


@cache
def _sections_by_place(root: type[Section]) -> dict[Place, tuple[Setting, ...]]:
    return {one.place: one.settings for one in every(SectionAt(root, Place()))}


def _merged(base: Any, over: Any) -> Any:
    """``over`` laid into ``base``: lists entry by entry; another option replaces the one that was there."""
    if isinstance(base, list) and isinstance(over, list) and base and isinstance(base[0], dict):
        return (
            [_merged(*pair) for pair in zip(base, over, strict=False)] + base[len(over) :] + over[len(base) :]
        )
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    if set(over) & set(RANGE_KINDS) or set(base) & set(RANGE_KINDS):
        return over
    if "name" in over and "name" in base and over["name"] != base["name"]:
        return over
    return base | {key: _merged(base.get(key), value) for key, value in over.items()}


def _check(root: type[Section], setting: Setting, text: str) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "example.yaml"
        file.write_text(text, encoding="utf-8")
        try:
            space = known_space(_merged(AROUND[root], read_document(file).tree), "example", root)
            space.corners()
        except ConfigError as error:
            raise BadExample(f"{setting.place}: its example does not load: {error}\n{text}") from error
    if space.space.parameters() and not is_searchable(root, setting):
        raise BadExample(
            f"{setting.place}: its example is a range, but it is one for the whole sweep: {text}"
        )


def _flow(key: str, value: Any) -> str:
    """One line of YAML, its value in flow style."""
    return f"{key}: {_inline(value)}\n"


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_inline(key)}: {_inline(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_inline, value)) + "]"
    text = StringIO()
    yaml = YAML()
    yaml.default_flow_style, yaml.width = True, 10_000
    yaml.dump([value], text)  # in a flow list, where a scalar needs quotes most often
    return text.getvalue().strip()[1:-1]
