"""``python -m platform.nightly VERB PLAN.yaml``: sweeps by night, compared with the nights before."""

import argparse
import json
import os
import sys
from datetime import datetime
from typing import TYPE_CHECKING

from platform.config.errors import ConfigError, UserError
from platform.config.invocation import missing_packages
from platform.nightly_options import (
    BAD_USAGE,
    FAILED,
    FINE,
    INTERRUPTED,
    TERMINATED,
    parser_of_nightly,
)

if TYPE_CHECKING:
    from platform.nights.ledger.ledger import Ledger
    from platform.nights.plan.clock import Clock
    from platform.nights.plan.load_plan import LoadedPlan


def main(arguments: list[str] | None = None) -> int:
    if missing := missing_packages():
        print(missing, file=sys.stderr)
        return BAD_USAGE
    options = parser_of_nightly().parse_args(arguments)
    try:
        return _run_verb(options)
    except UserError as error:
        print(error, file=sys.stderr)
        return BAD_USAGE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def _run_verb(options: argparse.Namespace) -> int:
    from platform.config.document import read_document

    try:
        read_document(options.plan)  # before the imports below, which take seconds

        from platform.nights.plan.load_plan import check_variables, load_plan
        from platform.nights.plan.owner import refuse_others

        plan = load_plan(options.plan)
        refuse_others(plan)
        if options.verb in ("run-due", "test-notify"):
            check_variables(plan, os.environ)
    except ConfigError as error:
        if options.verb == "run-due" and not options.dry_run:
            _tell_broken(options, error)
        raise

    from platform.nights.ledger.ledger import Ledger
    from platform.nights.plan.clock import Clock, parse_now

    start = parse_now(options.now, plan.config.zone) if options.now else None
    clock, ledger = Clock(plan.config.zone, start), Ledger(plan.state)
    return VERBS[options.verb](options, plan, ledger, clock)


def _plan(options: argparse.Namespace, plan: "LoadedPlan", ledger: "Ledger", clock: "Clock") -> int:
    from platform.nights.plan.describe import as_json, as_lines

    if options.json:
        print(json.dumps(as_json(plan, clock.now()), indent=1))
        return FINE
    print("\n".join(as_lines(plan, ledger.read(), clock.now())))
    return FINE


def _run_due(options: argparse.Namespace, plan: "LoadedPlan", ledger: "Ledger", clock: "Clock") -> int:
    from platform.nights.running.tick import Terminated, Tick

    tick = Tick(plan, clock, _say)
    if options.dry_run:
        decisions = tick.look()
        for one in decisions:
            print(f"{one.identity}: would {one.action.replace('_', ' ')}: {one.reason}")
        if not decisions:
            print("nothing is due")
        return FINE
    try:
        return tick.run()
    except Terminated:
        print("terminated: the next run-due goes on with the night", file=sys.stderr)
        return TERMINATED
    except UserError as error:  # the plan is right: it is the disk, the ledger, MLflow
        print(error, file=sys.stderr)
        return FAILED


def _status(options: argparse.Namespace, plan: "LoadedPlan", ledger: "Ledger", clock: "Clock") -> int:
    from rich.console import Console

    from platform.nights.plan.plan_config import NOT_PLANNED
    from platform.nights.running.status import as_json, table, taken_out

    book = ledger.read()
    if options.json:
        print(json.dumps(as_json(plan, book, clock.now()), indent=1))
        return FINE
    shown = table(book)
    if shown is None:
        print(f"no night yet in {plan.state}/")
        return FINE
    Console(highlight=False).print(shown)
    for name in taken_out(plan, book):
        print(f"{name}: {NOT_PLANNED}")
    for one in as_json(plan, book, clock.now())["undelivered"]:
        print(f"not delivered: {one['night']} {one['occasion']}: {one['problem']} ({one['tries']} tries)")
    return FINE


def _page(options: argparse.Namespace, plan: "LoadedPlan", ledger: "Ledger", clock: "Clock") -> int:
    from platform.nights.page.page import write_page

    print(write_page(plan.config, plan.name, ledger.read(), plan.state, clock.now(), file=plan.file))
    return FINE


def _compare(options: argparse.Namespace, plan: "LoadedPlan", ledger: "Ledger", clock: "Clock") -> int:
    from platform.nights.review.accept import known_night
    from platform.nights.review.compare import compare, in_words

    book = ledger.read()
    first, second = known_night(book, options.night), known_night(book, options.second)
    change = plan.night(second.night).compare.min_change if second.night in plan.config.nights else 0.0
    pairs = list(compare(plan.state, first, second, change))
    for pair in pairs:
        print(in_words(pair))
    if not pairs:
        raise UserError(f"{first.identity}, {second.identity}: neither measured anything")
    return FINE


def _accept(options: argparse.Namespace, plan: "LoadedPlan", ledger: "Ledger", clock: "Clock") -> int:
    from platform.nights.review.accept import accept

    accepted = accept(ledger, options.night, options.why, clock.now())
    print(f"the level of {accepted.night} begins with {options.night}: {accepted.why}")
    return FINE


def _bisect(options: argparse.Namespace, plan: "LoadedPlan", ledger: "Ledger", clock: "Clock") -> int:
    from platform.nights.review.bisect import bisect

    print(bisect(plan, ledger, options.night, _say, seeds=options.seeds))
    return FINE


def _prune(options: argparse.Namespace, plan: "LoadedPlan", ledger: "Ledger", clock: "Clock") -> int:
    from platform.nights.review.prune import prune

    prune(plan.config, ledger, clock.now(), dry_run=options.dry_run, say=_say)
    return FINE


def _test_notify(options: argparse.Namespace, plan: "LoadedPlan", ledger: "Ledger", clock: "Clock") -> int:
    from platform.nights.telling.tell import test_notify

    lines = test_notify(plan.config, clock.now())
    print("\n".join(lines) or "notify.to is empty: nobody is told")
    return FINE


def _install(options: argparse.Namespace, plan: "LoadedPlan", ledger: "Ledger", clock: "Clock") -> int:
    from platform.nights.install.install import install

    install(
        options.kind,
        options.plan,
        plan.config,
        print_only=options.print_only,
        remove=options.remove,
        say=_say,
    )
    return FINE


def _tell_broken(options: argparse.Namespace, error: ConfigError) -> None:
    """A plan that broke overnight gives one notice, not one a tick."""
    from platform.nights.plan.owner import state_of_broken
    from platform.nights.telling.tell import tell_plan_broken

    state = state_of_broken(options.plan)
    if state is not None:
        tell_plan_broken(state, str(error), datetime.now().astimezone())


def _say(line: str) -> None:
    print(line, flush=True)


VERBS = {
    "plan": _plan,
    "run-due": _run_due,
    "status": _status,
    "page": _page,
    "compare": _compare,
    "accept": _accept,
    "bisect": _bisect,
    "prune": _prune,
    "test-notify": _test_notify,
    "install": _install,
}

if __name__ == "__main__":
    sys.exit(main())
