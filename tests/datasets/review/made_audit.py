"""A small audit with real images: coloured squares of three classes, every fifth in a wrong folder."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from platform.datasets.audit.findings import Finding, findings_table
from platform.datasets.audit.folder import AuditFolder, write_table
from platform.datasets.audit.record import AuditRecord, write_audit
from platform.datasets.data_config import DataConfig

COLOURS = {"blue tit": (40, 90, 200), "great tit": (220, 200, 30), "robin": (200, 60, 40)}
SIDE = 72


@dataclass(frozen=True)
class MadeAudit:
    """``truth``: path -> the class that the image shows."""

    folder: AuditFolder
    photos: Path
    truth: dict[str, str]


def make_audit(place: Path, a_class: int = 20, *, with_scores: bool = True, findings=()) -> MadeAudit:
    """``a_class`` images a class; every fifth lies in the folder of the next class."""
    photos, folder = place / "photos", AuditFolder(place / "audit" / "photos")
    names, random, truth = list(COLOURS), np.random.default_rng(0), {}
    for number, name in enumerate(names):
        for count in range(a_class):
            given = names[(number + 1) % 3] if count % 5 == 0 else name
            path = f"{given}/{name[:2]}{count:03d}.jpg"
            truth[path] = name
            file = photos / path
            file.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.clip(random.normal(COLOURS[name], 25, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(file, comment=b"a secret comment")
    paths = sorted(truth)
    folder.path.mkdir(parents=True)
    labels = [path.split("/")[0] for path in paths]
    images = pd.DataFrame({"path": paths, "label": labels, "split": "train", "readable": True})
    write_table(folder.images_file, images)
    data = DataConfig(source=str(photos), label="given").model_dump(mode="json")
    record = AuditRecord(source=str(photos), data=data, images=len(paths), listing="", version="0")
    write_audit(folder, record)
    is_wrong = np.array([truth[path] != label for path, label in zip(paths, labels, strict=True)])
    p_wrong = np.where(is_wrong, random.uniform(0.45, 0.99, len(paths)), random.uniform(0, 0.6, len(paths)))
    suggested = [truth[path] if wrong else None for path, wrong in zip(paths, is_wrong, strict=True)]
    if with_scores:
        scores = {"path": paths, "label": labels, "margin": p_wrong, "p_wrong": p_wrong}
        write_table(folder.label_scores_file, pd.DataFrame({**scores, "suggested": suggested}))
        folder.write_findings(
            "labels",
            findings_table(
                Finding(
                    path,
                    "wrong_label",
                    float(p),
                    f"margin {p:.2f} below that of its class",
                    f"relabel:{name}",
                )
                for path, p, name in zip(paths, p_wrong, suggested, strict=True)
                if name is not None
            ),
        )
    if findings:
        folder.write_findings("copies", findings_table(findings))
    return MadeAudit(folder, photos, truth)
