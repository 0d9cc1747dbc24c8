"""The Ray job that this process runs in, if any: ``ray job submit -- python -m platform.search``.

Ray unpacks the job's ``working_dir`` on a machine of the cluster and gives driver and workers the job's
runtime environment. It refuses a driver that sets the same parts of it again.
"""

import json
import os
from pathlib import Path
from typing import Any

from ray._private.runtime_env.constants import RAY_JOB_CONFIG_JSON_ENV_VAR

from platform.config.errors import UserError
from platform.config.invocation import ROOT
from platform.tracking.tracking_config import TrackingConfig, resolve_uri, sqlite_path


def environment_of_job() -> dict[str, Any]:
    """The runtime environment that the job was submitted with; empty outside of a job."""
    config = json.loads(os.environ.get(RAY_JOB_CONFIG_JSON_ENV_VAR, "{}"))
    return config.get("runtime_env") or {}


def beside_the_job(own: dict[str, Any]) -> dict[str, Any]:
    """``own`` runtime environment without what the job sets; a job's ``working_dir`` has our code already."""
    job = environment_of_job()
    variables = {
        name: value for name, value in own["env_vars"].items() if name not in job.get("env_vars", {})
    }
    if "working_dir" in job:
        return {"env_vars": variables}
    return {**{name: value for name, value in own.items() if name not in job}, "env_vars": variables}


def refuse_unpacked_folder(out: Path, tracking: TrackingConfig) -> None:
    """Raises UserError if results would be written below a job's ``working_dir``: Ray deletes it at will."""
    if "working_dir" not in environment_of_job():
        return
    database = sqlite_path(resolve_uri(tracking))
    gone = "lies in the folder that Ray unpacked for this job and deletes after it"
    if out.resolve().is_relative_to(ROOT.resolve()):
        raise UserError(f"--out: {out.resolve()} {gone}; name a folder that stays, such as a shared one")
    if database is not None and database.resolve().is_relative_to(ROOT.resolve()):
        raise UserError(
            f"tracking.uri: {database.resolve()} {gone}; name a server in it or in MLFLOW_TRACKING_URI"
        )
