"""A ledger of many nights: a worse period, skips, a failed and a missed night, a new series, champions."""

import hashlib
import random

from platform.nights.ledger.records import Accepted, Book, Champion, Comparison, Night, Told, Word
from tests.nights.made_nights import comparison, days_from, fingerprint, night, sweep

WORSE_FROM, WORSE_UNTIL = 24, 33
NEW_SERIES_FROM = 44
LEVELS = {"canary": 0.912, "peer": 0.934, "cross_entropy": 0.941}


def made_book(count: int = 60, *, ends_worse: bool = False) -> Book:
    """Of ``count`` nights of the name "digits", from 1 October 2026 on."""
    rng = random.Random(0)
    nights = {}
    for number, day in enumerate(days_from("2026-10-01", count)):
        one = _night(number, day, rng, is_worse=_is_worse(number, count, ends_worse=ends_worse))
        nights[one.identity] = one
    accepted = (
        Accepted(
            "digits", days_from("2026-10-01", 13)[12], "a faster decoder", "2026-10-14T09:12:00+02:00", "mm"
        ),
    )
    key = "digits@2026-10-25 worse"
    told = Told(
        key,
        "worse",
        "digits@2026-10-25",
        "digits@2026-10-25 is worse: canary val/accuracy 0.91 → 0.88, −0.03",
        "2026-10-26T02:00:00+01:00",
        to=("webhook 127.0.0.1",),
        problem="webhook 127.0.0.1: HTTP 503 Service Unavailable",
        tries=4,
        tried="2026-10-26T04:00:00+01:00",
    )
    return Book(
        nights=nights, accepted=accepted, told={key: told}, begun={"digits": "2026-09-30T10:00:00+02:00"}
    )


def _is_worse(number: int, count: int, *, ends_worse: bool) -> bool:
    return WORSE_FROM <= number < WORSE_UNTIL or (ends_worse and number >= count - 4)


def _night(number: int, day: str, rng: random.Random, *, is_worse: bool) -> Night:
    if number % 7 == 5 and not is_worse:
        reason = "nothing has changed since the night before: same code, packages, spaces, data, device"
        return night(day, "skipped", reason=reason)
    if number == 20:
        return night(day, "missed", reason="nothing ticked while it was due")
    if number in (9, 41):
        causes = (f"CUDA out of memory: tried to allocate {number} MiB", f"no such file: runs/{number}/a.png")
        run = sweep(f"digits@{day}-canary", failed=2, failures=causes, seconds=240.0)
        return night(day, "failed", reason=f"canary: 2 trials failed: {causes[0]}", sweeps=(run,))
    series = f"NVIDIA {'H200' if number >= NEW_SERIES_FROM else 'A100'} × 1 | data 12ab | settings 34cd"
    begins = number in (0, NEW_SERIES_FROM)
    compared = tuple(_compared(one, rng, series, begins=begins, is_worse=is_worse) for one in LEVELS)
    words = [one.verdict for one in compared]
    verdict: Word | None = next((one for one in ("worse", "better", "unclear", "same") if one in words), None)
    sweeps = tuple(
        sweep(f"digits@{day}-{subject}", subject=subject, seconds=rng.uniform(600, 2400), gpu_seconds=1200.0)
        for subject in LEVELS
    )
    champion = None
    if number in (3, 30):
        champion = Champion(
            str(number), "champion", "gain +0.006 (95% +0.002 to +0.010)", f"digits@{day}-peer", ""
        )
    commit = hashlib.sha1(str(number // 4).encode()).hexdigest()
    changes = ("commit 1a2b3c4 Decode <b>images</b> with libjpeg", "package torch 2.11.0 → 2.12.0")
    return night(
        day,
        verdict=verdict,
        began=f"{day}T22:30:00+01:00",
        ended=f"{day}T23:55:00+01:00",
        attempt=1,
        fingerprint=fingerprint(commit=commit, code=commit),
        sweeps=sweeps,
        comparisons=compared,
        report_seconds=90.0,
        champion=champion,
        changes=changes if number % 4 == 0 else (),
    )


def _compared(subject: str, rng: random.Random, series: str, *, begins: bool, is_worse: bool) -> Comparison:
    level = LEVELS[subject] + (0.02 if "H200" in series else 0.0)
    drop = 0.03 if is_worse and subject != "peer" else 0.0
    values = tuple(level - drop + rng.gauss(0, 0.004) for _ in range(5 if subject == "canary" else 3))
    verdict: Word | None = (
        None if begins else "worse" if drop else rng.choice(("same", "same", "same", "unclear"))
    )
    return comparison(
        verdict,
        values,
        None if begins else level,
        subject=subject,
        half=0.005,
        series=series,
        why="a level begins" if begins else "the interval says so",
        seeds_needed=9 if verdict == "unclear" else None,
    )
