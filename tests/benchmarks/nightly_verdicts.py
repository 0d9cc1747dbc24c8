"""How often the verdict on a night is a false alarm, and how soon it finds a planted drop.

    python -m tests.benchmarks.nightly_verdicts [--nights 1000] [--plans 5] [--smallest]

Values are drawn from a normal distribution; its deviation between seeds is the unit. A plan has a canary in
each of its spaces, compared by the mean of its seeds; a suspicion runs as many fresh seeds; the smallest
change that matters is 0.1 seed deviations, so that it protects from nothing. A level is the last 30 nights
since the last change that was found (a person accepts it), the fresh seeds of suspicions among them.

Two regimes: *drawn anew*, where every night draws all its seeds' values anew, and *kept*, where equal seeds
have equal values until a harmless change of code, one night in ten, draws all anew; a night that is equal to
an unclear one stays unclear. A drop comes in one of
the spaces after 10 nights, with a change of code; a night that does not find it joins the level. A space's
finalists are found anew each night: there nights differ by 0.5 or 1 seed deviation besides.

Exits with 1 if a kind has more than one false alarm in 500 nights × spaces, or if the first night with a drop
of 2 deviations is called worse in less than 80 of 100 plans, with canaries of 8 seeds or more, and of 5 that
are drawn anew. Takes ten minutes on one core.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import beta

from platform.nights.ledger.records import Finding
from platform.nights.verdicts.level import without_echoes
from platform.nights.verdicts.measured import FloatArray, Measured
from platform.nights.verdicts.verdict import Case, decide

from .figures import benchmark_parser, check_possible

SPACES, WINDOW, MIN_CHANGE = 5, 30, 0.1
ALARMS_AT_MOST, POWER_AT_LEAST = 1 / 500, 0.8
DROPS, JUDGED_DROP = (-0.5, -1.0, -2.0), -2.0
BEFORE, AFTER = 10, 20
"""Nights before a planted drop, and nights after which it counts as not found."""


@dataclass(frozen=True)
class Kind:
    """What is simulated.

    Attributes:
        renewed: How often a night draws its values anew.
        nights_differ: The deviation between nights, in that between seeds.
        is_judged: Whether its power must reach the goal.
    """

    name: str
    renewed: float
    seeds: int
    is_judged: bool
    nights_differ: float = 0.0

    def __str__(self) -> str:
        return f"{self.name:32}{self.seeds:6}"


KINDS = (
    Kind("canary, drawn anew", 1.0, 5, is_judged=True),
    Kind("canary, kept", 0.1, 5, is_judged=False),
    Kind("canary, kept", 0.1, 8, is_judged=True),
    Kind("canary, drawn anew", 1.0, 10, is_judged=True),
    Kind("canary, kept", 0.1, 10, is_judged=True),
    Kind("finalists, nights differ by 0.5", 1.0, 3, is_judged=False, nights_differ=0.5),
    Kind("finalists, nights differ by 1", 1.0, 3, is_judged=False, nights_differ=1.0),
)


@dataclass
class Space:
    """A space's nights: ``values_S`` of its seeds, then of as many fresh ones."""

    kind: Kind
    random: np.random.Generator
    values_S: FloatArray = field(init=False)
    level: list[Measured] = field(default_factory=list)
    was_unclear: list[bool] = field(default_factory=list)
    drawn: int = 0

    def __post_init__(self) -> None:
        self.draw()

    def draw(self, shift: float = 0.0) -> None:
        night = shift + self.kind.nights_differ * self.random.normal()
        self.values_S = night + self.random.normal(size=2 * self.kind.seeds)
        self.drawn += 1

    def tonight(self, shift: float = 0.0, *, is_changed: bool = False) -> Case:
        if is_changed or self.random.random() < self.kind.renewed:
            self.draw(shift)
        seeds, numbered = self.kind.seeds, list(enumerate(self.values_S.tolist()))
        tonight = Measured(dict(numbered[:seeds]))
        return Case(
            subject="simulated",
            metric="val/accuracy",
            direction="max",
            min_change=MIN_CHANGE,
            tonight=tonight,
            level=without_echoes(tonight, self.level, self.was_unclear),
            between_nights=self.kind.nights_differ > 0,
            fresh=Measured(dict(numbered[seeds:])),
        )

    def end(self, case: Case, decision: Finding) -> None:
        """Tonight joins the level; where it is found to be another one, it begins the next."""
        fresh = case.fresh.values if case.fresh and decision.is_suspicion else {}
        night = Measured({**case.tonight.values, **fresh})
        is_new = decision.verdict in ("better", "worse")
        unclear = decision.verdict == "unclear"
        self.level = [night] if is_new else [*self.level, night][-WINDOW:]
        self.was_unclear = [unclear] if is_new else [*self.was_unclear, unclear][-WINDOW:]


@dataclass(frozen=True)
class Calm:
    """What nights in which nothing changed led to: counted over nights and spaces."""

    judged: int
    drawn: int
    suspicions: int
    alarms: int

    @property
    def at_most(self) -> float:
        """The upper limit of the share of false alarms, with 95% confidence (Clopper & Pearson)."""
        return float(beta.ppf(0.95, self.alarms + 1, self.judged - self.alarms))

    def __str__(self) -> str:
        return (
            f"{self.suspicions / self.drawn:12.3f}{self.alarms:9}{_one_in(self.judged, self.alarms):>9}"
            f"{1 / self.at_most:10.0f}{_one_in(self.drawn, self.alarms):>18}"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--nights", type=int, default=1000, help="nights of a plan in which nothing changes")
    parser.add_argument("--plans", type=int, default=5, help="plans of so many nights, of each kind")
    parser.add_argument("--drops", type=int, default=200, help="plans with a drop, of each kind and size")
    options = parser.parse_args(arguments)
    nights, plans, drops = options.nights, options.plans, options.drops
    if options.smallest:
        nights, plans, drops = 20, 1, 3
    print(f"nothing changed: {plans} × {nights} nights × {SPACES} spaces")
    print(f"{'':32} seeds  suspicions   alarms   one in  95%: min   of nights drawn", flush=True)
    met = [print_calm(kind, nights, plans) for kind in KINDS]
    print(f"\na drop of so many deviations in one of {SPACES} spaces after {BEFORE} nights: {drops} plans")
    print(f"{'':32} seeds    drop  first night  within {AFTER}  nights until half", flush=True)
    met += [print_found(kind, drop, drops) for kind in KINDS for drop in DROPS]
    return 0 if options.smallest or all(met) else 1


def print_calm(kind: Kind, nights: int, plans: int) -> bool:
    """A line of the first table; whether false alarms are as rare as they must be."""
    drawn = suspicions = alarms = 0
    for number in range(plans):
        spaces = [Space(kind, np.random.default_rng((0, number, place))) for place in range(SPACES)]
        for _ in range(nights):
            decisions = judge_night(spaces, [one.tonight() for one in spaces])
            suspicions += sum(one.is_suspicion for one in decisions)
            alarms += sum(one.verdict in ("better", "worse") for one in decisions)
        drawn += sum(one.drawn for one in spaces)
    found = Calm(plans * nights * SPACES, drawn, suspicions, alarms)
    print(f"{kind}{found}", flush=True)
    check_possible({"false alarms at most": found.at_most})
    return found.alarms / found.judged <= ALARMS_AT_MOST


def print_found(kind: Kind, drop: float, plans: int) -> bool:
    """A line of the second table; whether the first night finds the drop as often as it must."""
    nights = sorted(nights_until_found(kind, drop, number) for number in range(plans))
    first = nights.count(1) / plans
    within = sum(map(math.isfinite, nights)) / plans
    half = nights[(plans - 1) // 2]
    print(
        f"{kind}{drop:8}{first:13.2f}{within:11.2f}{half if math.isfinite(half) else 'not found':>20}",
        flush=True,
    )
    return not kind.is_judged or drop != JUDGED_DROP or first >= POWER_AT_LEAST


def nights_until_found(kind: Kind, drop: float, number: int) -> float:
    """1 if the first night with the drop is called worse; infinite if none of ``AFTER`` nights is."""
    spaces = [Space(kind, np.random.default_rng((1, number, place))) for place in range(SPACES)]
    for night in range(1, BEFORE + AFTER + 1):
        shift = drop if night > BEFORE else 0.0
        cases = [
            spaces[0].tonight(shift, is_changed=night == BEFORE + 1),
            *(one.tonight() for one in spaces[1:]),
        ]
        decisions = judge_night(spaces, cases)
        if night > BEFORE and decisions[0].verdict == "worse":
            return night - BEFORE
    return math.inf


def judge_night(spaces: Sequence[Space], cases: Sequence[Case]) -> list[Finding]:
    decisions = decide(cases)
    for space, case, decision in zip(spaces, cases, decisions, strict=True):
        space.end(case, decision)
    return decisions


def _one_in(count: int, found: int) -> str:
    return f"{count / found:.0f}" if found else "–"


if __name__ == "__main__":
    sys.exit(main())
