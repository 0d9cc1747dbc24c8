"""An audit and a policy become a manifest."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from platform.config.errors import UserError
from platform.config.invocation import command_line
from platform.datasets.audit.answers import latest, read_answers
from platform.datasets.audit.findings import Kind
from platform.datasets.audit.folder import AuditFolder, Stage, read_table
from platform.datasets.audit.record import CAUTION, AuditRecord, read_audit
from platform.datasets.cleaning.apply import applied
from platform.datasets.cleaning.decide import by_rules, decide
from platform.datasets.cleaning.drawn import drawn
from platform.datasets.cleaning.drawn_leaks import drawn_leaks
from platform.datasets.cleaning.limits import refuse_lost_classes, within_limits
from platform.datasets.cleaning.manifest_table import ManifestTable, facts_for, write_manifest
from platform.datasets.cleaning.policy import PolicyConfig, load_policy
from platform.datasets.data_config import DataConfig
from platform.datasets.errors import counted
from platform.datasets.sources.manifest_facts import ManifestFacts
from platform.datasets.sources.source import ManifestSource, open_source

SWEEP_MANIFEST = "manifest.parquet"
"""In a sweep's folder: the images from which it learnt, with its labels and splits."""


NEEDED: Final[tuple[Stage, ...]] = ("files", "copies")
"""Stages without which an audit is unfinished; the others need a sweep or embeddings."""
LATER: Final[tuple[tuple[Stage, Kind], ...]] = (("labels", "wrong_label"), ("off_topic", "off_topic"))


@dataclass(frozen=True)
class Cleaning:
    """What a policy made of an audit.

    ``before``: the rows without this round; ``rows``: with it. ``undone``: of each class, how many actions
    the limits undid. ``facts``: of the manifest, before its digest is known.
    ``notes``: what else to know.
    """

    before: pd.DataFrame
    rows: pd.DataFrame
    undone: Mapping[str, int]
    policy: PolicyConfig
    facts: ManifestFacts
    notes: tuple[str, ...]

    @property
    def changed(self) -> pd.DataFrame:
        """The rows on which this round did something."""
        return self.rows[(self.rows["round"] == self.facts.round) & (self.rows["by"] != "")]

    def write(self, file: Path) -> ManifestTable:
        return write_manifest(file, self.rows, self.facts)


def clean(folder: AuditFolder, policy_file: Path, out: Path) -> Cleaning:
    """Decide what happens to each image of an audit; nothing is written until :meth:`Cleaning.write`.

    Raises UserError for an unfinished audit, a wrong policy, and one that takes a class away.
    """
    record = finished(folder)
    policy = load_policy(policy_file)
    config = DataConfig.model_validate_json(json.dumps(record.data))
    images = folder.images(["path", "readable"])
    unreadable = frozenset(images["path"][~images["readable"]])
    sweep = Path(record.sweep) / SWEEP_MANIFEST if record.sweep else None
    found = drawn(config.model_copy(update={"max_bad": 1.0}), unreadable, sweep)  # files may be missing
    before = found.rows
    readable = ~before["path"].isin(unreadable)
    findings = pd.concat([folder.issues(), *map(read_table, searches(folder))], ignore_index=True)
    findings = pd.concat([findings, drawn_leaks(before, findings)], ignore_index=True)
    decisions = decide(before, findings, latest(read_answers(folder.answers_file)), policy)
    decisions, undone = within_limits(before, decisions, readable, policy.limits)
    facts = _facts(config, found.test_share, policy_file, out)
    after = applied(before, decisions, facts.round)
    refuse_lost_classes(before, after, readable, str(policy_file))
    notes = [
        *_since_the_audit(frozenset(images["path"]), found.listed),
        *_left_in_held_out(before, findings, policy),
        *_remarks(record, policy, findings),
    ]
    return Cleaning(before, after, undone, policy, facts, tuple(notes))


def _since_the_audit(audited: frozenset[str], listed: frozenset[str]) -> Iterator[str]:
    """Images that came and went since: nobody has judged the new ones."""
    if gone := sorted(audited - listed):
        yield f"since the audit {counted(len(gone), 'image')} left the source: {gone[0]}{_and_others(gone)}"
    if new := sorted(listed - audited):
        yield (
            f"since the audit {counted(len(new), 'image')} came into the source, and nothing is known of "
            f"them: {new[0]}{_and_others(new)}; audit again"
        )


def _and_others(paths: list[str]) -> str:
    return f" and {len(paths) - 1:,} more" if len(paths) > 1 else ""


def _left_in_held_out(rows: pd.DataFrame, findings: pd.DataFrame, policy: PolicyConfig) -> Iterator[str]:
    """What the rules would have done to val and test, which stay as they are."""
    if policy.held_out:
        return
    acted_on = findings[findings["suggestion"] != "look"]  # the test's half of a leak is mended in train
    fitting = by_rules(acted_on, policy).set_index("path")["kind"]
    for split in ("val", "test"):
        held = rows["path"][rows["split"] == split]
        kinds = fitting[fitting.index.isin(held)].value_counts()
        if len(kinds):
            said = ", ".join(f"{kind} {count:,}" for kind, count in kinds.items())
            yield f"{split} stays as it is: {said} are left in it; held_out: true in the policy changes that"


def _remarks(record: AuditRecord, policy: PolicyConfig, findings: pd.DataFrame) -> Iterator[str]:
    """Rules that find nothing because a stage was not done, and how far findings are to be believed."""
    for stage, kind in LATER:
        rules = sum(rule.kind == kind for rule in policy.rules)
        is_missing = stage not in record.stages or "refused" in record.notes.get(stage, {})
        if rules and is_missing and not (findings["kind"] == kind).any():
            yield (
                f"the audit has no stage {stage}, which needs a sweep or embeddings: the policy's rules on "
                f"{kind} ({rules}) find nothing"
            )
    for stage, notes in record.notes.items():
        if caution := notes.get(CAUTION):
            yield f"the audit says of its {stage}: {caution}"


def finished(folder: AuditFolder) -> AuditRecord:
    """The record of an audit that has looked at all files and copies; raises UserError for others."""
    record = read_audit(folder)
    if record is None:
        raise UserError(f"{folder.path}: is no audit: python -m platform.data audit makes one")
    missing = [stage for stage in NEEDED if stage not in record.stages]
    if missing or not folder.issues_file.exists():
        again = command_line("platform.data", "audit", record.source, "--out", str(folder.path))
        raise UserError(
            f"{folder.path}: the audit is unfinished (to do: {', '.join(missing) or 'issues'}): run {again}"
        )
    return record


def searches(folder: AuditFolder) -> list[Path]:
    """The findings of each ``data search``, sorted by name."""
    return sorted((folder.path / "findings" / "search").glob("*.parquet"))


def _facts(config: DataConfig, test_share: float | None, policy_file: Path, out: Path) -> ManifestFacts:
    policy = policy_file.read_text(encoding="utf-8")
    source = open_source(config.source)
    if isinstance(source, ManifestSource):
        own = source.facts
        made = facts_for(
            own.place(source.file), out, own.section, "clean", round=own.round + 1, policy=policy
        )
    else:
        section = config.model_dump(mode="json") | {"test_share": test_share}
        made = facts_for(config.source, out, section, "clean", round=1, policy=policy)
    return made
