"""How much memory this process may still use, in a container too."""

from pathlib import Path

import psutil

LIMIT_AND_USE = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),  # cgroup 2
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def available_memory() -> int:
    """Free bytes of the machine, or of the container if its limit is lower."""
    free = int(psutil.virtual_memory().available)
    for limit, use in LIMIT_AND_USE:
        if Path(limit).exists() and Path(use).exists():
            content = Path(limit).read_text().strip()
            if content != "max":
                # use includes the page cache, which the kernel would free, so this is a lower bound
                free = min(free, max(int(content) - int(Path(use).read_text()), 0))
    return free
