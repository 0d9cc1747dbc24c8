"""What a trial gets of what is there."""

import pytest

from platform.config.errors import UserError
from platform.tuning.resources import trial_resources
from platform.tuning.sweep_config import ResourcesConfig


@pytest.mark.parametrize(
    ("config", "there", "expected"),
    [
        (ResourcesConfig(), {"CPU": 2.0}, (1, 0.0, 2)),
        (ResourcesConfig(cpus=2), {"CPU": 5.0}, (2, 0.0, 2)),
        (ResourcesConfig(), {"CPU": 64.0}, (1, 0.0, 10)),
        (ResourcesConfig(), {"CPU": 16.0, "GPU": 4.0}, (1, 1.0, 4)),
        (ResourcesConfig(gpus=0.25), {"CPU": 16.0, "GPU": 1.0}, (1, 0.25, 4)),
        (ResourcesConfig(gpus=0.0), {"CPU": 3.0, "GPU": 1.0}, (1, 0.0, 3)),
    ],
)
def test_as_many_trials_run_as_fit(config, there, expected):
    found = trial_resources(config, there, trials=10)
    assert (found.cpus, found.gpus, found.concurrency) == expected


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (ResourcesConfig(cpus=3), "resources.cpus: a trial asks for 3, but there are 2"),
        (ResourcesConfig(gpus=1.0), "resources.gpus: a trial asks for 1, but there are 0"),
    ],
)
def test_what_can_never_fit_is_refused_at_once(config, words):
    with pytest.raises(UserError, match=words):
        trial_resources(config, {"CPU": 2.0}, trials=10)
