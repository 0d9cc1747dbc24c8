"""Read and check a plan, with every space and canary that it names."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from platform.config.document import Document, TreePath, dotted
from platform.config.errors import ConfigError, UserError, located
from platform.config.load import LoadedSpace, load_space
from platform.nights.ledger.records import CANARY, OLD_DATA
from platform.nights.plan.notify_config import variables_in
from platform.nights.plan.plan_config import NightConfig, PlanConfig
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig


@dataclass(frozen=True)
class Subject:
    """A space of a night, or its canary: ``name`` is the end of its sweep's name."""

    name: str
    path: Path
    overrides: tuple[str, ...]
    loaded: LoadedSpace[SweepConfig]
    weight: float = 0.0

    @property
    def is_canary(self) -> bool:
        return self.name in (CANARY, OLD_DATA)


@dataclass(frozen=True)
class LoadedPlan:
    """A plan and its file; ``subjects``: what each night runs, the canary first."""

    file: Path
    config: PlanConfig
    document: Document
    subjects: Mapping[str, tuple[Subject, ...]] = field(repr=False)

    @property
    def name(self) -> str:
        return self.file.stem

    @property
    def state(self) -> Path:
        return Path(self.config.state)

    @property
    def out(self) -> Path:
        return Path(self.config.out)

    def night(self, name: str) -> NightConfig:
        return self.config.nights[name]


def load_plan(file: Path) -> LoadedPlan:
    """The checked plan; paths in it are relative to the folder in which the command runs.

    Raises:
        ConfigError: one line for each mistake, in the plan or in a space that it names.
    """
    plan = load_space(file, PlanConfig)
    if ranges := plan.space.parameters():
        path = next(known for known in plan.document.marks if dotted(known) == ranges[0].path)
        message = "is a range: a plan has none, its spaces have"
        raise ConfigError.at(plan.document.mark(path), ranges[0].path, message)
    config, document = plan.first(), plan.document
    subjects: dict[str, tuple[Subject, ...]] = {}
    wrong: list[str] = []
    for name, night in config.nights.items():
        try:
            subjects[name] = tuple(_subjects(name, night, document))
        except ConfigError as error:
            wrong += error.lines
    if wrong:
        raise ConfigError(*wrong)
    return LoadedPlan(file, config, document, subjects)


def check_variables(plan: LoadedPlan, environment: Mapping[str, str]) -> None:
    """Raises ConfigError for environment variables in ``notify`` that are not set.

    Those in a command are its own: no shell but one that it names replaces them, and NIGHT is set for it.
    """
    lines = []
    for path, value in _texts(plan.document.tree.get("notify"), ("notify",)):
        for name in variables_in(value):
            if not environment.get(name) and "command" not in path:
                mark = plan.document.mark(path)
                lines.append(located(mark, dotted(path), f"the environment variable {name} is not set"))
    if lines:
        raise ConfigError(*lines)


def _subjects(name: str, night: NightConfig, document: Document) -> Iterator[Subject]:
    here: TreePath = ("nights", name)
    if night.canary is not None:
        canary = night.canary
        path: TreePath = (*here, CANARY, "space")
        loaded = _space(canary.space, canary.overrides, document, path)
        if ranges := loaded.space.parameters():
            message = (
                f"the canary must have the same settings every night, but {canary.space} has a range at "
            )
            raise ConfigError.at(document.mark(path), dotted(path), message + ranges[0].path)
        yield Subject(CANARY, Path(canary.space), canary.overrides, loaded)
    taken = [CANARY]
    for place, entry in enumerate(night.spaces):
        path = (*here, "spaces", place)
        loaded = _space(entry.space, entry.overrides, document, path)
        stem = loaded.first().name or Path(entry.space).stem
        own = stem if stem not in taken else f"{stem}-{taken.count(stem) + 1}"
        taken.append(stem)
        yield Subject(own, Path(entry.space), entry.overrides, loaded, entry.weight)


def _space(
    file: str, overrides: Sequence[str], document: Document, path: TreePath
) -> LoadedSpace[SweepConfig]:
    """The space; its mistakes are told at their place in its file, a missing file at the plan's."""
    if not Path(file).is_file():
        raise ConfigError.at(document.mark(path), dotted(path), f"there is no space {file}")
    try:
        return load_space(Path(file), SweepConfig, overrides=overrides, fixed=SWEEP_FIELDS)
    except ConfigError:
        raise
    except UserError as error:  # an override that is none
        raise ConfigError.at(document.mark(path), dotted(path), str(error)) from None


def _texts(tree: object, path: TreePath) -> Iterator[tuple[TreePath, str]]:
    if isinstance(tree, str):
        yield path, tree
    elif isinstance(tree, dict):
        for key, value in tree.items():
            yield from _texts(value, (*path, key))
    elif isinstance(tree, list):
        for place, value in enumerate(tree):
            yield from _texts(value, (*path, place))
