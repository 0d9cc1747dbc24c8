"""A CronJob (batch/v1) whose pod calls `run-due`, or a RayCronJob of KubeRay, which has its limits.

Image, volume and resources are those of docs/cluster/ray_job.yaml, which you have made yours: the volume
holds this repository, and what the nights write.
"""

import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any, Literal

from ruamel.yaml import YAML

from platform.config.errors import UserError
from platform.config.invocation import ROOT
from platform.nights.install import programs
from platform.nights.install.tick import MINUTES, Tick, key_of, say_notes, tick_of
from platform.nights.plan.plan_config import NightConfig, PlanConfig
from platform.tuning.settings.budget_config import seconds

Say = Callable[[str], None]
Kind = Literal["kubernetes", "ray-cron-job"]
CHECKOUT = "/shared/platform"
TEMPLATE = "docs/cluster/ray_job.yaml"
NOBODYS_IMAGE = "registry.example.com/"
SHORTEST_DEADLINE_S = 60
"""The controller looks every ten seconds: with a shorter deadline it may start nothing."""

ABOUT_RAY = """\
A RayCronJob needs KubeRay 1.7 or newer (1.6 has no timeZone) and its feature gate RayCronJob, as it is alpha.
It has no concurrency policy, no starting deadline and no history limits. After an outage of the operator it
starts every night that was missed, all at once: `run-due` lets one of them run and ends the others, but each
brings up its machines first. Finished RayJobs stay until you delete them. `run-due` is called at the nights'
times only: a notice that failed is tried again with the next night."""


def install(
    kind: Kind, plan_file: Path, plan: PlanConfig, *, print_only: bool, remove: bool, say: Say
) -> None:
    inside = _inside(plan_file)
    key = key_of(plan_file, str(inside))
    tick = tick_of(plan_file, plan)
    documents = [cron_job(key, inside, plan)] if kind == "kubernetes" else ray_cron_jobs(key, inside, plan)
    if remove:
        _remove(documents, print_only, say)
        return
    if print_only:
        header = "".join(f"# {line}\n" for line in tick.header(kind))
        say(header + "---\n".join(_text(one) for one in [volume_claim(), *documents]))
    else:
        _apply(documents, say)
    notes = [
        *_about(key, tick),
        *(ABOUT_RAY.splitlines() if kind == "ray-cron-job" else _about_pods(plan)),
        f"To remove it: {tick.command(kind, '--remove')}",
    ]
    say_notes(say, notes, print_only=print_only)


def cron_job(key: str, plan_file: Path, plan: PlanConfig) -> dict[str, Any]:
    """The CronJob; its pod runs what is due itself, or on the cluster that the plan's ``address`` names."""
    schedule, deadline_s = schedule_of(plan)
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": _metadata(key),
        "spec": {
            "schedule": schedule,
            "timeZone": plan.time_zone,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": deadline_s,
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {"spec": {**_tries(), "template": {"spec": _pod(key, plan_file, plan)}}},
        },
    }


def schedule_of(plan: PlanConfig) -> tuple[str, int]:
    """When the pod starts, and how late it may (s).

    Every ten minutes for a plan with an ``address``: its pod is small. Without one the pod holds what a sweep
    needs, so that it starts when the nights are due, if they are all due at the same times.
    """
    times = {night.at for night in plan.nights.values()}
    on_time = all(_later(night) is None for night in plan.nights.values()) and all(map(_is_plain, times))
    if plan.address is None and len(times) == 1 and on_time:
        late_s = min(seconds(night.start_within) for night in plan.nights.values())
        return times.pop(), max(SHORTEST_DEADLINE_S, int(late_s))
    return f"*/{MINUTES} * * * *", MINUTES * 60


def ray_cron_jobs(key: str, plan_file: Path, plan: PlanConfig) -> list[dict[str, Any]]:
    """A RayCronJob for each time at which nights are due, with the machines of docs/cluster/ray_job.yaml.

    Raises:
        UserError: a night may start later than at its time, when nothing calls `run-due`.
    """
    for name, night in plan.nights.items():
        if not _is_plain(night.at):
            raise UserError(
                f"nights.{name}.at: {night.at!r} has what Kubernetes' cron does not know: L, # or 7"
            )
        if (setting := _later(night)) is not None:
            raise UserError(
                f"nights.{name}.{setting}: lets the night start later than at its time, when no RayCronJob "
                "calls run-due: change it, or use --kubernetes"
            )
    command = f"env --chdir={CHECKOUT} python -m platform.nightly run-due {plan_file}"
    job = {**_template(), "entrypoint": command}
    [head] = job["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["containers"]
    head["envFrom"] = _secret(key)
    times = dict.fromkeys(night.at for night in plan.nights.values())
    return [
        {
            "apiVersion": "ray.io/v1",
            "kind": "RayCronJob",
            "metadata": _metadata(f"{key}-{number}"),
            "spec": {"schedule": at, "timeZone": plan.time_zone, "suspend": False, "jobTemplate": job},
        }
        for number, at in enumerate(times, start=1)
    ]


def volume_claim() -> dict[str, Any]:
    [volume] = _worker()["volumes"]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": volume["persistentVolumeClaim"]["claimName"]},
        "spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "200Gi"}}},
    }


def _later(night: NightConfig) -> str | None:
    """The setting that lets the night start later than it is due."""
    if night.jitter is not None:
        return "jitter"
    return "overlap" if night.overlap == "wait" else None


def _is_plain(at: str) -> bool:
    """Whether Kubernetes reads the expression as we do: it has no L, no # and no day of week 7."""
    *_, weekdays = at.split()
    return re.fullmatch(r"[\d*/, -]+", at) is not None and "7" not in re.findall(r"\d+", weekdays)


def _secret(key: str) -> list[dict[str, Any]]:
    return [{"secretRef": {"name": key, "optional": True}}]


def _template() -> dict[str, Any]:
    job: dict[str, Any] = YAML(typ="safe").load(ROOT / TEMPLATE)["spec"]
    return job


def _head() -> dict[str, Any]:
    pod: dict[str, Any] = _template()["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]
    return pod


def _worker() -> dict[str, Any]:
    pod: dict[str, Any] = _template()["rayClusterSpec"]["workerGroupSpecs"][0]["template"]["spec"]
    return pod


def _metadata(name: str) -> dict[str, Any]:
    return {"name": name, "labels": {"app": "platform-nightly"}}


def _tries() -> dict[str, Any]:
    """A pod whose machine is taken away is made anew, and goes on; other retries are `run-due`'s own."""
    return {
        "backoffLimit": 2,
        "podFailurePolicy": {
            "rules": [
                {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [1, 2, 3, 4]}},
            ]
        },
    }


def _pod(key: str, plan_file: Path, plan: PlanConfig) -> dict[str, Any]:
    """With an ``address`` the resources of the head, which runs no trials, else of a worker."""
    pod = _head() if plan.address else _worker()
    [container], variables = pod["containers"], _head()["containers"][0].get("env")
    mounts, volumes = list(container["volumeMounts"]), list(pod["volumes"])
    if not plan.address:  # Ray's objects lie in shared memory, of which a container has 64 MB by default
        mounts.append({"name": "shm", "mountPath": "/dev/shm"})
        volumes.append({"name": "shm", "emptyDir": {"medium": "Memory"}})
    return {
        **pod,
        "volumes": volumes,
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 180,
        "containers": [
            {
                **container,
                **({"env": variables} if variables else {}),
                "name": "run-due",
                "workingDir": CHECKOUT,
                "command": ["python", "-m", "platform.nightly", "run-due", str(plan_file)],
                "envFrom": _secret(key),
                "volumeMounts": mounts,
            }
        ],
    }


def _inside(plan_file: Path) -> Path:
    """The plan's path in the checkout, which the pod has on its volume."""
    file = plan_file.absolute()
    if not file.is_relative_to(ROOT):
        raise UserError(f"{plan_file}: must lie in {ROOT}, as the pod runs from a copy of that folder")
    return file.relative_to(ROOT)


def _about(key: str, tick: Tick) -> list[str]:
    claim = volume_claim()["metadata"]["name"]
    lines = [
        f"The claim {claim} holds this repository as {CHECKOUT}, where relative folders of the plan begin.",
        f"Image, resources and volume come from {TEMPLATE}.",
    ]
    if tick.variables:
        lines += [
            f"It needs {', '.join(tick.variables)}: write NAME=value, a line each, into a file that only you",
            f"may read, then: kubectl create secret generic {key} --from-env-file=FILE",
        ]
    return lines


def _about_pods(plan: PlanConfig) -> list[str]:
    if plan.address or schedule_of(plan)[0] in {night.at for night in plan.nights.values()}:
        return []
    return [
        f"Its pod comes every {MINUTES} minutes and holds the resources of a trial while it looks: name a",
        "Ray cluster as the plan's address, or let all nights be due at one time, without jitter and without",
        "overlap: wait.",
    ]


def _apply(documents: list[dict[str, Any]], say: Say) -> None:
    programs.need("kubectl", "use --print, and apply it where kubectl is")
    image = _worker()["containers"][0]["image"]
    if image.startswith(NOBODYS_IMAGE):
        raise UserError(f"{TEMPLATE}: {image} is nobody's image: put yours there, or use --print and edit it")
    claim = volume_claim()
    if programs.run("kubectl", "get", "persistentvolumeclaim", claim["metadata"]["name"]).returncode != 0:
        documents = [claim, *documents]
    say(programs.done("kubectl", "apply", "-f", "-", given="---\n".join(map(_text, documents))).strip())


def _remove(documents: list[dict[str, Any]], print_only: bool, say: Say) -> None:
    """The claim stays: it holds the results."""
    kind = documents[0]["kind"].lower()
    words = ["kubectl", "delete", kind, *(one["metadata"]["name"] for one in documents), "--ignore-not-found"]
    if print_only:
        say(" ".join(words))
        return
    programs.need("kubectl", f"where it is: {' '.join(words)}")
    say(programs.done(*words).strip() or f"no {documents[0]['kind']} of this plan is installed")


def _text(document: dict[str, Any]) -> str:
    yaml = YAML()
    yaml.width = 110
    yaml.representer.ignore_aliases = lambda _: True
    text = StringIO()
    yaml.dump(document, text)
    return text.getvalue()
