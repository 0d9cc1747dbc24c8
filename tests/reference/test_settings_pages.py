"""The pages of settings: one example of each setting, which loads; what is wrong stops the build."""

import re
from collections import Counter

import pytest
from pydantic import Field

from platform.config.section import Section
from platform.methods import method_names
from platform.reference import examples, settings_pages
from platform.reference.examples import BadExample, example_lines, is_searchable
from platform.reference.tree import Place, SectionAt, Setting, every
from platform.tuning.settings.sweep_config import SweepConfig


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """Every page; writing them loads every example."""
    return settings_pages.settings_pages()


def setting_of(path: str, **options: str) -> Setting:
    return next(
        setting
        for one in every(SectionAt(SweepConfig, Place()))
        for setting in one.settings
        if str(setting.place) == path and all((value in setting.place.anchor) for value in options.values())
    )


def test_a_setting_has_its_type_bounds_default_description_and_examples(pages):
    part = pages["settings/method.md"].partition("{ #method-peer-drop_rate .setting }")[2].partition("###")[0]
    assert "number · at least 0, below 1 · default `0.3` · may be searched" in part
    assert "Share of the images on which both networks agree" in part
    assert "method: {name: peer, drop_rate: {uniform: [0.1, 0.5]}}" in part


def test_every_setting_of_the_trial_the_sweep_and_a_plan_has_its_heading_once(pages):
    by_page = {name: Counter(re.findall(r"\{ #(\S+) \.setting \}", text)) for name, text in pages.items()}
    assert {name for name, own in by_page.items() if own and max(own.values()) > 1} == set()
    anchors = sum(by_page.values(), Counter())
    assert len(anchors) > 200
    for name in SweepConfig.model_fields:
        assert name in anchors, name
    assert {"nights-NAME-canary-seeds", "notify-to-email-port", "stages-restart"} <= set(anchors)


def test_every_method_has_its_section_and_its_authors_settings(pages):
    page = pages["settings/method.md"]
    for name in method_names():
        assert f"## `method`: `{{name: {name}}}`" in page
    assert "Its authors used `drop_rate: 0.35, ramp_epochs: 10`" in page


def test_the_overview_links_to_every_setting(pages):
    linked = set(re.findall(r"\((settings/\w+\.md#[^)]+)\)", pages["settings.md"]))
    headings = {
        f"{name}#{anchor}"
        for name, text in pages.items()
        for anchor in re.findall(r"\{ #(\S+) \.setting \}", text)
    }
    assert linked == headings


def test_ranges_are_for_the_trial_not_for_the_sweep():
    assert is_searchable(SweepConfig, setting_of("optim.lr"))
    assert not is_searchable(SweepConfig, setting_of("data.val_share"))


def test_what_a_setting_needs_stands_beside_it():
    assert example_lines(SweepConfig, setting_of("peer_model")) == [
        "method: {name: peer}\npeer_model: {backbone: resnet34}\n"
    ]


class Wrong(Section):
    """A section whose examples show nothing or do not load."""

    share: float = Field(0.1, le=1, description="a share", examples=[1.5])
    name: str | None = Field(None, description="a name")
    size: int = Field(description="a size")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("share", "share: its example does not load: example:1:1: share: must be <= 1, got 1.5"),
        ("name", "name: its default None shows nothing"),
        ("size", "size: is required and has no example"),
    ],
)
def test_a_bad_example_stops_the_build(name: str, reason: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(examples, "AROUND", {Wrong: {"size": 1}})
    setting = next(one for one in SectionAt(Wrong, Place()).settings if one.name == name)
    with pytest.raises(BadExample) as raised:
        example_lines(Wrong, setting)
    assert str(raised.value).startswith(reason)


class Undescribed(Section):
    """A root with a setting that says nothing."""

    share: float = 0.1


def test_a_setting_without_description_stops_the_build(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(settings_pages, "ROOTS", {Undescribed: ("trial", "Trial")})
    with pytest.raises(settings_pages.Undescribed, match=r"without a description: share \(Undescribed\)"):
        settings_pages.settings_pages()
