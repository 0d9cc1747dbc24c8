"""Audits with known findings, as the stages of an audit leave them."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import get_args

import pandas as pd
import pytest

from platform.datasets.audit.findings import Finding, findings_table
from platform.datasets.audit.folder import AuditFolder, Stage, write_table
from platform.datasets.audit.record import AuditRecord, write_audit
from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.listing import list_images

MakeAudit = Callable[..., AuditFolder]


@pytest.fixture
def make_audit(tmp_path: Path) -> MakeAudit:
    """``make_audit(config, findings, unreadable=(), stages=STAGES, name="audit")``: a finished audit."""

    def make(
        config: DataConfig,
        findings: Iterable[Finding] = (),
        unreadable: Sequence[str] = (),
        stages: Sequence[Stage] = get_args(Stage),
        name: str = "audit",
        sweep: str | None = None,
    ) -> AuditFolder:
        folder = AuditFolder(tmp_path / name)
        rows = list_images(config).rows
        images = pd.DataFrame(
            {
                "path": rows["path"],
                "label": rows["label"],
                "split": rows["split"],
                "readable": ~rows["path"].isin(unreadable),
                "sha256": rows["path"],
            }
        )
        write_table(folder.images_file, images)
        folder.write_findings("files", findings_table(findings))
        write_audit(
            folder,
            AuditRecord(
                source=config.source,
                data=config.model_dump(mode="json"),
                images=len(rows),
                listing="",
                sweep=sweep,
                stages=dict.fromkeys(stages, "digest"),
                version="1",
            ),
        )
        return folder

    return make


@pytest.fixture
def write_policy(tmp_path: Path) -> Callable[[str], Path]:
    """``write_policy(yaml)`` writes a policy and returns its file."""

    def write(text: str) -> Path:
        file = tmp_path / "policy.yaml"
        file.write_text(text, encoding="utf-8")
        return file

    return write
