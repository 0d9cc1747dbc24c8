"""What a bisect looks for: a change of the canary, and the commits that may have made it."""

import math
from dataclasses import dataclass
from pathlib import Path

from platform.config.errors import UserError
from platform.nights.ledger.places import NightFolder
from platform.nights.ledger.records import CANARY, OLD_DATA, Book, Comparison, Night
from platform.nights.plan.load_plan import LoadedPlan
from platform.nights.review.accept import known_night
from platform.nights.review.commits import Commit, commits_between, git
from platform.nights.running.comparing import level_nights
from platform.nights.running.measured import kept_measured
from platform.nights.verdicts.judgement import seeds_needed
from platform.nights.verdicts.level import FEWEST_SEEDS, level_of
from platform.nights.verdicts.measured import Measured
from platform.tracking.environment import UNKNOWN

LOCK = "requirements.lock"
FEWEST_OF_A_CANARY = 3
"""As in a plan: the first trial and two repeats."""


@dataclass(frozen=True)
class Question:
    """A change of the canary between two nights.

    Attributes:
        level: The nights that this one was compared with; ``good``: the last of them that ran committed code.
        compared: The night's comparison that found it.
        commits: From the good night's to this night's.
        seeds: With so many for each commit, the change is found in 80 of 100 cases.
        min_change: The smallest change that matters.
        has_other_packages: Whether requirements.lock changed between the two.
    """

    night: Night
    level: tuple[Night, ...]
    good: Night
    compared: Comparison
    commits: tuple[Commit, ...]
    seeds: int
    min_change: float
    has_other_packages: bool

    def in_words(self, seeds: int) -> str:
        """What is about to run."""
        between = len(self.commits) - 2
        runs = 2 + math.ceil(math.log2(between + 1))
        assert self.compared.difference is not None
        words = (
            f"{self.compared.metric} {self.compared.difference:+.4f} between {self.good.identity} "
            f"({self.commits[0].short}) and {self.night.identity} ({self.commits[-1].short}): {between} "
            f"commit{'s' * (between != 1)} between them, about {runs} runs of {seeds} seeds"
        )
        if self.has_other_packages:
            words += f"; {LOCK} changed on the way, but all runs have the packages that are installed now"
        return words


def question(plan: LoadedPlan, book: Book, identity: str, root: Path, seeds: int | None) -> Question:
    """The commits between the night and the last one of its level that ran committed code.

    Raises:
        UserError: the night's canary has not changed, its commits are not known, or ``seeds`` are too few.
    """
    if seeds is not None and seeds < FEWEST_OF_A_CANARY:
        raise UserError(f"--seeds: a canary has at least {FEWEST_OF_A_CANARY}, got {seeds}")
    night = known_night(book, identity)
    compared = _change(night)
    canary = plan.night(night.night).canary if night.night in plan.config.nights else None
    if canary is None:
        raise UserError(f"{plan.file}: nights.{night.night}: has no canary to run")
    level = level_nights(book, night, CANARY, compared.metric, compared.series)
    committed = [one for one in level if _commit(one) is not None]
    bad = _commit(night)
    if bad is None:
        raise UserError(f"{identity}: ran code that was not committed, so that no commit can be named")
    if not committed:
        raise UserError(f"{identity}: no night of its level ran code that was committed")
    good = committed[-1]
    commits = commits_between(root, str(_commit(good)), bad)
    return Question(
        night,
        tuple(level),
        good,
        compared,
        tuple(commits),
        seeds or max(canary.seeds, _seeds(plan, level, compared)),
        plan.night(night.night).compare.min_change,
        bool(git(root, "diff", "--name-only", commits[0].sha, bad, "--", LOCK)),
    )


def _change(night: Night) -> Comparison:
    """The first comparison of the canary that is worse, else the first that is better."""
    of_canary = [one for one in night.comparisons if one.subject in (CANARY, OLD_DATA)]
    for word in ("worse", "better"):
        for one in of_canary:
            if one.verdict == word:
                return one
    if not of_canary:
        raise UserError(f"{night.identity}: its canary was not compared, so there is no change to look for")
    verdicts = ", ".join(f"{one.metric} {one.verdict or 'begins a series'}" for one in of_canary)
    raise UserError(f"{night.identity}: its canary is neither worse nor better ({verdicts})")


def _commit(night: Night) -> str | None:
    """The commit that the night ran; None if it is unknown, or files differed from it."""
    known = night.fingerprint
    return None if known is None or known.dirty or known.commit == UNKNOWN else known.commit


def _seeds(plan: LoadedPlan, level: list[Night], compared: Comparison) -> int:
    """Seeds that find the change, by the variance between seeds of the level's nights and of this one."""
    measured = [Measured(dict(enumerate(compared.all_values)))]
    for night in level:
        kept = kept_measured(NightFolder.of(plan.state, night.identity).measured)
        measured += [one for key, one in kept.items() if key == (CANARY, compared.metric)]
    known = level_of(measured)
    if known is None or not compared.difference:
        return FEWEST_SEEDS
    return seeds_needed(known.seed_variance, compared.difference)
