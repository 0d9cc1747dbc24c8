"""What an audit found, for people (a line a stage) and for programs (``--json``)."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from platform.data.audit_stages import Audited, found_by
from platform.datasets.audit.folder import AuditFolder, Stage
from platform.datasets.audit.page.page import Next
from platform.datasets.audit.record import CAUTION, Notes

REFUSED = "refused"
RECALLS = {
    "recall of neighbours": "look-alikes through inverted lists",
    "recall of scenes": "scenes through inverted lists",
    "neighbour_recall": "neighbours through inverted lists",
}
"""Notes that are below 1 where not all images were compared with all, and what they are the recall of."""


def stage_in_words(folder: AuditFolder, stage: Stage, notes: Notes, how: str) -> Iterator[str]:
    """What a stage found, and below it how complete that is and how far it is to be believed."""
    found = [f"{count:,} {kind}" for kind, count in found_by(folder, stage).items()]
    refused = notes.get(REFUSED)
    yield f"{stage}: " + (f"not done: {refused}" if refused else f"{', '.join(found) or 'nothing'} ({how})")
    for name, what in RECALLS.items():
        recall = notes.get(name, 1.0)
        if isinstance(recall, float) and recall < 1:
            yield f"  {what}: recall {recall:.3f}, measured against all with all"
    if caution := notes.get(CAUTION):
        yield f"  {caution}"


def as_json(audited: Audited, commands: Sequence[Next]) -> dict[str, object]:
    """The audit as JSON can say it; paths are relative to the folder in which the command ran."""
    folder, record = audited.folder, audited.record
    return {
        "audit": str(folder.path),
        "source": record.source,
        "images": record.images,
        "classes": int(audited.listing.rows["label"].nunique()),
        "sweep": record.sweep,
        "embedding": record.embedding.model_dump(mode="json"),
        "stages": {stage: _stage(folder, stage, record.notes.get(stage, {})) for stage in record.stages},
        "files": {name: str(file) for name, file in _files(folder) if file.exists()},
        "remarks": list(record.remarks),
        "next": [{"why": one.why, "command": one.command} for one in commands],
    }


def _stage(folder: AuditFolder, stage: Stage, notes: Notes) -> dict[str, object]:
    """``found``: kind -> number of findings; ``refused``: why the stage was not done, or null."""
    rest = {name: note for name, note in notes.items() if name != REFUSED}
    return {"found": found_by(folder, stage), "refused": notes.get(REFUSED), "notes": rest}


def _files(folder: AuditFolder) -> Iterator[tuple[str, Path]]:
    yield "findings", folder.issues_file
    yield "images", folder.images_file
    yield "label_scores", folder.label_scores_file
    yield "budgets", folder.budgets_file
    yield "wrong_by_class", folder.wrong_by_class_file
    yield "embeddings", folder.embeddings_file
    yield "page", folder.page
