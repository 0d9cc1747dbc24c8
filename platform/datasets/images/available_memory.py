"""How much memory this process may still take, in a container too."""

from pathlib import Path

import psutil  # type: ignore[import-untyped]

LIMIT_AND_USE = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),  # cgroup 2
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def available_memory() -> int:
    """Bytes: what the machine has free, or less where the container is limited to less."""
    free = int(psutil.virtual_memory().available)
    for limit, use in LIMIT_AND_USE:
        if Path(limit).exists() and Path(use).exists():
            words = Path(limit).read_text().strip()
            if words != "max":
                # use counts the page cache, which would be given up: so this errs on the careful side
                free = min(free, max(int(words) - int(Path(use).read_text()), 0))
    return free
