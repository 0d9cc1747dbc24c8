"""Scores the finalists on the test split, once: scores are kept, and the page says how often it happened."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reports.evaluation.checkpoints import ReportError
from platform.storage.whole_files import write_whole

FILE = "finalists.json"


@dataclass(frozen=True)
class Finalist:
    """What is to be scored. ``rule``: None for a single trial; ``digests``: of its members' checkpoints.

    ``weights``: of the members, of a rule that learns some, and ``temperature``: of them together. Both
    depend on candidates, too, that were given no weight; of any other rule the members decide all.
    """

    name: str
    rule: str | None
    trials: tuple[str, ...]
    digests: tuple[str, ...]
    weights: tuple[float, ...] = ()
    temperature: float = 1.0

    def key(self, data_digest: str) -> str:
        """The same for the same checkpoints combined the same way on the same data, in whatever folder."""
        content: list[Any] = [self.rule, sorted(self.digests), data_digest]
        if self.weights:
            rounded = [round(weight, 3) for weight in self.weights]
            content += [sorted(zip(self.digests, rounded, strict=True)), round(self.temperature, 2)]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


Score = Callable[[Sequence[Finalist]], list[dict[str, float]]]


def score_once(
    finalists: Sequence[Finalist], data_digest: str, report_folder: Path, score: Score
) -> tuple[list[dict[str, float]], int]:
    """The finalists' test metrics, and how often test was ever scored for this sweep.

    ``score`` is called with those finalists only that were never scored before, and not at all if all were.

    Raises:
        ReportError: the file of kept scores cannot be read.
    """
    file = report_folder / FILE
    kept = _read(file)
    keys = [finalist.key(data_digest) for finalist in finalists]
    new = [(key, one) for key, one in zip(keys, finalists, strict=True) if key not in kept["scores"]]
    if new:
        metrics = score([finalist for _, finalist in new])
        for (key, finalist), values in zip(new, metrics, strict=True):
            kept["scores"][key] = {
                "name": finalist.name,
                "rule": finalist.rule,
                "trials": finalist.trials,
                "checkpoints": finalist.digests,
                "data": data_digest,
                "metrics": values,
            }
        now = datetime.now(UTC).isoformat(timespec="seconds")
        kept["scorings"].append({"at": now, "finalists": [key for key, _ in new]})
        write_whole(file, json.dumps(kept, indent=1))
    return [kept["scores"][key]["metrics"] for key in keys], len(kept["scorings"])


def scorings(report_folder: Path, data_digest: str) -> int:
    """How often a report that is kept there has had these data's test split scored.

    Raises:
        ReportError: the file of kept scores cannot be read.
    """
    kept = _read(report_folder / FILE)
    return sum(
        any(kept["scores"].get(key, {}).get("data") == data_digest for key in scoring["finalists"])
        for scoring in kept["scorings"]
    )


def _read(file: Path) -> dict[str, Any]:
    if not file.exists():
        return {"scorings": [], "scores": {}}
    try:
        kept: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        scorings, scores = kept["scorings"], kept["scores"]
    except (ValueError, KeyError, TypeError) as error:
        raise ReportError(
            f"{file}: cannot be read ({error}); it keeps the test scores of this sweep: "
            "put it back, or delete it to have test scored again"
        ) from error
    return {"scorings": scorings, "scores": scores}
