"""A container's CPU quota counts beside the cores that the kernel lets a process run on."""

import os

import pytest

from platform.datasets.images import available_cores
from platform.datasets.images.available_cores import usable_cores


@pytest.fixture
def eight_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        (("250000 100000\n",), 2),
        (("50000 100000\n",), 1),
        (("1600000 100000\n",), 8),
        (("max 100000\n",), 8),
        (("300000\n", "100000\n"), 3),
        (("-1\n", "100000\n"), 8),
    ],
)
def test_a_quota_is_as_many_whole_cores(files, cores, eight_cores, tmp_path, monkeypatch):
    names = []
    for place, text in enumerate(files):
        (tmp_path / f"{place}").write_text(text)
        names.append(str(tmp_path / f"{place}"))
    monkeypatch.setattr(available_cores, "QUOTAS", (tuple(names), ("/not/there",)))
    assert usable_cores() == cores


def test_without_a_quota_all_cores_count(eight_cores, monkeypatch):
    monkeypatch.setattr(available_cores, "QUOTAS", (("/not/there",),))
    assert usable_cores() == 8
