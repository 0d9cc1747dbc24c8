"""How many CPU cores this process may use."""

import os


def cores() -> int:
    """The affinity mask's count: unlike the machine's, it knows a container's or ``taskset``'s limits."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
