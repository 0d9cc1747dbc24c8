"""``audit.json``: what was audited, how, which stages are done, and what they noted."""

import tomllib
from functools import cache
from typing import Any, Literal

from pydantic import Field

from platform.config.errors import UserError
from platform.config.invocation import ROOT
from platform.config.section import Section
from platform.datasets.audit.folder import AuditFolder, Stage
from platform.storage.whole_files import read_record, write_whole

ACCURACY_OF_LEAKS = "accuracy of leaks"
"""Note of the stage ``copies``: a sweep's accuracy on leaked test images and on the others, in words."""
Note = float | str | int
Notes = dict[str, Note]
"""What a stage found besides its findings: figures and sentences, by name."""
CAUTION = "caution"
"""The note that says how far a stage's findings are to be believed; terminal and page show it."""


class Embedding(Section):
    """Where the embeddings of the images are from."""

    kind: Literal["sweep", "timm", "none"] = Field(
        "none", description="a sweep's checkpoint, timm weights, or none"
    )
    name: str = Field("", description="the checkpoint, or the file of weights")
    image_size: int = Field(0, ge=0, description="px of the images that were embedded; 0: none")


class AuditRecord(Section):
    """What an audit rests on, and how far it is."""

    source: str = Field(description="data.source as given")
    data: dict[str, Any] = Field(description="the section data as it was used")
    images: int = Field(ge=0, description="number of images in the listing")
    listing: str = Field(description="digest of paths, labels, splits, and of each file's size and time")
    min_side: int | None = Field(None, description="--min-side, if it was given")
    sweep: str | None = Field(None, description="folder of the sweep whose knowledge was used")
    folds: int | None = Field(None, description="--folds: networks trained for out-of-fold predictions")
    embedding: Embedding = Field(default_factory=Embedding, description="where the embeddings are from")
    stages: dict[Stage, str] = Field(
        default_factory=dict, description="the stages that are done, and a digest of what each read"
    )
    notes: dict[Stage, Notes] = Field(default_factory=dict, description="what each stage noted")
    remarks: tuple[str, ...] = Field((), description="what reading the labels passed over or assumed")
    version: str = Field(description="version of the platform that wrote the record")

    def with_stage(self, stage: Stage, digest: str, notes: Notes) -> "AuditRecord":
        """The same with one more stage done."""
        return self.model_copy(
            update={"stages": {**self.stages, stage: digest}, "notes": {**self.notes, stage: notes}}
        )


def read_audit(folder: AuditFolder) -> AuditRecord | None:
    """The record of an audit; None if the folder does not exist or is empty.

    Raises UserError for a folder that holds something else, and for a damaged record.
    """
    record = read_record(folder.record_file, AuditRecord)
    if record is None and folder.path.exists():
        if not folder.path.is_dir():
            raise UserError(f"{folder.path}: is a file, not the folder of an audit")
        if any(folder.path.iterdir()):
            raise UserError(f"{folder.path}: holds something else than an audit: choose another --out")
    return record


@cache
def platform_version() -> str:
    """The version in pyproject.toml: the project runs from its checkout."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def write_audit(folder: AuditFolder, record: AuditRecord) -> None:
    """Replace ``audit.json``."""
    write_whole(folder.record_file, record.model_dump_json(indent=1) + "\n")
