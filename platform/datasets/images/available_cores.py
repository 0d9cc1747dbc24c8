"""How many cores this process may use, in a container with a CPU quota too."""

import os
from pathlib import Path

QUOTAS = (
    ("/sys/fs/cgroup/cpu.max",),  # cgroup 2: quota and period (µs) in one file
    ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us"),
)
_UNLIMITED = ("max", "-1")


def usable_cores() -> int:
    """The cores that this process may run on, or as many whole ones as its quota lasts for; one at least."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for files in QUOTAS:
        if all(Path(file).exists() for file in files):
            quota, period = " ".join(Path(file).read_text() for file in files).split()
            if quota not in _UNLIMITED:
                cores = min(cores, max(int(quota) // int(period), 1))
    return cores
