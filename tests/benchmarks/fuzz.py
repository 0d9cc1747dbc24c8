"""Read 10,000 damaged files of strangers: no traceback, no hang, no crash, no write, no other program.

Each case is a file that is in order, damaged by a seed, and read by the code that reads a user's. The readers
run in processes of their own; an audit hook sees what they open, start and connect to. To repeat a finding:

    python -m tests.benchmarks.fuzz --kind zips --seed 17
    python -m tests.benchmarks.fuzz [--cases 10000] [--smallest]
"""

import os
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from platform.config.errors import SHOWN, UserError, one_line

from .figures import benchmark_parser, check_possible
from .fuzz_folders import KINDS as OF_FOLDERS
from .fuzz_kinds import KINDS as OF_FILES
from .fuzz_kinds import Kind
from .fuzz_mutations import chosen

KINDS = {**OF_FILES, **OF_FOLDERS}
CASES, SMALLEST = 10_000, 60
SECONDS = 20
"""For one case, on a machine that does other things besides."""
ACCEPTED, REFUSED = "read", "refused in a line"
TRACEBACK, HANG, CRASH, OUTSIDE, WORDS = "traceback", "hang", "crash", "write outside", "odd message"
OUTCOMES = (ACCEPTED, REFUSED, TRACEBACK, HANG, CRASH, OUTSIDE, WORDS)
STARTS = (
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "socket.connect",
    "os.remove",
)
CHANGES = (
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.chmod",
    "os.chown",
    "os.link",
    "os.symlink",
    "os.truncate",
)


class Watch:
    """What this process does besides reading, while ``folder`` is set: the hook can never be taken off."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.found: list[str] = []
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.folder is None:
            return
        writes = (
            event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        )
        if not (writes or event in STARTS or event in CHANGES):
            return
        place = arguments[0]
        if isinstance(place, int) and not isinstance(place, bool) and place >= 0:  # an open file
            place = os.readlink(f"/proc/self/fd/{place}")
        is_inside = isinstance(place, str | Path) and Path(place).is_relative_to(self.folder)
        if event in STARTS[:-1] or not is_inside:
            self.found.append(f"{event} {arguments[:2]}")


def outcome_of(name: str, seed: int, kind: Kind, samples: Sequence[bytes], watch: Watch) -> tuple[str, str]:
    """What reading the case ends with, and what there is to say about it."""
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / kind.name
        file.write_bytes(chosen(samples, kind.mutate, name, seed))
        watch.folder, watch.found = Path(place), []
        try:
            kind.attempt(file)
            outcome, said = ACCEPTED, ""
        except UserError as error:
            said = str(error)
            is_line = len(said.splitlines()) <= SHOWN + 1 and all(
                one_line(one) == one for one in said.split("\n")
            )
            outcome = REFUSED if is_line else WORDS
        except BaseException:  # noqa: BLE001  # whatever it is, it is a finding
            outcome, said = TRACEBACK, traceback.format_exc()
        watch.folder = None
    return (OUTSIDE, "; ".join(watch.found)) if watch.found else (outcome, said)


def outcomes(name: str, seeds: Sequence[int]) -> Iterator[tuple[int, str, str]]:
    """Outcome of each seed; a process reads on until it is killed, the next one goes on behind that case."""
    kind = KINDS[name]
    samples, left = kind.samples(), list(seeds)
    while left:
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(reading)
            _read_all(name, left, samples, writing)
        os.close(writing)
        with open(reading, encoding="utf-8") as lines:
            for line in lines:
                seed, outcome, said = line.rstrip("\n").split("\t", 2)
                yield int(seed), outcome, said.encode().decode("unicode_escape")
                left.remove(int(seed))
        _, status = os.waitpid(child, 0)
        if status and left:
            ended = os.waitstatus_to_exitcode(status)
            yield left.pop(0), HANG if ended == -signal.SIGALRM else CRASH, f"ended with {ended}"


def _read_all(name: str, seeds: Sequence[int], samples: Sequence[bytes], writing: int) -> None:
    watch = Watch()
    KINDS[name].first()
    for seed in seeds:
        signal.alarm(SECONDS)  # kills the process, wherever it is
        outcome, said = outcome_of(name, seed, KINDS[name], samples, watch)
        line = said.encode("unicode_escape").decode()
        os.write(writing, f"{seed}\t{outcome}\t{line[-3_000:]}\n".encode())
    os._exit(0)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--cases", type=int, default=CASES, help="damaged files in all")
    parser.add_argument("--kind", choices=list(KINDS), help="this kind only")
    parser.add_argument("--seed", type=int, help="this case only; prints what reading it said")
    options = parser.parse_args(arguments)
    names = [options.kind] if options.kind else list(KINDS)
    each = -(-(SMALLEST if options.smallest else options.cases) // len(names))
    findings = 0
    print(f"{'':13} {'cases':>6} {'s each':>7}  " + "  ".join(OUTCOMES))
    for name in names:
        seeds = (
            [options.seed]
            if options.seed is not None
            else [*dict.fromkeys([*KINDS[name].seeds, *range(each)])]
        )
        counts: Counter[str] = Counter()
        started = time.perf_counter()
        for seed, outcome, said in outcomes(name, seeds):
            counts[outcome] += 1
            if outcome not in (ACCEPTED, REFUSED):
                findings += 1
            if outcome not in (ACCEPTED, REFUSED) or options.seed is not None:
                print(f"{name} --seed {seed}: {outcome}\n{said}")
        seconds = (time.perf_counter() - started) / len(seeds)
        check_possible({"seconds a case": seconds})
        row = "  ".join(f"{counts[one]:>{len(one)},}" for one in OUTCOMES)
        print(f"{name:13} {len(seeds):>6,} {seconds:>7.4f}  {row}", flush=True)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
