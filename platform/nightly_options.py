"""The command-line options of ``python -m platform.nightly``."""

import argparse
from pathlib import Path

from platform.config.help_text import HelpFormatter, help_end
from platform.config.invocation import command_line

FINE, WORSE, BAD_USAGE, FAILED, MISSED, INTERRUPTED, TERMINATED = 0, 1, 2, 3, 4, 130, 143
EXIT_CODES = {
    FINE: "done",
    BAD_USAGE: "a mistake in the command or the plan",
    INTERRUPTED: "interrupted",
}
EXIT_CODES_OF_RUN_DUE = {
    FINE: "nothing is wrong, or nothing was due",
    WORSE: "a night is worse",
    BAD_USAGE: "a mistake in the command or the plan",
    FAILED: "a night failed",
    MISSED: "a night was missed",
    INTERRUPTED: "interrupted; the night counts as stopped",
    TERMINATED: "terminated; the next run-due goes on with the night",
}
PLAN, NIGHT, EARLIER = "search_spaces/nightly/digits.yaml", "digits@2026-11-30", "digits@2026-11-29"
EXAMPLES: dict[str, tuple[str, ...]] = {
    "plan": (),
    "run-due": ("--dry-run",),
    "status": ("--json",),
    "page": (),
    "compare": (EARLIER, NIGHT),
    "accept": (NIGHT, "--why", "a new backbone"),
    "bisect": (NIGHT,),
    "prune": ("--dry-run",),
    "test-notify": (),
    "install": ("--systemd", "--print"),
}
"""What follows VERB PLAN.yaml in each verb's example."""


def parser_of_nightly() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=command_line("platform.nightly"),
        description="Run sweeps by night, compare them with the nights before, and say what changed.",
        epilog=help_end(EXIT_CODES_OF_RUN_DUE, command_line("platform.nightly", "plan", PLAN)),
        formatter_class=HelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    plan = _verb(verbs, "plan", "what runs, when (the next five times), and what it may cost")
    plan.add_argument("--json", action="store_true", help="print JSON")
    run = _verb(verbs, "run-due", "what a scheduler calls every ten minutes: run what is due, compare, tell")
    run.add_argument("--dry-run", action="store_true", help="decide and say, but run and record nothing")
    status = _verb(verbs, "status", "the nights that have been")
    status.add_argument("--json", action="store_true", help="print JSON")
    _verb(verbs, "page", "write the page across nights, and print its path")
    compare = _verb(verbs, "compare", "two nights, metric by metric")
    compare.add_argument("night", metavar="NIGHT", help="such as digits@2026-11-30")
    compare.add_argument("second", metavar="NIGHT", help="the later one")
    accept = _verb(
        verbs, "accept", "from this night on its result is the level that others are compared with"
    )
    accept.add_argument("night", metavar="NIGHT", help="such as digits@2026-11-30")
    accept.add_argument("--why", required=True, help="the reason, for those who read it later")
    bisect = _verb(verbs, "bisect", "find the commit that made a night worse")
    bisect.add_argument("night", metavar="NIGHT", help="such as digits@2026-11-30")
    bisect.add_argument(
        "--seeds",
        type=int,
        metavar="N",
        help="seeds of each commit; without it, as many as find the change in 80 of 100 cases",
    )
    prune = _verb(verbs, "prune", "delete nights beyond `keep`: folders and MLflow runs")
    prune.add_argument("--dry-run", action="store_true", help="say what would be deleted")
    _verb(verbs, "test-notify", "send a test notice to each place in notify.to")
    _add_install(verbs)
    for verb in verbs.choices.values():
        verb.add_argument(
            "--now", metavar="TIME", help="as if it were this time, e.g. 2026-11-30T22:41+01:00"
        )
    return parser


def verbs_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parser of each verb."""
    return {
        name: verb
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
        for name, verb in action.choices.items()
    }


def _add_install(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    install = _verb(verbs, "install", "let this system call run-due every ten minutes")
    # argparse would put the five systems into one line, which is too long.
    install.usage = (
        "%(prog)s [-h] [--print] [--remove]\n"
        "       [--now TIME] PLAN.yaml\n"
        "       (--systemd | --cron | --kubernetes | --ray-cron-job | --slurm)"
    )
    where = install.add_mutually_exclusive_group(required=True)
    where.add_argument("--systemd", dest="kind", action="store_const", const="systemd", help="a user timer")
    where.add_argument("--cron", dest="kind", action="store_const", const="cron", help="a crontab entry")
    where.add_argument(
        "--kubernetes", dest="kind", action="store_const", const="kubernetes", help="a batch/v1 CronJob"
    )
    where.add_argument(
        "--ray-cron-job", dest="kind", action="store_const", const="ray-cron-job", help="KubeRay's RayCronJob"
    )
    where.add_argument("--slurm", dest="kind", action="store_const", const="slurm", help="a scrontab entry")
    install.add_argument("--print", dest="print_only", action="store_true", help="print it, install nothing")
    install.add_argument("--remove", action="store_true", help="remove what an earlier install made")


def _verb(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, about: str
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(
        name,
        help=about,
        description=f"{about[0].upper()}{about[1:]}.",
        epilog=help_end(
            EXIT_CODES_OF_RUN_DUE if name == "run-due" else EXIT_CODES,
            command_line("platform.nightly", name, PLAN, *EXAMPLES[name]),
        ),
        formatter_class=HelpFormatter,
    )
    verb.add_argument(
        "plan", type=Path, metavar="PLAN.yaml", help="the plan, e.g. search_spaces/nightly/digits.yaml"
    )
    return verb
