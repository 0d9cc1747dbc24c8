"""How OpenMP threads wait for each other; set this before torch is imported, as it is read once."""

import os

POLICY = "OMP_WAIT_POLICY"


def sleep_while_waiting() -> dict[str, str]:
    """Let waiting threads sleep, unless the environment says otherwise; returns the variable for workers.

    By default a waiting thread spins. Where trials, loaders and other programs share the cores, it keeps the
    thread that it waits for from its core: a step that takes 0.1 s may then take several seconds.
    """
    return {POLICY: os.environ.setdefault(POLICY, "passive")}
