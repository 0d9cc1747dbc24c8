"""``python -m platform.rounds ROUNDS.yaml``: train, audit, clean, train again, until nothing is gained."""

import argparse
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from platform.config.errors import UserError
from platform.config.invocation import command_line, missing_packages
from platform.rounds.options import (
    BAD_USAGE,
    BROKE,
    DONE,
    INTERRUPTED,
    misuse,
    parser_of_rounds,
)
from platform.tuning.errors import SweepBroken

if TYPE_CHECKING:
    from platform.rounds.ledger.records import Book
    from platform.rounds.plan.load_rounds import LoadedRounds
    from platform.rounds.running.run import Ended


def main(arguments: list[str] | None = None) -> int:
    if missing := missing_packages():
        print(missing, file=sys.stderr)
        return BAD_USAGE
    parser = parser_of_rounds()
    options = parser.parse_args(arguments)
    if problem := misuse(options):
        parser.error(problem)
    again = command_line("platform.rounds", options.rounds)
    try:
        return _run(options)
    except SweepBroken as error:
        print(f"{error}; go on with: {again}", file=sys.stderr)
        return BROKE
    except (OSError, UserError) as error:
        from platform.storage.disk import full_disk

        full = full_disk(error, options.rounds)
        if full is None and not isinstance(error, UserError):
            raise
        print(f"{full}; go on with: {again}" if full else error, file=sys.stderr)
        return BROKE if full else BAD_USAGE
    except KeyboardInterrupt:
        print(f"interrupted; go on with: {again}", file=sys.stderr)
        return INTERRUPTED


def _run(options: argparse.Namespace) -> int:
    from platform.rounds.ledger.ledger import RoundsLedger
    from platform.rounds.page.page import write_page
    from platform.rounds.plan.load_rounds import load_rounds
    from platform.rounds.running.run import Rounds, alone
    from platform.rounds.running.undo import undo
    from platform.tuning.stopping.interrupt import ended_by_signals

    plan = load_rounds(options.rounds)
    if options.plan:
        return _show_plan(plan, as_json=options.json)
    ledger = RoundsLedger(plan.folder)
    if options.resume and ledger.read().begun is None:
        raise UserError(f"--resume: {plan.folder}: no rounds were begun; leave --resume out to begin")

    def say(line: str) -> None:
        print(line, file=sys.stderr if options.json else sys.stdout, flush=True)

    with ended_by_signals():
        if options.undo:
            with alone(ledger):
                undo(plan, ledger, say)
                write_page(plan, ledger.read())
            _show_book(plan, ledger.read(), as_json=options.json)
        else:
            _show_end(plan, Rounds(plan, say).run(), as_json=options.json)
    return DONE


def _show_plan(plan: "LoadedRounds", *, as_json: bool) -> int:
    from platform.rounds.ledger.ledger import RoundsLedger
    from platform.rounds.plan import describe

    if as_json:
        print(json.dumps(describe.as_json(plan), indent=1))
        return DONE
    print("\n".join(describe.as_lines(plan)))
    _show_book(plan, RoundsLedger(plan.folder).read(), as_json=False)
    return DONE


def _show_book(plan: "LoadedRounds", book: "Book", *, as_json: bool) -> None:
    from platform.rounds.page.tables import terminal_rows
    from platform.tuning.terminal import console_of, print_table

    if as_json:
        print(json.dumps(_as_dict(plan, book), indent=1))
    elif rows := terminal_rows(book):
        print()
        print_table(console_of(sys.stdout), rows)


def _show_end(plan: "LoadedRounds", ended: "Ended", *, as_json: bool) -> None:
    from platform.rounds.page.headline import answer

    if not as_json:
        print(f"it ends: {ended.why}")
    _show_book(plan, ended.book, as_json=as_json)
    if not as_json:
        print(f"\n{answer(ended.book)}\nrounds: {ended.page}")


def _as_dict(plan: "LoadedRounds", book: "Book") -> dict[str, object]:
    best = book.best
    return {
        "name": plan.config.name,
        "best": best.number if best else None,
        "rounds": [asdict(one) for one in book.in_order],
        "undone": [asdict(one) for one in book.undone],
    }


if __name__ == "__main__":
    sys.exit(main())
