"""Every setting is found, at its place, and has a description."""

from typing import Annotated, Literal

import pytest
from pydantic import Field

from platform.config.section import Section
from platform.datasets.cleaning.policy import PolicyConfig
from platform.nights.plan.plan_config import PlanConfig
from platform.reference.tree import Place, SectionAt, every, undescribed
from platform.tuning.settings.sweep_config import SweepConfig


class Red(Section):
    """A red one."""

    kind: Literal["red"]
    depth: float = Field(1.0, description="how red")


class Blue(Section):
    kind: Literal["blue"]
    depth: float = 1.0


class Root(Section):
    paint: Annotated[Red | Blue, Field(discriminator="kind")] | None = Field(None, description="a paint")
    rooms: dict[str, tuple[Red, ...]] = Field(default_factory=dict, description="paints of each room")


def places(root: type[Section]) -> dict[str, str]:
    return {
        setting.place.anchor: str(setting.place)
        for one in every(SectionAt(root, Place()))
        for setting in one.settings
    }


def test_settings_of_every_option_list_and_mapping_are_found():
    assert places(Root) == {
        "paint": "paint",
        "rooms": "rooms",
        "paint-red-kind": "paint.kind",
        "paint-red-depth": "paint.depth",
        "paint-blue-kind": "paint.kind",
        "paint-blue-depth": "paint.depth",
        "rooms-NAME-red-kind": "rooms.NAME.N.kind",
        "rooms-NAME-red-depth": "rooms.NAME.N.depth",
    }


def test_settings_and_options_without_a_word_are_named():
    assert undescribed(SectionAt(Root, Place())) == ["paint.kind (Blue)", "paint.depth (Blue)"]


@pytest.mark.parametrize("root", [SweepConfig, PlanConfig, PolicyConfig])
def test_every_setting_has_a_description(root: type[Section]):
    assert len(places(root)) > (10 if root is PolicyConfig else 30)
    assert undescribed(SectionAt(root, Place())) == []
