"""The stage ``copies`` of an audit: from images.parquet and thumbnails.parquet to its findings."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq

from platform.config.errors import UserError
from platform.datasets.arrays import Ints
from platform.datasets.audit.copies.calibration import Calibration, Reading, calibrated
from platform.datasets.audit.copies.candidates import by_hash, by_look
from platform.datasets.audit.copies.cautions import cautious, is_too_small
from platform.datasets.audit.copies.comparing.alignment import Laid
from platform.datasets.audit.copies.comparing.small_pictures import small_pictures
from platform.datasets.audit.copies.copy_groups import Copy, copy_groups
from platform.datasets.audit.copies.evidence import evidence, evidence_of_pairs
from platform.datasets.audit.copies.exact import best_first, kept_of_equals
from platform.datasets.audit.copies.findings_of_copies import duplicates, label_findings, leaks
from platform.datasets.audit.copies.groups import Stars, joined, stars
from platform.datasets.audit.copies.same_scene import Scenes, same_scenes, scene_findings
from platform.datasets.audit.findings import Finding, findings_table
from platform.datasets.audit.folder import AuditFolder
from platform.datasets.audit.record import CAUTION, Notes
from platform.datasets.geometry import KeptSize
from platform.datasets.sources.source import Source

COLUMNS = [
    "path",
    "label",
    "split",
    "readable",
    "bytes",
    "sha256",
    "pixels",
    "width",
    "height",
    "phash",
    "phash_mirrored",
    "dhash",
    "dhash_mirrored",
]
THUMBNAILS = 2048  # read at a time


@dataclass(frozen=True)
class Found:
    """What the stage found: groups of copies, scenes, and what they rest on."""

    groups: list[list[Copy]]
    stars: Stars
    equal_N: Ints
    scenes: Scenes | None
    calibration: Calibration
    notes: Notes


def find_copies(folder: AuditFolder, source: Source, reading: KeptSize) -> Notes:
    """Find copies, labels that contradict each other, placeholders and leaks; write the stage's findings.

    Args:
        source: Where images are read from, of which copies are planted.
        reading: The size at which the pass over the files read them.

    Returns:
        Notes for audit.json. The same tables give the same findings, to the byte.
    """
    images = folder.images(COLUMNS)
    found = found_copies(folder, images, Reading(source, reading))
    threshold = found.calibration.score
    findings: list[Finding] = [
        *duplicates(found.groups, images, threshold),
        *label_findings(found.groups),
        *leaks(found.groups),
    ]
    if found.scenes is not None:
        centre_N = found.stars.centre_N[found.equal_N]
        findings += scene_findings(found.scenes, images, centre_N)
    table, cautions = cautious(findings_table(findings), images)
    folder.write_findings("copies", table)
    return found.notes | ({CAUTION: "; ".join(cautions)} if cautions else {})


def found_copies(folder: AuditFolder, images: pd.DataFrame, reading: Reading) -> Found:
    """Everything of the stage but its findings."""
    readable = images["readable"].to_numpy(np.bool_)
    labels = images["label"].to_numpy(object)
    labels[pd.isna(labels)] = None
    equal_N = kept_of_equals(images)
    is_asked = readable & (equal_N == np.arange(len(images)))
    is_compared = is_asked & ~is_too_small(images)
    pictures = small_pictures(_thumbnails(folder, is_compared), len(images))
    calibration = calibrated(pictures, images["path"].tolist(), labels, reading)
    rows = np.flatnonzero(is_compared & ~pictures.plain_N)
    scenes = _scenes(folder, rows, labels)
    alike = by_look(pictures, pictures.of(rows), calibration.closeness)
    candidates = Laid.joined([by_hash(images, rows, pictures), alike.laid])
    proofs = evidence(pictures, candidates)
    looked_at = len(proofs)
    if scenes is not None:
        proofs = proofs.with_more(evidence_of_pairs(pictures, scenes.one, scenes.other)[0])
    rank_N = np.argsort(best_first(images))
    first = stars(proofs.at_least(calibration.score), rank_N)
    settled = joined(first, pictures, rank_N, calibration.closeness, calibration.score)
    groups = copy_groups(images, equal_N, settled, pictures, rank_N)
    notes = calibration.notes() | _notes(images, groups, scenes)
    notes |= {
        "pairs compared on pixels": looked_at,
        "recall of neighbours": round(alike.recall, 4),
        "images of one colour": int((is_compared & pictures.plain_N).sum()),
    }
    return Found(groups, settled, equal_N, scenes, calibration, notes)


def _thumbnails(folder: AuditFolder, is_asked: npt.NDArray[np.bool_]) -> Iterator[bytes | None]:
    """The thumbnails of all images in order, a few thousand in memory; None where not asked."""
    if not folder.thumbnails_file.exists():
        raise UserError(f"{folder.thumbnails_file}: is missing: run the audit again")
    row = 0
    for batch in pq.ParquetFile(folder.thumbnails_file).iter_batches(THUMBNAILS, columns=["picture"]):
        for picture in batch.column(0):
            yield picture.as_py() if is_asked[row] else None
            row += 1
    if row != len(is_asked):
        raise UserError(
            f"{folder.thumbnails_file}: has {row:,} rows, images.parquet has {len(is_asked):,}: "
            "run the audit again"
        )


def _scenes(folder: AuditFolder, rows: Ints, labels: npt.NDArray[np.object_]) -> Scenes | None:
    """By embeddings; None where the audit has none."""
    if not folder.embeddings_file.exists():
        return None
    embeddings_ND = np.load(folder.embeddings_file, mmap_mode="r")
    if len(embeddings_ND) != len(labels):
        raise UserError(
            f"{folder.embeddings_file}: has {len(embeddings_ND):,} rows, images.parquet has {len(labels):,}: "
            "run the audit again"
        )
    return same_scenes(embeddings_ND, rows, labels)


def _notes(images: pd.DataFrame, groups: list[list[Copy]], scenes: Scenes | None) -> Notes:
    sizes = [len(group) for group in groups]
    names = sorted(images["split"].unique())
    found: Notes = {
        "groups": len(sizes),
        "images in groups": sum(sizes),
        "largest group": max(sizes, default=0),
        "splits": ", ".join(names)
        if len(names) > 1
        else "the source has no splits of its own: nothing can leak",
        "same scene": "no embeddings: not looked for",
    }
    if scenes is not None:
        found |= {
            "same scene": f"embeddings with a cosine above {scenes.threshold:.4f}",
            "recall of scenes": round(scenes.recall, 4),
        }
    return found
