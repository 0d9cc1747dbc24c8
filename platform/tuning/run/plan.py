"""What a sweep would do, worked out without starting Ray or reading an image."""

from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from platform.config.load import LoadedSpace
from platform.config.space import Parameter
from platform.datasets.image_size import Size, covering
from platform.datasets.preparation.prepare import Summary, inspect
from platform.models.model_config import checkpoint_bytes
from platform.tracking.tracking_config import resolve_uri
from platform.storage.disk import free_bytes
from platform.storage.folder import Folder
from platform.training.trial.unlabelled import refuse_unlabelled
from platform.tuning.stopping.budget import check_gpu_hours
from platform.tuning.folder.checkpoint_place import place_of
from platform.tuning.names import flatten
from platform.tuning.cluster.resources import resources_here, trial_resources
from platform.tuning.settings.scheduler_config import NoScheduler
from platform.tuning.space.search_check import check_search, left_to_chance
from platform.tuning.settings.search_config import SearchConfig
from platform.tuning.settings.sweep_config import SweepConfig

STATISTICS = {
    "best": "of a trial's best epoch",
    "last": "of a trial's last epoch",
    "mean_last_3": "the mean of a trial's last three epochs",
}


@dataclass(frozen=True)
class Plan:
    """``repeats``: trials that confirm the best; the other counts leave them out, but for the bytes.

    ``epochs_at_least`` is what the scheduler leaves where it stops each trial as early as it can.
    ``checkpoint_bytes`` is what the sweep's checkpoints take at most, were it not for storage.max_bytes;
    ``needed_bytes`` what cannot be deleted for that; both 0 where the size of a checkpoint is not known.
    ``free_bytes``: what the disk has left on which they will lie; None where it is none of this machine.
    ``concurrency`` is known of this machine, None for a cluster.
    """

    name: str
    experiment: str
    trials: int
    repeats: int
    concurrency: int | None
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


def trials_of(loaded: LoadedSpace[SweepConfig]) -> int:
    """A YAML without any range is one training run; a grid has no more trials than points."""
    search = loaded.first().search
    if not loaded.space.parameters():
        return 1
    return min(search.trials, int(loaded.space.points())) if search.sampler.name == "grid" else search.trials


def repeats_of(config: SweepConfig, trials: int) -> int:
    """How many trials search.confirm adds after ``trials`` of the search."""
    confirm = config.search.confirm
    return min(confirm.top, trials) * confirm.seeds if confirm else 0


def make_plan(
    loaded: LoadedSpace[SweepConfig], name: str, *, out: Path = Path("runs"), address: str | None = None
) -> Plan:
    """The sweep's folder will be ``out``/NAME.

    Raises UserError for data that cannot be read or a trial that this machine has no room for.
    """
    config = loaded.first()
    check_search(loaded)
    resolve_uri(config.tracking)
    trials = trials_of(loaded)
    here = None if address else trial_resources(config.resources, [resources_here()], trials)
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
    each = max(_bytes(corner, len(data.classes)) for corner in corners)
    return Plan(
        name=name,
        experiment=config.experiment or config.name or name,
        trials=trials,
        repeats=repeats,
        concurrency=here.concurrency if here else None,
        epochs_at_least=config.search.scheduler.least_epochs(trials, shortest, longest),
        epochs_at_most=trials * longest,
        epochs_a_trial=longest,
        bytes_a_checkpoint=each,
        checkpoint_bytes=(trials + repeats) * kept * each,
        needed_bytes=each * _needed_checkpoints(config, trials, here.concurrency if here else 1),
        free_bytes=_free_bytes(place_of(config.storage.path, name) or Folder.of(out)),
        largest_image=covering(corner.largest_image for corner in corners),
        data=data,
        parameters=loaded.space.parameters(),
        left_to_chance=left_to_chance(loaded),
        config=config,
    )


def _needed_checkpoints(config: SweepConfig, trials: int, at_once: int) -> int:
    """Those of the best trials; of each that runs, what is kept of it and the one that it writes."""
    confirm = config.search.confirm
    best = min(trials, max(config.report.top, confirm.top if confirm else 0))
    return best + at_once * (config.storage.keep_checkpoints + 2)


def _free_bytes(place: Folder) -> int | None:
    return None if place.local is None else free_bytes(place.local)


def _bytes(config: SweepConfig, classes: int) -> int:
    """Weights, once more for EMA, and the optimiser's state: one tensor a weight for SGD, two for AdamW."""
    weights = [checkpoint_bytes(model, classes) for model in config.models]
    copies = [
        [1 + (config.ema is not None) + (2 if optim.name == "adamw" else 1) for optim in phase.optims]
        for phase in config.phases
    ]
    return max(sum(own * bytes_ for own, bytes_ in zip(each, weights, strict=True)) for each in copies)


def render(plan: Plan) -> Group:
    facts = Table(box=None, show_header=False, pad_edge=False)
    search = plan.config.search
    at_once = f"{plan.concurrency} at once on this machine" if plan.concurrency else "on the cluster"
    rows = ", ".join(f"{count:,} {split}" for split, count in plan.data.rows.items())
    if plan.data.unlabelled:
        rows += f"; {plan.data.unlabelled:,} of train without a label"
    for key, value in (
        ("sweep", plan.name),
        ("experiment", plan.experiment),
        ("data", f"{plan.config.data.source}: {len(plan.data.classes)} classes; {rows}"),
        ("selects", _selects(search)),
        ("trials", f"{plan.trials}, {at_once}"),
        ("epochs", _epochs(plan)),
        ("sampler", _sampler(plan)),
        ("constraints", "; ".join(search.constraints)),
        ("starts with", "; ".join(_start(entry) for entry in search.start_with)),
        ("stopping", _stopping(search)),
        ("budget", _budget(plan)),
        ("confirms", _confirms(plan)),
        ("checkpoints", _checkpoints(plan)),
    ):
        if value:
            facts.add_row(Text(key, style="bold"), Text(value))
    if not plan.parameters:
        return Group(facts, Text("no range: one training run"))
    space = Table("parameter", "range", "only where", box=None, pad_edge=False)
    for parameter in plan.parameters:
        space.add_row(Text(parameter.path), Text(str(parameter.range)), Text(parameter.condition))
    return Group(facts, Text(""), space)


def _selects(search: SearchConfig) -> str:
    named = " and ".join(str(goal) for goal in search.goals)
    if len(search.goals) == 1:
        return f"{named}, {STATISTICS[search.statistic]}"
    first = search.first.metric
    return f"{named}, {STATISTICS[search.statistic]} by {first}: no ranking but a front"


def _stopping(search: SearchConfig) -> str:
    alone = isinstance(search.scheduler, NoScheduler) or len(search.goals) == 1
    return f"{search.scheduler}" + ("" if alone else f"; by {search.first.metric} alone")


def _epochs(plan: Plan) -> str:
    most = f"{plan.epochs_at_most:,} at most ({plan.epochs_a_trial} a trial)"
    if plan.epochs_at_least == plan.epochs_at_most:
        return most
    return f"{most}, {plan.epochs_at_least:,} at least, if each trial ends as early as it can"


def _budget(plan: Plan) -> str:
    budget = plan.config.search.budget
    if budget.epochs is not None and budget.epochs < plan.epochs_at_least:
        return f"{budget}: too few for {plan.trials} trials, it ends the sweep before they are done"
    return str(budget) or "none"


def _checkpoints(plan: Plan) -> str:
    limit = plan.config.storage.max_bytes
    most = plan.checkpoint_bytes if limit is None else min(plan.checkpoint_bytes, limit)
    free = f"; in {plan.config.storage.path}" if plan.config.storage.path else ""
    if plan.free_bytes is not None:
        free += f"; {size(plan.free_bytes)} free" + (", which is too little" * (most > plan.free_bytes))
    if limit is None or plan.checkpoint_bytes <= limit:
        return f"{size(most)} at most{free}"
    kept = f"{size(limit)} at most, by storage.max_bytes, of {size(plan.checkpoint_bytes)}"
    if plan.needed_bytes > limit:
        kept += f": too few for the best trials and what runs, {size(plan.needed_bytes)}"
    return kept + free


def _confirms(plan: Plan) -> str:
    again, confirm = plan.repeats, plan.config.search.confirm
    if confirm is None:
        return ""
    most = f"{again} trials, {again * plan.epochs_a_trial:,} epochs more at most"
    return f"the best {min(confirm.top, plan.trials)} again with {confirm.seeds} other seeds each: {most}"


def _sampler(plan: Plan) -> str:
    name = plan.config.search.sampler.name
    if not plan.left_to_chance:
        return name
    return f"{name}, but at random, each by itself: {', '.join(one.path for one in plan.left_to_chance)}"


def _start(entry: Mapping[str, Any]) -> str:
    if "from" in entry:
        return f"the best {entry.get('best', 1)} of {entry['from']}"
    if "published" in entry:
        return "the methods' published settings"
    return ", ".join(f"{path} {value}" for path, value in flatten(entry).items())


def as_text(plan: Plan) -> str:
    text = StringIO()
    Console(file=text, width=110).print(render(plan))
    return text.getvalue()


def size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit in ("B", "kB") else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
