"""Accuracy on leaked test images beside that on the others."""

import pandas as pd
import pytest

from platform.datasets.audit.findings import Finding, findings_table
from reports.audit.leaks import accuracy_on_leaks
from reports.sweeps.inputs import read_inputs
from tests.reports.audit.conftest import changed

pytestmark = pytest.mark.sweep


def test_leaked_and_other_test_images_are_counted_apart(audit, plain_sweep):
    inputs = read_inputs(plain_sweep.path, None)
    manifest = pd.read_parquet(plain_sweep.manifest)
    tests = manifest["path"][manifest["split"] == "test"]
    audit.write_findings("copies", findings_table([]))
    changed(
        audit,
        lambda images: images.assign(split=images["path"].isin(tests).map({True: "test", False: "train"})),
    )
    assert accuracy_on_leaks(audit, inputs) is None
    leaked = [Finding(path, "leak", 1.0, "a copy is in train") for path in tests[:20]]
    audit.write_findings("copies", findings_table(leaked))
    found = accuracy_on_leaks(audit, inputs)
    assert found.leaked.images == 20
    assert found.others.images == len(tests) - 20
    assert 0 <= found.leaked.value <= 1
