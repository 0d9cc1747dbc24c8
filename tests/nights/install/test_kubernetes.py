"""CronJob and RayCronJob: checked against the fields that Kubernetes and KubeRay know."""

import copy

import jsonschema
import pytest
from ruamel.yaml import YAML

from platform.config.errors import UserError
from platform.config.invocation import ROOT
from platform.nights.install.install import install
from platform.nights.plan.plan_config import PlanConfig
from tests.nights.install.conftest import SECRET

KUBECTL = """
echo "$@" >> "$HOME/asked"
case "$1" in get) exit "$KNOWN" ;; apply) cat > "$HOME/given" ;; esac
"""
PLAN_FILE = ROOT / "search_spaces" / "nightly" / "digits.yaml"


def printed(kind, plan, said, file=PLAN_FILE):
    """The documents that --print prints, by kind."""
    install(kind, file, plan, print_only=True, say=said.append)
    documents = list(YAML(typ="safe").load_all("\n".join(said)))
    assert SECRET not in "\n".join(said)
    return documents


def schema(name):
    found = YAML(typ="safe").load(ROOT / "tests" / "data" / name)
    jsonschema.Draft202012Validator.check_schema(found)
    return found


def changed(plan, **settings):
    tree = plan.model_dump()
    tree.update(settings)
    return PlanConfig.model_validate(tree)


def with_night(plan, **settings):
    night = {**plan.model_dump()["nights"]["digits"], **settings}
    return changed(plan, nights={"digits": night})


def test_a_plan_is_one_cron_job(plan, said):
    claim, job = printed("kubernetes", plan, said)
    known = schema("batch_v1_cron_job.yaml")
    jsonschema.validate(job, known)
    misspelt = copy.deepcopy(job)
    misspelt["spec"]["concurrencypolicy"] = misspelt["spec"].pop("concurrencyPolicy")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(misspelt, known)
    spec = job["spec"]
    assert (spec["schedule"], spec["timeZone"]) == ("30 22 * * 1-5", "Europe/Berlin")
    assert (spec["concurrencyPolicy"], spec["startingDeadlineSeconds"]) == ("Forbid", 3 * 3600)
    pod = spec["jobTemplate"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert container["command"][-2:] == ["run-due", "search_spaces/nightly/digits.yaml"]
    assert container["workingDir"] == "/shared/platform"
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1", "the pod runs the sweeps"
    assert container["envFrom"] == [{"secretRef": {"name": job["metadata"]["name"], "optional": True}}]
    assert container["env"][0]["name"] == "MLFLOW_TRACKING_URI"
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"] == "platform"
    text = "\n".join(said)
    assert "CHAT_URL, ALIVE_URL" in text and f"create secret generic {job['metadata']['name']}" in text
    assert "--kubernetes --remove" in text


@pytest.mark.parametrize(
    ("settings", "schedule", "deadline"),
    [
        ({}, "30 22 * * 1-5", 10800),
        ({"start_within": "10s"}, "30 22 * * 1-5", 60),
        ({"jitter": "10m"}, "*/10 * * * *", 600),
        ({"overlap": "wait"}, "*/10 * * * *", 600),
        ({"at": "0 3 * * 7"}, "*/10 * * * *", 600),
        ({"at": "0 3 L * *"}, "*/10 * * * *", 600),
    ],
)
def test_the_pod_comes_when_something_can_be_due(plan, said, settings, schedule, deadline):
    spec = printed("kubernetes", with_night(plan, **settings), said)[1]["spec"]
    assert (spec["schedule"], spec["startingDeadlineSeconds"]) == (schedule, deadline)


def test_a_pod_that_only_decides_is_small_and_comes_every_ten_minutes(plan, said):
    spec = printed("kubernetes", changed(plan, address="ray://head:10001"), said)[1]["spec"]
    assert spec["schedule"] == "*/10 * * * *"
    [container] = spec["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert "nvidia.com/gpu" not in container["resources"]["limits"]


def test_a_ray_cron_job_is_one_that_kuberay_takes_and_its_limits_are_said(plan, said):
    night = plan.model_dump()["nights"]["digits"]
    two = changed(plan, nights={"a": night, "b": {**night, "at": "0 3 * * *"}, "c": night})
    _, *jobs = printed("ray-cron-job", two, said)
    assert [job["spec"]["schedule"] for job in jobs] == ["30 22 * * 1-5", "0 3 * * *"]
    for job in jobs:
        assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayCronJob")
        assert set(job["spec"]) == {"schedule", "timeZone", "suspend", "jobTemplate"}
        metadata = {**job["metadata"], "name": job["metadata"]["name"] + "-29000000"}  # as KubeRay names jobs
        child = {"apiVersion": "ray.io/v1", "kind": "RayJob", "metadata": metadata}
        jsonschema.validate({**child, "spec": job["spec"]["jobTemplate"]}, schema("kuberay_ray_job.yaml"))
        [head] = job["spec"]["jobTemplate"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"][
            "containers"
        ]
        assert f"create secret generic {head['envFrom'][0]['secretRef']['name']} " in "\n".join(said)
        assert "run-due search_spaces/nightly/digits.yaml" in job["spec"]["jobTemplate"]["entrypoint"]
    text = " ".join(said)
    assert "--ray-cron-job --remove" in text and "--kubernetes" not in text
    for limit in ("KubeRay 1.7", "feature gate RayCronJob", "no concurrency policy", "no history limits"):
        assert limit in text


def test_a_ray_cron_job_is_refused_where_it_would_miss_the_night(plan, said):
    with pytest.raises(UserError, match=r"nights\.digits\.at: '0 3 L \* \*' has what Kubernetes' cron"):
        printed("ray-cron-job", with_night(plan, at="0 3 L * *"), said)
    with pytest.raises(
        UserError, match=r"nights\.digits\.jitter: lets the night start later than at its time"
    ):
        printed("ray-cron-job", with_night(plan, jitter="10m"), said)


def test_a_plan_outside_of_the_checkout_is_refused(plan, plan_file, said):
    with pytest.raises(UserError, match=r"digits.yaml: must lie in .*, as the pod runs from a copy"):
        printed("kubernetes", plan, said, plan_file)


def test_it_is_applied_and_deleted_but_the_results_stay(plan, programs, home, said, monkeypatch):
    programs("kubectl", KUBECTL)
    with pytest.raises(
        UserError, match=r"docs/cluster/ray_job.yaml: registry.example.com/\S+ is nobody's image"
    ):
        install("kubernetes", PLAN_FILE, plan, print_only=False, say=said.append)
    monkeypatch.setattr("platform.nights.install.kubernetes.NOBODYS_IMAGE", "nothing")
    for known, kinds in (("1", ["PersistentVolumeClaim", "CronJob"]), ("0", ["CronJob"])):
        monkeypatch.setenv("KNOWN", known)
        install("kubernetes", PLAN_FILE, plan, print_only=False, say=said.append)
        assert [one["kind"] for one in YAML(typ="safe").load_all((home / "given").read_text())] == kinds
    install("kubernetes", PLAN_FILE, plan, print_only=False, remove=True, say=said.append)
    assert (home / "asked").read_text().splitlines()[-1].startswith("delete cronjob nightly-digits-")
    assert "persistentvolumeclaim platform" not in (home / "asked").read_text().splitlines()[-1]


def test_without_kubectl_one_line_says_what_to_do(plan, no_programs, said):
    with pytest.raises(UserError, match="^kubectl: is not on this machine's PATH; use --print"):
        install("kubernetes", PLAN_FILE, plan, print_only=False, say=said.append)
