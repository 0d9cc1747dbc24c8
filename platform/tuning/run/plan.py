"""The plan of a sweep (``--plan``), made without starting Ray or reading images."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from platform.config.load import LoadedSpace
from platform.config.space import Parameter
from platform.datasets.errors import counted
from platform.datasets.image_size import Size, covering
from platform.datasets.preparation.prepare import Summary, inspect
from platform.models.model_config import checkpoint_bytes
from platform.storage.disk import free_bytes, size
from platform.storage.folder import Folder
from platform.tracking.tracking_config import resolve_uri
from platform.training.trial.unlabelled import refuse_unlabelled
from platform.tuning.cluster.resources import TrialResources, resources_here, trial_resources
from platform.tuning.folder.checkpoint_place import place_of
from platform.tuning.names import flatten
from platform.tuning.run.equipment import equipment
from platform.tuning.run.first_lines import data_line, too_large_for
from platform.tuning.run.method_state import state_lines, table_bytes
from platform.tuning.settings.scheduler_config import NoScheduler
from platform.tuning.settings.search_config import SearchConfig
from platform.tuning.settings.sweep_config import SweepConfig
from platform.tuning.space.search_check import check_search, left_to_chance
from platform.tuning.space.short_trials import too_short_for
from platform.tuning.stopping.budget import check_gpu_hours

ENOUGH_CORES = 1e6
STATISTICS = {
    "best": "of a trial's best epoch",
    "last": "of a trial's last epoch",
    "mean_last_3": "the mean of a trial's last three epochs",
}


@dataclass(frozen=True)
class Plan:
    """What a sweep will run, and the epochs and bytes that it takes.

    Attributes:
        trials: The number of trials in the search.
        repeats: The number of trials that confirm the best; they count in bytes, not in epochs.
        resources: What each trial gets on this machine, and how many run at once; None for a cluster.
        epochs_at_least: The epochs if the scheduler stops each trial as early as it can.
        checkpoint_bytes: The most that all checkpoints take without storage.max_bytes.
        needed_bytes: The part that storage.max_bytes cannot delete.
        free_bytes: Free space on the disk of the checkpoints; None if they are remote.
        method_state: One line on the tables of each method that keeps some.
        notices: One line each on what trials are too short or images too large for.
    """

    name: str
    experiment: str
    trials: int
    repeats: int
    resources: TrialResources | None
    epochs_at_least: int
    epochs_at_most: int
    epochs_a_trial: int
    bytes_a_checkpoint: int
    checkpoint_bytes: int
    needed_bytes: int
    free_bytes: int | None
    largest_image: Size
    data: Summary
    parameters: list[Parameter]
    left_to_chance: list[Parameter]
    config: SweepConfig
    notices: tuple[str, ...] = ()
    gpus: int | None = None
    method_state: tuple[str, ...] = ()


def trials_of(loaded: LoadedSpace[SweepConfig]) -> int:
    """The number of trials: 1 for a space without a range, at most the number of points for a grid."""
    search = loaded.first().search
    if not loaded.space.parameters():
        return 1
    return min(search.trials, int(loaded.space.points())) if search.sampler.name == "grid" else search.trials


def repeats_of(config: SweepConfig, trials: int) -> int:
    """The number of trials that search.confirm adds to ``trials`` of the search."""
    confirm = config.search.confirm
    return min(confirm.top, trials) * confirm.seeds if confirm else 0


def make_plan(
    loaded: LoadedSpace[SweepConfig],
    name: str,
    *,
    out: Path = Path("runs"),
    address: str | None = None,
    gpus: int | None = None,
) -> Plan:
    """The plan of the sweep that will have the folder ``out``/NAME.

    ``gpus``: plan for one machine with so many GPUs, and cores enough, which need not be there.

    Raises UserError if the data cannot be read, or this machine has no room for a trial.
    """
    config = loaded.first()
    check_search(loaded)
    resolve_uri(config.tracking)
    trials = trials_of(loaded)
    machine = resources_here() if gpus is None else {"CPU": ENOUGH_CORES, "GPU": float(gpus)}
    here = None if address else trial_resources(config.resources, [machine], trials)
    if here:
        check_gpu_hours(loaded, here)
    corners = loaded.corners()
    longest = max(corner.total_epochs for corner in corners)
    shortest = min(corner.total_epochs for corner in corners)
    data = inspect(config.data)
    for corner in corners:
        refuse_unlabelled(corner.trial(), data.unlabelled)
    repeats = repeats_of(config, trials)
    kept = config.storage.keep_checkpoints + 1
    each = max(_bytes(corner, len(data.classes)) + table_bytes(corner, data) for corner in corners)
    place = place_of(config.storage.path, name) or Folder.of(out)
    return Plan(
        name=name,
        experiment=config.experiment or name,
        trials=trials,
        repeats=repeats,
        resources=here,
        epochs_at_least=config.search.scheduler.least_epochs(trials, shortest, longest),
        epochs_at_most=trials * longest,
        epochs_a_trial=longest,
        bytes_a_checkpoint=each,
        checkpoint_bytes=(trials + repeats) * kept * each,
        needed_bytes=each * _needed_checkpoints(config, trials, here.concurrency if here else 1),
        free_bytes=_free_bytes(place),
        largest_image=covering(corner.largest_image for corner in corners),
        data=data,
        parameters=loaded.space.parameters(),
        left_to_chance=left_to_chance(loaded),
        config=config,
        gpus=gpus,
        method_state=tuple(state_lines(corners, data, str(place) if place.local else "the temporary folder")),
        notices=(
            *too_large_for(covering(corner.largest_image for corner in corners), data),
            *_stages_of_their_own(loaded.document.tree.get("epochs"), corners),
            *too_short_for(corners),
        ),
    )


def _stages_of_their_own(said: Any, corners: Sequence[SweepConfig]) -> Iterator[str]:
    """A line where stages have other epochs together than ``epochs`` says."""
    others = [one for one in corners if one.stages and said not in (None, one.total_epochs)]
    if others:
        each = ", ".join(str(phase.epochs) for phase in others[0].phases)
        yield f"epochs {said}: the stages have epochs of their own, {each}, each at least one"


def _needed_checkpoints(config: SweepConfig, trials: int, at_once: int) -> int:
    """The number of the best trials' checkpoints, and of those that running trials keep and write."""
    confirm = config.search.confirm
    best = min(trials, max(config.report.top, confirm.top if confirm else 0))
    return best + at_once * (config.storage.keep_checkpoints + 2)


def _free_bytes(place: Folder) -> int | None:
    return None if place.local is None else free_bytes(place.local)


def _bytes(config: SweepConfig, classes: int) -> int:
    """Bytes of weights, EMA and optimiser state: one tensor per weight for SGD, two for AdamW."""
    weights = [checkpoint_bytes(model, classes) for model in config.models]
    copies = [
        [1 + (config.ema is not None) + (2 if optim.name == "adamw" else 1) for optim in phase.optims]
        for phase in config.phases
    ]
    return max(sum(own * bytes_ for own, bytes_ in zip(each, weights, strict=True)) for each in copies)


def render(plan: Plan) -> Group:
    facts = Table(box=None, show_header=False, pad_edge=False)
    search = plan.config.search
    machine = "this machine" if plan.gpus is None else counted(plan.gpus, "GPU")
    searched = {parameter.path for parameter in plan.parameters}
    at_once = f"{plan.resources.concurrency} at once on {machine}" if plan.resources else "on the cluster"
    for key, value in (
        ("sweep", plan.name),
        ("experiment", plan.experiment),
        ("data", data_line(plan.data)),
        *(("on purpose", line) for line in plan.data.injected),
        *(("note", line) for line in (*plan.data.remarks.sentences(), *plan.notices)),
        ("selects", _selects(search)),
        ("trials", f"{plan.trials}, {at_once}"),
        ("a trial has", equipment(plan.config, plan.resources, searched, is_here=plan.gpus is None)),
        ("epochs", _epochs(plan)),
        ("sampler", _sampler(plan)),
        ("constraints", "; ".join(search.constraints)),
        ("starts with", "; ".join(_start(entry) for entry in search.start_with)),
        ("stopping", _stopping(search)),
        ("budget", _budget(plan)),
        ("confirms", _confirms(plan)),
        ("checkpoints", _checkpoints(plan)),
        *(("method state", line) for line in plan.method_state),
    ):
        if value:
            facts.add_row(Text(key, style="bold"), Text(value))
    if not plan.parameters:
        return Group(facts, Text("no range to search: one training run"))
    space = Table("parameter", "range", "only where", box=None, pad_edge=False)
    for parameter in plan.parameters:
        space.add_row(Text(parameter.path), Text(str(parameter.range)), Text(parameter.condition))
    return Group(facts, Text(""), space)


def _selects(search: SearchConfig) -> str:
    named = " and ".join(str(goal) for goal in search.goals)
    if len(search.goals) == 1:
        return f"{named}, {STATISTICS[search.statistic]}"
    first = search.first.metric
    return f"{named}, {STATISTICS[search.statistic]} by {first}; a Pareto front instead of a ranking"


def _stopping(search: SearchConfig) -> str:
    alone = isinstance(search.scheduler, NoScheduler) or len(search.goals) == 1
    return f"{search.scheduler}" + ("" if alone else f"; by {search.first.metric} alone")


def _epochs(plan: Plan) -> str:
    most = f"{plan.epochs_at_most:,} at most ({plan.epochs_a_trial} a trial)"
    if plan.epochs_at_least == plan.epochs_at_most:
        return most
    return f"{most}, {plan.epochs_at_least:,} at least, if each trial is stopped as early as possible"


def _budget(plan: Plan) -> str:
    budget = plan.config.search.budget
    if budget.epochs is not None and budget.epochs < plan.epochs_at_least:
        return f"{budget}: too few for {plan.trials} trials: the sweep will end before all are done"
    confirm = plan.config.search.confirm
    if str(budget) and confirm and confirm.reserve:
        return f"{budget}, of which {confirm.reserve:.0%} are kept to confirm the best"
    return str(budget) or "none"


def _checkpoints(plan: Plan) -> str:
    limit = plan.config.storage.max_bytes
    most = plan.checkpoint_bytes if limit is None else min(plan.checkpoint_bytes, limit)
    free = f"; in {plan.config.storage.path}" if plan.config.storage.path else ""
    if plan.free_bytes is not None:
        free += f"; {size(plan.free_bytes)} free" + (", which is too little" * (most > plan.free_bytes))
    if limit is None or plan.checkpoint_bytes <= limit:
        return f"{size(most)} at most{free}"
    kept = f"{size(limit)} at most (storage.max_bytes) of {size(plan.checkpoint_bytes)}"
    if plan.needed_bytes > limit:
        kept += f", less than the {size(plan.needed_bytes)} that the best and the running trials need"
    return kept + free


def _confirms(plan: Plan) -> str:
    again, confirm = plan.repeats, plan.config.search.confirm
    if confirm is None:
        return ""
    most = f"{again} more trials, {again * plan.epochs_a_trial:,} more epochs at most"
    return f"repeats the best {min(confirm.top, plan.trials)} with {confirm.seeds} other seeds each: {most}"


def _sampler(plan: Plan) -> str:
    name = plan.config.search.sampler.name
    if not plan.left_to_chance:
        return name
    return f"{name}, but independently at random for: {', '.join(one.path for one in plan.left_to_chance)}"


def _start(entry: Mapping[str, Any]) -> str:
    if "from" in entry:
        return f"the best {entry.get('best', 1)} of {entry['from']}"
    if "published" in entry:
        return "the methods' published settings"
    return ", ".join(f"{path} {value}" for path, value in flatten(entry).items())


def as_text(plan: Plan) -> str:
    text = StringIO()
    Console(file=text, width=110, force_jupyter=False).print(render(plan))
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())
