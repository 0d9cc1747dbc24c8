"""The findings and the folder of an audit."""

import pytest

from platform.config.errors import UserError
from platform.datasets.audit.findings import KINDS, Finding, findings_table
from platform.datasets.audit.folder import AuditFolder


def test_findings_are_sorted_by_kind_then_by_score():
    table = findings_table(
        [
            Finding("b.png", "wrong_label", 0.5, "why"),
            Finding("a.png", "wrong_label", 0.9, "why", "relabel:cat"),
            Finding("c.png", "unreadable", 1.0, "why", "drop"),
        ]
    )
    assert list(table["path"]) == ["c.png", "a.png", "b.png"]
    assert list(table["suggestion"]) == ["drop", "relabel:cat", "look"]
    assert KINDS[0] == "unreadable"


def test_a_stage_replaces_its_own_findings_only(tmp_path):
    folder = AuditFolder(tmp_path)
    folder.write_findings("files", findings_table([Finding("a", "dark", 0.7, "why")]))
    folder.write_findings("copies", findings_table([Finding("b", "leak", 1.0, "why", group="g1")]))
    first = folder.issues_file.read_bytes()
    assert list(folder.issues()["path"]) == ["a", "b"]
    folder.write_findings("copies", findings_table([]))
    assert list(folder.issues()["path"]) == ["a"]
    folder.write_findings("copies", findings_table([Finding("b", "leak", 1.0, "why", group="g1")]))
    assert folder.issues_file.read_bytes() == first


def test_what_is_no_audit_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"images\.parquet: is missing: .* is no finished audit$"):
        AuditFolder(tmp_path).images()
    (tmp_path / "images.parquet").write_text("no table")
    with pytest.raises(UserError, match=r"images\.parquet: cannot be read: "):
        AuditFolder(tmp_path).images()
