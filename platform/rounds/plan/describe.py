"""``--plan``: what runs in each round, what happens in between, and when it ends."""

from collections.abc import Iterator
from typing import Any

from platform.config.load import LoadedSpace
from platform.rounds.ledger.places import sweep_name
from platform.rounds.plan.load_rounds import LoadedRounds
from platform.tuning.settings.sweep_config import SweepConfig


def as_json(plan: LoadedRounds) -> dict[str, Any]:
    config = plan.config
    return {
        "name": config.name,
        "folder": str(plan.folder),
        "rounds": [
            {
                "round": number,
                "sweep": sweep_name(config.name, number),
                "space": config.space,
                "trials": _trials(plan.space(number)),
                "epochs": _epochs(plan.space(number)),
            }
            for number in range(1, config.rounds + 1)
        ],
        "between": [*between(plan)],
        "ends": ends(plan),
    }


def as_lines(plan: LoadedRounds) -> Iterator[str]:
    config = plan.config
    yield f"rounds {config.name} in {plan.folder}/, sweeps in {plan.out}/"
    yield f"splits and noise of {plan.data.source} are drawn once; validation and test never change"
    for number in dict.fromkeys((1, min(2, config.rounds))):
        space = plan.space(number)
        named = (
            "round 1" if number == 1 else f"round 2 to {config.rounds}" if config.rounds > 2 else "round 2"
        )
        yield f"{named}: {config.space}, {_trials(space)} trials of {_epochs(space)} epochs at most"
    for line in between(plan):
        yield f"  {line}"
    yield f"ends {ends(plan)}"


def between(plan: LoadedRounds) -> Iterator[str]:
    """What happens before each round but the first."""
    config = plan.config
    if config.audit is not None:
        yield "audit the sweep before, with what it has learnt"
    if config.clean is not None:
        yield f"clean by {config.clean.policy}"
        if not plan.uses_unlabelled:
            yield "images without a label are left out: methods of the space cannot learn from them"
    if config.pseudo_label is not None:
        yield f"pseudo-label {_pseudo_labelled(plan)} from a probability of {config.pseudo_label.above:g} on"
        if config.pseudo_label.test:
            yield "test images are learnt from: from round 2 on nothing can be said of test"
    if config.distil:
        yield "the best trial of the best round so far teaches"
    if config.start.best and plan.later.space.parameters():
        yield f"the search begins with the best {config.start.best} of the best round so far"
    if config.start.init == "best":
        yield "trials begin with the weights of its best trial"


def ends(plan: LoadedRounds) -> str:
    stop, rounds = plan.config.stop, plan.config.rounds
    last = f"after round {rounds}"
    if rounds == 1:
        return last
    gain = f"{stop.standard_errors:g} standard errors of the paired difference on validation"
    gain += f" or no more than {stop.min_gain:g}" * bool(stop.min_gain)
    barren = "a round gains" if stop.patience == 1 else f"{stop.patience} rounds in a row gain"
    return f"{last}, or once {barren} no more than {gain}"


def _pseudo_labelled(plan: LoadedRounds) -> str:
    config = plan.config.pseudo_label
    assert config is not None
    parts = ["training images without a label"] * config.unlabelled
    parts += [f"the images of {config.folder}"] if config.folder else []
    return ", ".join([*parts, *["test images"] * config.test])


def _trials(space: LoadedSpace[SweepConfig]) -> int:
    from platform.tuning.run.plan import repeats_of, trials_of  # imports torch

    searched = trials_of(space)
    return searched + repeats_of(space.first(), searched)


def _epochs(space: LoadedSpace[SweepConfig]) -> int:
    return max(corner.total_epochs for corner in space.corners())
