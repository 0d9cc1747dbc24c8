"""Tags of runs that follow from the records."""

import json
from dataclasses import replace

import pytest

from platform.tracking.environment import CodeVersion
from platform.tracking.fields import dataset_input, sweep_tags

CODE = CodeVersion(commit="abc", dirty="false", lock="l" * 64)


@pytest.mark.parametrize("digests", [{}, {"manifest": "m" * 64, "policy": "p" * 64}, {"manifest": "m" * 64}])
def test_a_cleaned_sources_manifest_and_policy_are_on_the_run(digests, description):
    """Data that nobody cleaned have neither tag."""
    sweep = replace(description, data=replace(description.data, **digests))
    expected = {f"{name}_digest": digest for name, digest in digests.items()}
    tags = sweep_tags(sweep, CODE)
    assert {name: tags[name] for name in ("manifest_digest", "policy_digest") if name in tags} == expected
    profile = json.loads(dataset_input(sweep.data).dataset.profile)
    assert profile == {"digest": "d" * 64, "rows": {"train": 1000, "val": 300}, "classes": 2, **expected}
