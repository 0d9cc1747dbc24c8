"""Which plan a state folder belongs to, and where the state of a plan is that can no longer be read."""

from pathlib import Path

from platform.config.document import read_document
from platform.config.errors import ConfigError, UserError
from platform.nights.plan.load_plan import LoadedPlan
from platform.nights.plan.plan_config import PlanConfig
from platform.storage.whole_files import write_whole

DEFAULT = str(PlanConfig.model_fields["state"].default)
OWNER = "plan"
COPY = "plan.yaml"


def refuse_others(plan: LoadedPlan) -> None:
    """Raises UserError if the plan's state folder is another plan's."""
    owner = _owner(plan.state)
    if owner not in (None, plan.name):
        raise UserError(f"{plan.file}: state: {plan.state}/ belongs to the plan {owner}; give each its own")


def claim(plan: LoadedPlan) -> None:
    """Note in the state folder whose it is, with a copy of the plan: where notices go should it break."""
    if _owner(plan.state) is None:
        write_whole(plan.state / OWNER, plan.name + "\n")
    copy, content = plan.state / COPY, plan.file.read_bytes()
    if not copy.exists() or copy.read_bytes() != content:
        write_whole(copy, content)


def state_of_broken(file: Path) -> Path | None:
    """The state folder of a plan that ran before and is broken now; None if it never ran.

    It is the one that the file names, if that much can be read, or the usual one.
    """
    try:
        named = read_document(file).tree.get("state", DEFAULT)
    except ConfigError:
        named = DEFAULT
    state = Path(named if isinstance(named, str) else DEFAULT)
    return state if _owner(state) == file.stem else None


def _owner(state: Path) -> str | None:
    file = state / OWNER
    return file.read_text(encoding="utf-8").strip() if file.is_file() else None
