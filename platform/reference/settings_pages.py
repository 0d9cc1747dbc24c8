"""The pages docs/reference/settings.md and docs/reference/settings/*.md."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from platform.config.errors import UserError
from platform.config.ranges import DRAWS
from platform.config.section import Section
from platform.datasets.cleaning.policy import PolicyConfig
from platform.methods import SECTIONS
from platform.nights.plan.plan_config import PlanConfig
from platform.reference.examples import example_lines, is_searchable
from platform.reference.markdown import docstring, prose, sentence, table
from platform.reference.tree import Place, SectionAt, Setting, undescribed
from platform.reference.words import bounds_in_words, plain_value, type_in_words, value_in_words
from platform.rounds.plan.rounds_config import RoundsConfig
from platform.training.trial.recipe import Recipe, StageConfig
from platform.tuning.settings.sweep_config import SweepConfig

FOLDER = "settings"
OWN_PAGES = ("search.sampler", "search.scheduler")
"""Settings inside a section whose own sections have a page of their own."""
ROOTS: Mapping[type[Section], tuple[str, str]] = {
    SweepConfig: ("trial", "The trial and the sweep"),
    PlanConfig: ("plan", "The plan of nights"),
    PolicyConfig: ("policy", "The policy of data clean"),
    RoundsConfig: ("rounds", "Rounds"),
}
"""The page of each root's own settings, and its title."""

INTRODUCTION = """# Settings

Every setting of a search space's YAML, of a plan of nights, of rounds and of a policy of `data clean`, with
its type, default and bounds. A setting that you leave out keeps its default. An unknown key, a wrong type or
a value out of bounds is an error that names file, line and column, before anything runs. Settings marked
*may be searched* take a range in place of a value:

{ranges}

These pages are written from the code.
"""


class Undescribed(UserError):
    """Settings have no description; the message names them."""


@dataclass(frozen=True)
class Page:
    """A page: its file's name without ``.md``, and the sections on it."""

    name: str
    title: str
    root: type[Section]
    sections: tuple[SectionAt, ...]


def settings_pages() -> dict[str, str]:
    """The text of each page by its path below docs/reference/.

    Raises:
        Undescribed: settings without a description.
        BadExample: an example that does not load.
    """
    pages = [page for root in ROOTS for page in _pages(root)]
    if missing := [name for root in ROOTS for name in undescribed(SectionAt(root, Place()))]:
        raise Undescribed(f"without a description: {', '.join(missing)}")
    links = _Links(pages)
    written = {f"{FOLDER}/{page.name}.md": _page(page, links) for page in pages}
    return {f"{FOLDER}.md": _index(pages), **written}


def _pages(root: type[Section]) -> list[Page]:
    """A page for the root's own settings, one for each of its sections, and those of :data:`OWN_PAGES`."""
    name, title = ROOTS[root]
    whole = SectionAt(root, Place())
    if root is not SweepConfig:
        return [Page(name, title, root, tuple(_own(whole, set())))]
    pages = [Page(name, title, root, (whole,))]
    seen: set[type[Section]] = {root}
    later: list[Page] = []
    for setting in sorted(
        whole.settings, key=lambda each: each.name.startswith(("second_", "peer_", "stages"))
    ):
        sections = tuple(found for each in setting.sections for found in _own(each, seen, later, root))
        if sections:
            pages.append(Page(setting.name, f"`{setting.name}`", root, sections))
            pages += later
            later = []
    return pages


def _own(
    section: SectionAt,
    seen: set[type[Section]],
    later: list[Page] | None = None,
    root: type[Section] = PlanConfig,
) -> Iterator[SectionAt]:
    """The section and those below it that have not been met at another place."""
    if section.section in seen:
        return
    seen.add(section.section)
    yield section
    for setting in settings_of(section):
        below = [found for each in setting.sections for found in _own(each, seen, later, root)]
        if str(setting.place) in OWN_PAGES and later is not None:
            later.append(Page(setting.name, f"`{setting.place}`", root, tuple(below)))
        else:
            yield from below


def settings_of(section: SectionAt) -> tuple[Setting, ...]:
    """What a page lists: all but the option's tag, and of a stage what the trial does not have."""
    inherited = Recipe.model_fields if section.section is StageConfig else {}
    return tuple(each for each in section.settings if each.tag is None and each.name not in inherited)


class _Links:
    """Where each section's class is described."""

    def __init__(self, pages: list[Page]) -> None:
        self._at = {
            one.section: (page.name, one.place.anchor)
            for page in reversed(pages)
            for one in reversed(page.sections)
        }

    def to(self, section: SectionAt, page: Page) -> str:
        name, anchor = self._at[section.section]
        words = f"`{section.option}`" if section.option else "its settings"
        return f"[{words}]({'' if name == page.name else f'{name}.md'}#{_id(anchor)})"


def _page(page: Page, links: _Links) -> str:
    first = page.sections[0]
    parts = [f"# {page.title}" + (f" {{ #{_id(first.place.anchor)} }}" if first.option is None else "")]
    for one in page.sections:
        if one is not first or one.option is not None:
            parts.append(f"## {_heading(one)} {{ #{_id(one.place.anchor)} }}")
        parts.append(docstring(one.about))
        if one.option in SECTIONS and one.place.steps == ("method",):
            parts.append(_facts(one))
        if one.section is StageConfig:
            names = ", ".join(f"[`{name}`](trial.md#{_id(name)})" for name in Recipe.model_fields)
            parts.append(f"A stage may hold each of {names}, and besides:")
        parts += [_setting(setting, page, links) for setting in settings_of(one)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _heading(section: SectionAt) -> str:
    if section.option is None:
        return f"`{section.place}`"
    key = next(key for number, key, _ in reversed(section.place.tags) if number == len(section.place.steps))
    return f"`{section.place}`: `{{{key}: {section.option}}}`"


def _facts(method: SectionAt) -> str:
    """What the method's class variables say."""
    config = SECTIONS[str(method.option)]
    facts = [f"It trains {'one network' if config.networks == 1 else f'{config.networks} networks'}."]
    if config.takes_soft_labels:
        facts.append("It can learn from mixed images (`augment.mixing`).")
    if config.takes_teacher:
        facts.append("It can learn from a `teacher`.")
    if config.takes_unlabelled:
        facts.append("It learns from images without a label, too (`data.unlabelled: use`).")
    if config.published:
        settings = ", ".join(f"{name}: {value}" for name, value in config.published.items())
        facts.append(
            f"Its authors used `{settings}`; `search.start_with: [{{published: true}}]` begins there."
        )
    return " ".join(facts)


def _setting(setting: Setting, page: Page, links: _Links) -> str:
    facts = [_type(setting, page, links), bounds_in_words(setting.field)]
    facts.append("**required**" if setting.is_required else f"default {_default(setting)}")
    facts.append("may be searched" if is_searchable(page.root, setting) else "")
    lines = example_lines(page.root, setting)
    example = "".join(("# or\n" if place else "") + text for place, text in enumerate(lines))
    return "\n\n".join(
        (
            f"### `{setting.place}` {{ #{_id(setting.place.anchor)} .setting }}",
            " · ".join(fact for fact in facts if fact) + "\n{ .facts }",
            sentence(setting.field.description or ""),
            f"```yaml\n{example}```",
        )
    )


def _type(setting: Setting, page: Page, links: _Links) -> str:
    words = prose(type_in_words(setting.field.annotation))
    if not setting.sections:
        return words
    named = [links.to(each, page) for each in setting.sections]
    return f"{words}: {', '.join(dict.fromkeys(named))}"


def _default(setting: Setting) -> str:
    """A default section by its name or by nothing but itself: its settings have their own defaults."""
    value = plain_value(setting.default)
    if setting.sections and isinstance(value, dict):
        tag = value.get("name") if any(each.option for each in setting.sections) else None
        return f"`{tag}`" if tag else "that section with its defaults"
    return value_in_words(setting.default)


def _index(pages: list[Page]) -> str:
    ranges = [(f"`{written}`", f"{draws[0].upper()}{draws[1:]}.") for written, draws in DRAWS.items()]
    parts = [INTRODUCTION.format(ranges=table(("Range", "Draws"), ranges))]
    for page in pages:
        parts.append(f"## {page.title} {{ #page-{page.name} }}")
        parts.append(f"[All of it, with examples]({FOLDER}/{page.name}.md)")
        rows = [
            (
                f"[`{setting.place}`]({FOLDER}/{page.name}.md#{_id(setting.place.anchor)})"
                + (f" of `{one.option}`" if one.option else ""),
                "required" if setting.is_required else _default(setting),
                sentence(setting.field.description or ""),
            )
            for one in page.sections
            for setting in settings_of(one)
        ]
        if rows:
            parts.append(table(("Setting", "Default", "What it is"), rows))
    return "\n\n".join(parts) + "\n"


def _id(anchor: str) -> str:
    return anchor or "root"
