"""Keeps the finalists' test scores, so that each is scored once, and counts how often test was scored."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from platform.config.errors import UserError
from platform.storage.whole_files import read_record, write_whole
from reports.evaluation.checkpoints import ReportError

FILE = "finalists.json"


@dataclass(frozen=True)
class Finalist:
    """A single trial or an ensemble to score.

    ``rule``: None for a single trial; ``digests``: of its members' checkpoints. ``weights`` of the members,
    if its rule learns any, and the ensemble's ``temperature``: both depend on the other candidates, too,
    whereas the members alone decide the result of a rule that does not learn.
    """

    name: str
    rule: str | None
    trials: tuple[str, ...]
    digests: tuple[str, ...]
    weights: tuple[float, ...] = ()
    temperature: float = 1.0

    def key(self, data_digest: str) -> str:
        """The same key for the same checkpoints, combined the same way on the same data, in any folder."""
        content: list[Any] = [self.rule, sorted(self.digests), data_digest]
        if self.weights:
            rounded = [round(weight, 3) for weight in self.weights]
            content += [sorted(zip(self.digests, rounded, strict=True)), round(self.temperature, 2)]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


@dataclass(frozen=True)
class _Kept:
    """The file of kept scores: by finalist's key, and when which of them were scored."""

    scorings: list[dict[str, Any]]
    scores: dict[str, dict[str, Any]]


Score = Callable[[Sequence[Finalist]], list[dict[str, float]]]


def score_once(
    finalists: Sequence[Finalist], data_digest: str, report_folder: Path, score: Score
) -> tuple[list[dict[str, float]], int]:
    """The finalists' test metrics, and how often test has been scored for this sweep.

    ``score`` is called with the finalists that were never scored before, if there are any.

    Raises:
        ReportError: the file of kept scores cannot be read.
    """
    file = report_folder / FILE
    kept = _read(file)
    keys = [finalist.key(data_digest) for finalist in finalists]
    new = [(key, one) for key, one in zip(keys, finalists, strict=True) if key not in kept.scores]
    if new:
        metrics = score([finalist for _, finalist in new])
        for (key, finalist), values in zip(new, metrics, strict=True):
            kept.scores[key] = {
                "name": finalist.name,
                "rule": finalist.rule,
                "trials": finalist.trials,
                "checkpoints": finalist.digests,
                "data": data_digest,
                "metrics": values,
            }
        now = datetime.now(UTC).isoformat(timespec="seconds")
        kept.scorings.append({"at": now, "finalists": [key for key, _ in new]})
        write_whole(file, json.dumps(asdict(kept), indent=1))
    return [kept.scores[key]["metrics"] for key in keys], len(kept.scorings)


def scorings(report_folder: Path, data_digest: str) -> int:
    """How often the report in this folder has scored the test split of these data.

    Raises:
        ReportError: the file of kept scores cannot be read.
    """
    kept = _read(report_folder / FILE)
    return sum(
        any(kept.scores.get(key, {}).get("data") == data_digest for key in scoring["finalists"])
        for scoring in kept.scorings
    )


def kept_score(report_folder: Path, checkpoint_digest: str, data_digest: str) -> dict[str, float] | None:
    """The test metrics of one checkpoint by itself, as the report in this folder scored it on these data.

    None if it was no finalist there. Raises ReportError as :func:`scorings`.
    """
    kept = _read(report_folder / FILE)
    alone = Finalist("", None, (), (checkpoint_digest,))
    found = kept.scores.get(alone.key(data_digest))
    return None if found is None else dict(found["metrics"])


def _read(file: Path) -> _Kept:
    try:
        return read_record(file, _Kept) or _Kept([], {})
    except UserError as error:
        raise ReportError(
            f"{error}; it keeps the test scores of this sweep: "
            "put it back, or delete it to have test scored again"
        ) from error
