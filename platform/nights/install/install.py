"""``install``: let something call `run-due` for a plan; print it, install it, replace it, remove it."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from platform.nights.install import cron, kubernetes, slurm, systemd
from platform.nights.plan.plan_config import PlanConfig

Kind = Literal["systemd", "cron", "kubernetes", "ray-cron-job", "slurm"]
Say = Callable[[str], None]


def install(
    kind: Kind,
    plan_file: Path,
    plan: PlanConfig,
    *,
    print_only: bool,
    remove: bool = False,
    say: Say = print,
) -> None:
    """Install the plan, which changes nothing if it is installed as it is now.

    Args:
        print_only: Say what would be written, and write nothing; no program of the system is needed.
        remove: Remove the plan's own entry, and no other.

    Raises:
        UserError: a program of the system is missing, or refuses.
    """
    match kind:
        case "systemd":
            systemd.install(plan_file, plan, print_only=print_only, remove=remove, say=say)
        case "cron":
            cron.install(plan_file, plan, print_only=print_only, remove=remove, say=say)
        case "slurm":
            slurm.install(plan_file, plan, print_only=print_only, remove=remove, say=say)
        case "kubernetes" | "ray-cron-job":
            kubernetes.install(kind, plan_file, plan, print_only=print_only, remove=remove, say=say)
