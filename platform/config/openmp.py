"""How OpenMP's threads wait for each other, which its library reads once: before torch is imported."""

import os

POLICY = "OMP_WAIT_POLICY"


def sleep_while_waiting() -> dict[str, str]:
    """Let them sleep, unless the environment says otherwise; what processes elsewhere must have set, too.

    A thread that spins, as they do by default, keeps the one that it waits for from its core where trials,
    loaders and other programs share the cores: a step that takes 0.1 s may then take several seconds.
    """
    return {POLICY: os.environ.setdefault(POLICY, "passive")}
