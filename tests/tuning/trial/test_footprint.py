"""What is measured of a process while it works."""

import mmap
import time

import numpy as np
import psutil
import pytest
import torch

from platform.tuning.trial.footprint import with_footprint

CPU = torch.device("cpu")


def test_what_the_epoch_found_is_kept():
    metrics = with_footprint(lambda: {"val/accuracy": 0.5}, CPU)
    assert metrics["val/accuracy"] == 0.5
    assert metrics.keys() - {"val/accuracy"} == {
        "system/cpu_percent",
        "system/memory_megabytes",
        "system/machine_memory_percent",
    }


def test_cpu_time_is_told_from_waiting():
    def work():
        until = time.process_time() + 0.1
        while time.process_time() < until:
            pass
        return {}

    def wait():
        time.sleep(0.1)
        return {}

    idle, busy = (with_footprint(epoch, CPU)["system/cpu_percent"] for epoch in (wait, work))
    assert 4 * idle < busy, "however little of a core others leave"


def test_memory_is_this_processes():
    pages = mmap.mmap(-1, 200_000_000)  # new ones: what an allocator gives may have been resident before

    def grow():
        np.frombuffer(pages, np.uint8)[:] = 1
        return {}

    before = psutil.Process().memory_info().rss / 1e6
    after = with_footprint(grow, CPU)["system/memory_megabytes"]
    assert after - before == pytest.approx(200, abs=40)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_of_a_gpu_it_is_the_most_that_the_epoch_took():
    device = torch.device("cuda")

    def grow():
        torch.ones(50_000_000, device=device)
        return {}

    metrics = with_footprint(grow, device)
    assert metrics["system/gpu_memory_megabytes"] == pytest.approx(200, abs=60)
    assert metrics["system/gpu_reserved_megabytes"] >= metrics["system/gpu_memory_megabytes"]
