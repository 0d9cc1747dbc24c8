"""What decides a night's result: code, packages, spaces, data, device. Equal ones need not run again."""

import hashlib
from pathlib import Path

from platform.config.document import yaml_text
from platform.config.invocation import ROOT
from platform.datasets.preparation.signature import signature
from platform.nights.ledger.records import Fingerprint
from platform.nights.plan.load_plan import LoadedPlan, Subject
from platform.tracking.environment import code_version

CODE = ("platform", "reports")


def fingerprint(plan: LoadedPlan, night: str, root: Path = ROOT) -> Fingerprint:
    """Of the night as it would run now. It takes seconds: labels are read, and files listed.

    Raises:
        UserError: the data cannot be read.
    """
    version = code_version(root)
    subjects = plan.subjects[night]
    return Fingerprint(
        commit=version.commit,
        dirty=version.dirty != "false",
        code=code_digest(root),
        lock=version.lock,
        spaces={one.name: space_digest(plan, night, one) for one in subjects},
        data={one.name: signature(one.loaded.first().data) for one in subjects},
        device=device(plan.config.address),
    )


def difference(before: Fingerprint, now: Fingerprint) -> str | None:
    """What has changed, in words; None where nothing has."""
    changed = [
        what
        for what, old, new in (
            ("the code", before.code, now.code),
            ("the packages", before.lock, now.lock),
            ("the spaces", before.spaces, now.spaces),
            ("the data", before.data, now.data),
            ("the device", before.device, now.device),
        )
        if old != new
    ]
    if not changed:
        return None
    return (
        f"{', '.join(changed[:-1])} and {changed[-1]} have changed"
        if changed[1:]
        else f"{changed[0]} changed"
    )


def code_digest(root: Path) -> str:
    """SHA-256 of all files in platform/ and reports/, committed or not."""
    sha = hashlib.sha256()
    for folder in CODE:
        for file in sorted((root / folder).rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                content = file.read_bytes()
                sha.update(f"{file.relative_to(root)}\0{len(content)}\0".encode() + content)
    return sha.hexdigest()


def space_digest(plan: LoadedPlan, night: str, subject: Subject) -> str:
    """SHA-256 of the space without its data, and of how the plan has it searched and repeated."""
    config = plan.night(night)
    laid = config.canary.seeds if config.canary and subject.is_canary else config.confirm.model_dump_json()
    tree = {key: value for key, value in subject.loaded.document.tree.items() if key != "data"}
    text = f"{yaml_text(tree)}\n{laid}\n"
    return hashlib.sha256(text.encode()).hexdigest()


def device(address: str | None) -> str:
    """ "cpu", "NVIDIA H200 × 2", or the cluster, whose machines the driver does not see."""
    if address is not None:
        return f"cluster at {address}"
    import torch  # 1.3 s; only a night that is due needs it

    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return ", ".join(f"{name} × {names.count(name)}" for name in dict.fromkeys(names)) or "cpu"
