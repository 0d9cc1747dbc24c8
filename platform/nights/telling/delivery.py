"""Deliver the notices that the ledger holds: each channel once, again later where it fails."""

from dataclasses import replace
from datetime import datetime, timedelta

from platform.nights.ledger.ledger import Ledger
from platform.nights.ledger.records import Told
from platform.nights.plan.notify_config import NotifyConfig
from platform.nights.plan.plan_config import PlanConfig
from platform.nights.telling.channels.send import channels, secret_settings, send
from platform.nights.telling.channels.variables import without_secrets

MOST_TRIES = 10
FIRST_PAUSE = timedelta(minutes=10)
LONGEST_PAUSE = timedelta(hours=12)
PATIENCE_S = 30.0


def record(plan: PlanConfig, ledger: Ledger, told: Told) -> bool:
    """Write the notice down for the channels that the plan has now; False if it was there already.

    Secrets that a cause of failure or a line of YAML quotes are taken out of its text.
    """
    with ledger.locked():
        if told.key in ledger.read().told:
            return False
        text = without_secrets(told.text, secret_settings(plan.notify))
        told = replace(told, text=text, to=tuple(channels(plan.notify)))
        ledger.append(told, at=datetime.fromisoformat(told.at))
    return True


def waiting(told: Told, notify: NotifyConfig) -> list[str]:
    """The channels that the notice was written for, that the plan still has, and that have not taken it."""
    return [name for name in channels(notify) if name in told.to and name not in told.delivered]


def is_given_up(told: Told) -> bool:
    return told.tries >= MOST_TRIES


def next_try(told: Told) -> datetime | None:
    """When it is tried again, later after each try; None before the first."""
    if told.tried is None:
        return None
    pause: timedelta = min(FIRST_PAUSE * 2.0 ** (told.tries - 1), LONGEST_PAUSE)
    return datetime.fromisoformat(told.tried) + pause


def deliver(plan: PlanConfig, ledger: Ledger, now: datetime) -> None:
    """Send what is due. A channel's failure is recorded with the notice and raises nothing.

    A process that is killed between a channel's answer and its record delivers the notice to it twice: the
    second has the same key. One process at a time sends; another leaves it to that one or to the next tick.

    Raises:
        StorageError: the ledger cannot be written.
    """
    if not any(_is_due(one, plan, now) for one in ledger.read().told.values()):
        return
    with ledger.alone("telling", PATIENCE_S) as is_alone:
        if is_alone:
            for told in ledger.read().told.values():
                if _is_due(told, plan, now):
                    _deliver(told, plan, ledger, now)


def _is_due(told: Told, plan: PlanConfig, now: datetime) -> bool:
    if is_given_up(told) or not waiting(told, plan.notify):
        return False
    after = next_try(told)
    # A clock that was set back must not hold a notice up.
    return after is None or told.tried is None or not datetime.fromisoformat(told.tried) <= now < after


def _deliver(told: Told, plan: PlanConfig, ledger: Ledger, now: datetime) -> None:
    named = channels(plan.notify)
    told = replace(told, tries=told.tries + 1, tried=now.isoformat(), problem=None)
    problems = []
    for name in waiting(told, plan.notify):
        problem = send(named[name], told, secret_settings(plan.notify))
        if problem is None:
            told = replace(told, delivered=(*told.delivered, name))
            ledger.append(told, at=now)
        else:
            problems.append(f"{name}: {problem}")
    if problems:
        ledger.append(replace(told, problem="; ".join(problems)), at=now)
