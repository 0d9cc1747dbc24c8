"""A source whose images have changed since the audit."""

import json
import shutil

from platform.datasets.cleaning.clean import clean
from platform.datasets.data_config import DataConfig

POLICY = "rules:\n- {kind: blurry, action: drop}\n"


def test_what_came_and_went_since_the_audit_is_said(make_audit, write_policy, make_classes, tmp_path):
    photos, out = make_classes(tmp_path / "photos", {"cat": 20, "dog": 20}), tmp_path / "clean.parquet"
    audit = make_audit(DataConfig.model_validate_json(json.dumps({"source": str(photos)})), [])
    policy = write_policy(POLICY)
    assert not clean(audit, policy, out).notes
    (photos / "cat" / "007.png").unlink()
    (photos / "cat" / "008.png").unlink()
    shutil.copy(photos / "dog" / "001.png", photos / "dog" / "new.png")
    gone, new = clean(audit, policy, out).notes
    assert gone == "since the audit 2 images left the source: cat/007.png and 1 more"
    assert new.startswith("since the audit 1 image came into the source, and nothing is known of them")
    assert new.endswith(": dog/new.png; audit again")
