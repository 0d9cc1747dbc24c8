"""The stages of an audit: what each rests on, whether it is done, and a line on what it found."""

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from platform.config.errors import UserError
from platform.datasets.audit.findings import KINDS
from platform.datasets.audit.folder import AuditFolder, Stage, read_table
from platform.datasets.audit.record import (
    ACCURACY_OF_LEAKS,
    CAUTION,
    AuditRecord,
    Embedding,
    Notes,
    platform_version,
    write_audit,
)
from platform.datasets.audit.scan.file_findings import MEASURES, common_measures
from platform.datasets.audit.scan.one_image import READING
from platform.datasets.audit.scan.scan import Progress, ScanOptions, ScanPlan, labels_of, scan
from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.listing import Listing

if TYPE_CHECKING:
    from platform.datasets.audit.labels.evidence import LabelEvidence


@dataclass(frozen=True)
class Audited:
    """What the stages work on.

    Attributes:
        record: As it is written in the folder.
        knowledge: What was given besides the images.
    """

    folder: AuditFolder
    listing: Listing
    config: DataConfig
    scan_plan: ScanPlan
    record: AuditRecord
    knowledge: "Knowledge"


@dataclass(frozen=True)
class Knowledge:
    """What a sweep and local weights know of the images; gathered once, when the first stage asks.

    Attributes:
        sweep: Folder of the sweep; None: none.
        embedding: As ``EvidenceOptions.embedding`` has it.
        folds: Networks to train for out-of-fold predictions; 0: none.
        say: Told how far it is.
    """

    folder: AuditFolder
    config: DataConfig
    sweep: Path | None
    embedding: str | None
    folds: int
    say: Callable[[str], None]

    @cached_property
    def evidence(self) -> "LabelEvidence":
        from reports.audit.evidence import EvidenceOptions, evidence_of

        return evidence_of(
            self.folder, self.sweep, EvidenceOptions(self.config, self.embedding, self.folds, self.say)
        )

    def check(self, listing: Listing) -> None:
        """Raise UserError, before anything is read or written, for a sweep of other data and for weights
        that are not there."""
        if self.embedding not in (None, "none"):
            from reports.audit.embedding import weights_choice

            weights_choice(str(self.embedding))
        if self.sweep is not None:
            from reports.audit.evidence import refuse_other_data
            from reports.sweeps.inputs import read_inputs

            refuse_other_data(labels_of(listing), read_inputs(self.sweep, None))

    @cached_property
    def rests_on(self) -> list[object]:
        """What changes when a sweep goes on, or another file of weights is named."""
        return [
            None if self.sweep is None else [str(self.sweep), _digest_of(self.sweep / "trials.csv")],
            self.embedding,
            _stamp_of(self.embedding),
        ]


@dataclass(frozen=True)
class Step:
    """A stage as the command runs it.

    Attributes:
        rests_on: What it reads, as JSON can say it; if that is unchanged, it is not run again.
        run: Does it, and returns its notes.
    """

    stage: Stage
    rests_on: object
    run: Callable[[Audited, Progress], Notes]

    @property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps(self.rests_on, sort_keys=True).encode()).hexdigest()

    def is_done(self, audited: Audited) -> bool:
        return (
            audited.record.stages.get(self.stage) == self.digest
            and audited.folder.findings_file(self.stage).exists()
        )


def steps_of(audited: Audited) -> list[Step]:
    """The stages in order. The later ones rest on the tables of the first, too."""
    knowledge, version = audited.knowledge, platform_version()
    files: list[object] = [version, audited.scan_plan.digest]
    known = [*files, knowledge.rests_on]
    labels = [*known, knowledge.folds, _digest_of(audited.folder.answers_file)]
    return [
        Step("files", files, _files),
        Step("copies", known, _copies),
        Step("labels", labels, _labels),
        Step("off_topic", labels, _off_topic),  # it adds a column to the table of the labels
    ]


def carried_out(step: Step, audited: Audited, progress: Progress) -> Audited:
    """Run a stage and record that it is done."""
    notes = step.run(audited, progress)
    record = audited.record.with_stage(step.stage, step.digest, notes)
    if step.stage == "labels":
        embedding = Embedding(**audited.knowledge.evidence.embedding)
        record = record.model_copy(update={"embedding": embedding})
    write_audit(audited.folder, record)
    return replace(audited, record=record)


@contextmanager
def alone_in(folder: AuditFolder) -> Iterator[None]:
    """Hold the audit's lock; raises UserError if another process works on the same folder."""
    try:
        lock = FileLock(folder.path / "audit.lock", timeout=0, fallback_to_soft=False).acquire()
    except Timeout:
        raise UserError(f"{folder.path}: another process is at this audit: wait for it, or stop it") from None
    with lock:
        yield


def found_by(folder: AuditFolder, stage: Stage) -> dict[str, int]:
    """Kind -> number of findings of a stage, in the order of the kinds."""
    counts = Counter(read_table(folder.findings_file(stage), ["kind"])["kind"])
    return {kind: counts[kind] for kind in KINDS if counts[kind]}


def _files(audited: Audited, progress: Progress) -> Notes:
    options = ScanOptions(audited.record.min_side)
    scan(audited.folder, audited.listing, audited.config, options, progress)
    images = audited.folder.images(["readable", *(measure.kind for measure in MEASURES)])
    notes: Notes = {"images": len(images), "readable": int(images["readable"].sum())}
    common = [f"{count:,} are {kind}" for kind, count in common_measures(images).items()]
    if common:
        said = f"of {notes['readable']:,} images {', '.join(common)}: most are, so none is listed for that"
        notes[CAUTION] = said
    return notes


def _copies(audited: Audited, progress: Progress) -> Notes:
    """Copies of a scene are found by embeddings, which must be there before."""
    from platform.datasets.audit.copies.stage import find_copies

    assert audited.knowledge.evidence is not None
    notes = find_copies(audited.folder, audited.listing.source, audited.config.reading(READING))
    if audited.knowledge.sweep is None:
        return notes
    from reports.audit.leaks import accuracy_on_leaks
    from reports.sweeps.inputs import read_inputs

    accuracy = accuracy_on_leaks(audited.folder, read_inputs(audited.knowledge.sweep, None))
    return notes if accuracy is None else notes | {ACCURACY_OF_LEAKS: accuracy.in_words()}


def _labels(audited: Audited, progress: Progress) -> Notes:
    from platform.datasets.audit.labels.stage import score_labels

    return score_labels(audited.folder, audited.knowledge.evidence)


def _off_topic(audited: Audited, progress: Progress) -> Notes:
    from platform.datasets.audit.labels.off_topic_stage import find_off_topic

    return find_off_topic(audited.folder)


def reporter() -> Callable[[str], None]:
    """Prints how far long work is, where a person watches."""
    return (lambda words: print(words, file=sys.stderr)) if sys.stderr.isatty() else lambda _: None


def _digest_of(file: Path) -> str | None:
    """Of a file's content; None where there is none."""
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None


def _stamp_of(embedding: str | None) -> list[int] | None:
    """Size and time of a file of weights, which is too long to be read for this."""
    file = Path((embedding or "").rpartition("=")[2]).expanduser()
    return [file.stat().st_size, file.stat().st_mtime_ns] if embedding and file.is_file() else None
