"""``bisect FILE NIGHT``: the first commit since the last good night with which the canary is another.

The canary of each commit runs in a worktree, in a process of its own. What it measured is kept as soon as it
is known, in state/bisect/NIGHT@DATE/values.json, so that a bisect that was killed goes on.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import TypeAdapter
from scipy.special import stdtrit

from platform.config.errors import UserError
from platform.config.invocation import ROOT
from platform.nights.ledger.ledger import Ledger
from platform.nights.plan.load_plan import LoadedPlan
from platform.nights.review.canary_runs import canary_runs
from platform.nights.review.commits import Commit, check_out, worktree
from platform.nights.review.question import Question, question
from platform.nights.verdicts.judgement import SUSPICION, Judgement, judge
from platform.nights.verdicts.level import FEWEST_SEEDS
from platform.nights.verdicts.measured import Measured
from platform.storage.whole_files import read_record, write_whole

Say = Callable[[str], None]
Run = Callable[[Path, Commit, int], "Measured | str"]
"""Runs the canary of the checkout with so many seeds: what it measured, or why it did not run."""


@dataclass
class Kept:
    """What is known so far: the metric's values by commit and seed."""

    good: str
    bad: str
    metric: str
    seeds: int
    values: dict[str, dict[int, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Tested:
    """A commit that was tried; ``problem``: why it did not run, with neither values nor a side."""

    commit: Commit
    is_bad: bool | None = None
    measured: Measured | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Bisected:
    """The end of a bisect.

    Attributes:
        first_bad: None where the ends do not differ, or untested commits lie before it.
        candidates: The commits that may be the first bad one; none where the ends do not differ.
        judgement: The first commit that was tested and bad against the last good one before it.
        tested: All commits that were tried, in their order.
        lines: What came out, in sentences.
    """

    first_bad: Commit | None
    candidates: tuple[Commit, ...]
    judgement: Judgement
    tested: tuple[Tested, ...]
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(self.lines)


def bisect(
    plan: LoadedPlan,
    ledger: Ledger,
    identity: str,
    say: Say,
    *,
    root: Path = ROOT,
    seeds: int | None = None,
    run: Run | None = None,
) -> Bisected:
    """Run the canary on about log2 of the commits between the last good night and this one.

    Args:
        root: The checkout whose commits they are.
        seeds: Of each commit; None: those that find the night's change in 80 of 100 cases.
        run: What runs a canary; None: its sweep.

    Raises:
        UserError: the night's canary has not changed, its commits are not known, the canary of the first or
            the last commit does not run, or another process bisects the night.
    """
    asked = question(plan, ledger.read(), identity, root, seeds)
    folder = plan.state / "bisect" / identity
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(f"{identity}: another process bisects it; its log is {folder / 'log.txt'}") from None
    with lock, worktree(root, folder / "worktree") as checkout:
        search = _Search(
            asked, folder / "values.json", checkout, run or canary_runs(plan, asked, folder), say
        )
        return search.end()


class _Search:
    """The halving: which commits were tried, and what is kept of them."""

    def __init__(self, asked: Question, file: Path, checkout: Path, run: Run, say: Say) -> None:
        self._asked, self._file, self._checkout, self._run, self._say = asked, file, checkout, run, say
        self._kept = self._begun()
        self._tested: dict[int, Tested] = {}

    def end(self) -> Bisected:
        low, high = 0, len(self._asked.commits) - 1
        self._say(self._asked.in_words(self._kept.seeds))
        for place, is_bad in ((low, False), (high, True)):
            tested = self._test(place, is_bad)
            if tested.measured is None:
                raise UserError(f"the canary of {tested.commit} does not run: {tested.problem}")
        of_ends = self._judged(low, high)
        if not self._is_the_change(of_ends):
            return self._bisected((), of_ends, _no_change(of_ends))
        while (middle := self._next(low, high)) is not None:
            tested = self._test(middle)
            if tested.is_bad is not None:
                low, high = (low, middle) if tested.is_bad else (middle, high)
        candidates = self._asked.commits[low + 1 : high + 1]
        return self._bisected(candidates, self._judged(low, high), *self._found(low, high))

    def _begun(self) -> Kept:
        """What an earlier process kept, if it looked for the same."""
        good, bad = self._asked.commits[0].sha, self._asked.commits[-1].sha
        new = Kept(good, bad, self._asked.compared.metric, self._asked.seeds)
        kept = read_record(self._file, Kept)
        same = kept is not None and (kept.good, kept.bad, kept.metric) == (new.good, new.bad, new.metric)
        return kept if kept is not None and same and kept.seeds >= new.seeds else new

    def _test(self, place: int, is_bad: bool | None = None) -> Tested:
        """Run a commit, unless its values are kept; of the ends it is known which side they are on."""
        commit = self._asked.commits[place]
        values = self._kept.values.get(commit.sha)
        measured = Measured(values) if values is not None else self._measured(commit)
        if isinstance(measured, str):
            self._tested[place] = Tested(commit, problem=measured)
            self._say(f"skipped {commit}: its canary does not run: {measured}")
            return self._tested[place]
        if is_bad is None:
            is_bad = self._is_bad(measured)
        self._tested[place] = Tested(commit, is_bad, measured)
        self._say(f"{'bad' if is_bad else 'good':7} {commit}: {mean_in_words(measured)}")
        return self._tested[place]

    def _measured(self, commit: Commit) -> Measured | str:
        check_out(self._checkout, commit)
        measured = self._run(self._checkout, commit, self._kept.seeds)
        if isinstance(measured, str):
            return measured
        if len(measured.finished) < FEWEST_SEEDS:
            return f"{len(measured.finished)} of {self._kept.seeds} seeds finished"
        self._kept.values[commit.sha] = measured.finished
        write_whole(self._file, TypeAdapter(Kept).dump_json(self._kept, indent=1))
        return Measured(measured.finished)

    def _is_bad(self, measured: Measured) -> bool:
        """Whether the commit is more likely one of the bad than one of the good that were tried."""
        good, bad = (
            self._judge(
                measured,
                [one.measured for one in self._tested.values() if one.measured and one.is_bad is side],
            )
            for side in (False, True)
        )
        if good.is_identical or bad.is_identical:
            return bad.is_identical
        assert (
            good.p is not None
            and bad.p is not None
            and good.difference is not None
            and bad.difference is not None
        )
        return (bad.p, -abs(bad.difference)) > (good.p, -abs(good.difference))

    def _is_the_change(self, of_ends: Judgement) -> bool:
        """Whether the ends differ beyond noise, in the direction that the night found."""
        assert self._asked.compared.difference is not None
        if of_ends.p is None or of_ends.difference is None or of_ends.p >= SUSPICION:
            return False
        return (of_ends.difference > 0) == (self._asked.compared.difference > 0)

    def _next(self, low: int, high: int) -> int | None:
        """The commit nearest to the middle that was not tried; None if there is none between the two."""
        left = [place for place in range(low + 1, high) if place not in self._tested]
        return min(left, key=lambda place: abs(place - (low + high) / 2), default=None)

    def _judged(self, before: int, after: int) -> Judgement:
        first, second = self._tested[before].measured, self._tested[after].measured
        assert first is not None and second is not None
        return self._judge(second, [first])

    def _judge(self, measured: Measured, level: Sequence[Measured]) -> Judgement:
        compared = self._asked.compared
        return judge(
            measured,
            level,
            metric=compared.metric,
            direction=compared.direction,
            min_change=self._asked.min_change,
        )

    def _found(self, low: int, high: int) -> Iterator[str]:
        before, after = self._tested[low], self._tested[high]
        candidates = self._asked.commits[low + 1 : high + 1]
        if len(candidates) == 1:
            yield f"the first commit with the change is {after.commit}"
        else:
            yield f"the first commit with the change is one of {len(candidates)}; only the last of them runs:"
            yield from (f"  {one}" for one in candidates)
        for name, one in (("before", before), ("after", after)):
            assert one.measured is not None
            yield f"{name}: {one.commit.short} {self._asked.compared.metric} {mean_in_words(one.measured)}"
        yield difference_in_words(self._judged(low, high))

    def _bisected(self, candidates: Sequence[Commit], judgement: Judgement, *lines: str) -> Bisected:
        return Bisected(
            first_bad=candidates[0] if len(candidates) == 1 else None,
            candidates=tuple(candidates),
            judgement=judgement,
            tested=tuple(self._tested[place] for place in sorted(self._tested)),
            lines=lines,
        )


def mean_in_words(measured: Measured) -> str:
    """ "0.9012 (95% interval 0.8950 to 0.9074, 5 seeds)"."""
    values_S = measured.array()
    half = float(stdtrit(len(values_S) - 1, 0.975)) * float(values_S.std(ddof=1)) / math.sqrt(len(values_S))
    mean = float(values_S.mean())
    return f"{mean:.4f} (95% interval {mean - half:.4f} to {mean + half:.4f}, {len(values_S)} seeds)"


def difference_in_words(judged: Judgement) -> str:
    """The difference of two commits; with a warning where it is no more than chance makes."""
    low, high = judged.interval() or (math.nan, math.nan)
    assert judged.difference is not None and judged.p is not None
    words = f"difference {judged.difference:+.4f} (95% interval {low:+.4f} to {high:+.4f}, p {judged.p:.2g})"
    if judged.p >= SUSPICION:
        words += ": these two may differ by chance alone, so that the commit is not certain; take more seeds"
    return words


def _no_change(of_ends: Judgement) -> str:
    if of_ends.is_identical:
        words = "both commits give exactly the same values today"
    else:
        words = f"today both commits are alike: {difference_in_words(of_ends).partition(':')[0]}"
    return f"{words}; so the change came from packages, data or the machine, or was chance"
