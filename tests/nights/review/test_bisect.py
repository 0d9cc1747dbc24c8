"""The first bad commit of a small repository, whose canary is a program that prints values."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from platform.config.errors import UserError
from platform.nights.ledger.ledger import Ledger
from platform.nights.ledger.places import NightFolder
from platform.nights.ledger.records import Comparison, Fingerprint, Night
from platform.nights.plan.load_plan import load_plan
from platform.nights.review.bisect import Kept, bisect
from platform.nights.review.commits import commits_between, git
from platform.nights.running.measured import write_measured
from platform.nights.verdicts.measured import Measured
from platform.storage.whole_files import read_record

PLAN = """
time_zone: Europe/Berlin
state: nightly
nights:
  digits:
    at: 30 22 * * *
    canary: {space: canary.yaml, seeds: 3}
    compare: {min_change: 0.01}
"""
CANARY = """
data: {source: digits}
epochs: 1
image_size: 8
batch_size: 64
model: {backbone: test_resnet}
method: {name: cross_entropy}
report: {top: 1, max_members: 1, views: [], soup: false}
"""
GOOD, BAD = 0.9, 0.8
CANARY_PROGRAM = """
import json, sys, zlib
level, number, seeds = {level}, {number}, int(sys.argv[1])
noise = lambda seed: ((zlib.crc32(f"{{number}} {{seed}}".encode()) % 1000) / 1000 - 0.5) * 0.02
print(json.dumps({{seed: level + noise(seed) for seed in range(seeds)}}))
"""
BROKEN = "raise SystemExit('no module named x')  # {number}\n"


class Checkout:
    """A repository with a commit for each of ``levels``: the value of its canary; None where it is broken."""

    def __init__(self, root: Path, levels):
        self.root = root
        root.mkdir()
        git(root, "init", "--quiet", "--initial-branch=main")
        git(root, "config", "user.name", "Ada")
        git(root, "config", "user.email", "ada@example.org")
        self.commits = [self.commit(number, level) for number, level in enumerate(levels)]

    def commit(self, number, level):
        program = (
            BROKEN.format(number=number)
            if level is None
            else CANARY_PROGRAM.format(level=level, number=number)
        )
        (self.root / "canary.py").write_text(program)
        git(self.root, "add", ".")
        git(self.root, "commit", "--quiet", "-m", f"Change {number}")
        return git(self.root, "rev-parse", "HEAD")


class Runs:
    """Starts the program of a checkout, and remembers what it ran."""

    def __init__(self):
        self.commits = []

    def __call__(self, checkout, commit, seeds):
        self.commits.append(commit.subject)
        line = [sys.executable, str(checkout / "canary.py"), str(seeds)]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        if done.returncode:
            return f"exit code {done.returncode}: {done.stderr.strip()}"
        return Measured({int(seed): value for seed, value in json.loads(done.stdout).items()})


def a_night(date, commit, verdict, level=GOOD, difference=None):
    compared = Comparison(
        subject="canary",
        metric="val/accuracy",
        direction="max",
        verdict=verdict,
        values=(level - 0.005, level, level + 0.005),
        all_values=(level - 0.005, level, level + 0.005),
        mean=level,
        series="cpu | data x | settings y",
        why="",
        difference=difference,
    )
    prints = Fingerprint(commit, False, "", "", {}, {}, "cpu")
    return Night(
        "digits", date, "done", due=f"{date}T22:30:00+01:00", fingerprint=prints, comparisons=(compared,)
    )


@pytest.fixture
def nights(tmp_path, monkeypatch):
    """``nights(levels)``: a plan whose last night is worse by 0.1, after one of the first commit."""
    monkeypatch.chdir(tmp_path)

    def make(levels, word="worse"):
        Path("plan.yaml").write_text(PLAN)
        Path("canary.yaml").write_text(CANARY)
        checkout = Checkout(tmp_path / "checkout", levels)
        plan, ledger = load_plan(Path("plan.yaml")), Ledger(Path("nightly"))
        good = a_night("2026-11-29", checkout.commits[0], None)
        bad = a_night("2026-11-30", checkout.commits[-1], word, BAD, BAD - GOOD)
        for one in (good, bad):
            ledger.append(one, at=datetime.now(UTC))
        values = {("canary", "val/accuracy"): Measured(dict(enumerate(good.comparisons[0].values)))}
        write_measured(NightFolder.of(plan.state, good.identity).measured, values)
        return plan, ledger, checkout

    return make


def bisected(made, said=None, **options):
    plan, ledger, checkout = made
    say = (lambda line: None) if said is None else said.append
    runs = options.pop("run", None) or Runs()
    return bisect(plan, ledger, "digits@2026-11-30", say, root=checkout.root, run=runs, **options), runs


@pytest.mark.parametrize("first_bad", [1, 7, 11])
def test_the_first_bad_commit_is_found_in_about_log2_runs(nights, first_bad):
    made = nights([GOOD] * first_bad + [BAD] * (12 - first_bad))
    said = []
    found, runs = bisected(made, said)
    assert found.first_bad.sha == made[2].commits[first_bad]
    assert len(runs.commits) <= 2 + 4
    assert found.judgement.difference == pytest.approx(BAD - GOOD, abs=0.02)
    assert found.judgement.p < 0.05
    assert "10 commits between them, about 6 runs of 3 seeds" in said[0]
    assert found.lines[0].startswith("the first commit with the change is ")
    assert found.lines[0].endswith(f"Change {first_bad} (Ada)")
    assert found.lines[1].startswith(f"before: {made[2].commits[first_bad - 1][:10]} val/accuracy 0.")
    assert found.lines[2].startswith(f"after: {made[2].commits[first_bad][:10]} val/accuracy 0.")
    assert "95% interval" in found.lines[3]


def test_nothing_is_left_of_the_worktree_and_the_users_checkout_is_as_it_was(nights):
    made = nights([GOOD, GOOD, BAD])
    checkout = made[2]
    (checkout.root / "canary.py").write_text("# being edited")
    bisected(made)
    assert (checkout.root / "canary.py").read_text() == "# being edited"
    assert git(checkout.root, "rev-parse", "HEAD") == checkout.commits[-1]
    assert len(git(checkout.root, "worktree", "list").splitlines()) == 1
    assert not Path("nightly/bisect/digits@2026-11-30/worktree").exists()


def test_a_bisect_that_was_killed_goes_on(nights):
    made = nights([GOOD] * 6 + [BAD] * 6)

    class Killed(Runs):
        def __call__(self, checkout, commit, seeds):
            if len(self.commits) == 3:
                raise KeyboardInterrupt
            return super().__call__(checkout, commit, seeds)

    first = Killed()
    with pytest.raises(KeyboardInterrupt):
        bisected(made, run=first)
    kept = read_record(Path("nightly/bisect/digits@2026-11-30/values.json"), Kept)
    assert len(kept.values) == 3
    found, runs = bisected(made)
    assert found.first_bad.sha == made[2].commits[6]
    assert not set(runs.commits) & set(first.commits)
    again, none = bisected(made)
    assert none.commits == []
    assert again == found


def test_a_worktree_that_a_killed_process_left_is_replaced(nights):
    made = nights([GOOD, GOOD, BAD])
    left = Path("nightly/bisect/digits@2026-11-30/worktree")
    git(made[2].root, "worktree", "add", "--detach", "--quiet", str(left.absolute()), "HEAD")
    (left / "canary.py").write_text("# half a file")
    assert bisected(made)[0].first_bad.sha == made[2].commits[2]


def test_commits_that_do_not_run_are_skipped_and_said(nights):
    made = nights([GOOD, GOOD, None, None, BAD, BAD, BAD])
    said = []
    found, _ = bisected(made, said)
    assert found.first_bad is None
    assert [one.subject for one in found.candidates] == ["Change 2", "Change 3", "Change 4"]
    assert sum("does not run: exit code 1: no module named x" in line for line in said) == 2
    assert found.lines[0].startswith("the first commit with the change is one of 3")


def test_an_end_that_does_not_run_is_an_error(nights):
    with pytest.raises(UserError, match="does not run: exit code 1: no module named x"):
        bisected(nights([GOOD, GOOD, None]))


def test_ends_that_are_alike_blame_no_commit(nights):
    found, runs = bisected(nights([GOOD, GOOD, GOOD, GOOD]))
    assert found.candidates == () and found.first_bad is None
    assert len(runs.commits) == 2
    assert "the change came from packages, data or the machine, or was chance" in found.lines[0]


def test_seeds_are_as_many_as_the_change_needs_or_as_are_asked(nights):
    made = nights([GOOD, BAD])
    assert bisected(made, seeds=9)[0].tested[0].measured.finished.keys() == set(range(9))
    _, ledger, checkout = made
    smaller = a_night("2026-11-30", checkout.commits[-1], "worse", 0.893, -0.007)
    ledger.append(smaller, at=datetime.now(UTC))
    said = []
    bisected(made, said)
    assert "about 2 runs of 9 seeds" in said[0]  # 2 (1.96 + 0.84)² 0.005² / 0.007² = 8.01


def test_fewer_seeds_than_a_canary_has_are_refused(nights):
    with pytest.raises(UserError, match="--seeds: a canary has at least 3, got 2"):
        bisected(nights([GOOD, BAD]), seeds=2)


def test_a_change_for_the_better_is_found_as_well(nights):
    made = nights([BAD, BAD, GOOD, GOOD])
    _, ledger, checkout = made
    better = a_night("2026-11-30", checkout.commits[-1], "better", GOOD, GOOD - BAD)
    ledger.append(better, at=datetime.now(UTC))
    assert bisected(made)[0].first_bad.sha == checkout.commits[2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fingerprint": None}, "ran code that was not committed"),
        ({"comparisons": ()}, "its canary was not compared"),
    ],
)
def test_a_night_without_what_it_takes_is_refused(nights, change, message):
    made = nights([GOOD, BAD])
    ledger = made[1]
    night = ledger.read().nights["digits@2026-11-30"]
    ledger.append(replace(night, **change), at=datetime.now(UTC))
    with pytest.raises(UserError, match=message):
        bisected(made)


def test_a_night_that_is_not_worse_or_better_is_refused(nights):
    with pytest.raises(UserError, match=r"neither worse nor better \(val/accuracy same\)"):
        bisected(nights([GOOD, BAD], word="same"))


def test_two_bisects_of_one_night_do_not_meet(nights):
    made = nights([GOOD, BAD])

    def bisects_again(checkout, commit, seeds):
        with pytest.raises(UserError, match="another process bisects it"):
            bisected(made)
        return Runs()(checkout, commit, seeds)

    assert bisected(made, run=bisects_again)[0].first_bad is not None


def test_commits_that_do_not_follow_each_other_are_refused(nights):
    checkout = nights([GOOD, BAD])[2]
    first, last = checkout.commits
    with pytest.raises(UserError, match="both nights ran commit"):
        commits_between(checkout.root, first, first)
    with pytest.raises(UserError, match="does not lead to"):
        commits_between(checkout.root, last, first)
    with pytest.raises(UserError, match="there is no commit"):
        commits_between(checkout.root, first, "0123456789" * 4)
