"""Packages, settings and images that differ between two nights, read from the snapshots of both."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from platform.config.document import read_document
from platform.config.errors import show
from platform.nights.ledger.records import Fingerprint

MOST_LINES = 10
MOST_EXAMPLES = 3
NOTHING = object()


def changed_packages(old: Fingerprint, new: Fingerprint, before: Path, tonight: Path) -> list[str]:
    """Packages of requirements.lock that were added, removed or have another version."""
    if old.lock == new.lock:
        return []
    files = [folder / "requirements.lock" for folder in (before, tonight)]
    if gone := _gone(files):
        return [f"packages: requirements.lock differs; {gone}"]
    versions = [_versions(file.read_text(encoding="utf-8")) for file in files]
    lines = [f"package {_arrow(name, *both)}" for name, *both in _differing(*versions)]
    return limited(lines, "packages") or ["packages: requirements.lock differs, its versions do not"]


def changed_spaces(old: Fingerprint, new: Fingerprint, before: Path, tonight: Path) -> list[str]:
    """Settings of each subject's space that differ, by their dotted names."""
    lines = []
    for subject, was, now in _differing(old.spaces, new.spaces):
        if was is NOTHING or now is NOTHING:
            lines.append(f"space {subject} {'added' if was is NOTHING else 'removed'}")
            continue
        files = [folder / f"{subject}.yaml" for folder in (before, tonight)]
        if gone := _gone(files):
            lines.append(f"space {subject} differs; {gone}")
            continue
        settings = [dict(_settings(read_document(file).tree)) for file in files]
        changed = [f"space {subject}: {_arrow(name, *both)}" for name, *both in _differing(*settings)]
        lines += limited(changed, f"settings of {subject}") or [
            f"space {subject}: the plan searches or repeats it otherwise; the space itself is the same"
        ]
    return lines


def changed_data(old: Fingerprint, new: Fingerprint, before: Path, tonight: Path) -> list[str]:
    """Images that were added, removed, relabelled or moved to another split.

    Subjects whose data changed alike are named together.
    """
    alike: dict[tuple[str, ...], list[str]] = {}
    for subject, was, now in _differing(old.data, new.data):
        if was is not NOTHING and now is not NOTHING:  # else the space was added or removed, which is said
            files = [folder / f"{subject}.labels.parquet" for folder in (before, tonight)]
            alike.setdefault(_changed_images(*files), []).append(subject)
    return [f"data of {', '.join(subjects)}: {line}" for lines, subjects in alike.items() for line in lines]


def _changed_images(before: Path, tonight: Path) -> tuple[str, ...]:
    if gone := _gone([before, tonight]):
        return (f"files differ; {gone}",)
    was, now = _column(before, "label"), _column(tonight, "label")
    added = [path for path in now if path not in was]
    removed = [path for path in was if path not in now]
    relabelled = [
        f"{path} {was[path]} → {now[path]}" for path in now if path in was and was[path] != now[path]
    ]
    sides = [_column(file, "split") for file in (before, tonight)]
    moved = [
        f"{path} {sides[0][path]} → {sides[1][path]}"
        for path in now
        if path in was and sides[0][path] != sides[1][path]
    ]
    lines = [
        f"{_count(paths)} {what}: {_examples(paths)}"
        for what, paths in (
            ("added", added),
            ("removed", removed),
            ("relabelled", relabelled),
            ("in another split", moved),
        )
        if paths
    ]
    return tuple(lines) or ("same paths, labels and splits; files differ in size or time of change",)


def _column(file: Path, name: str) -> dict[str, Any]:
    """A column of the snapshot by path."""
    import pyarrow.parquet as parquet  # half a second

    table = parquet.read_table(file, columns=["path", name])
    return dict(zip(table["path"].to_pylist(), table[name].to_pylist(), strict=True))


def _versions(lock: str) -> dict[str, str]:
    """Version by name; a name with a marker stands for itself, as it may be there twice."""
    found = {}
    for line in lock.splitlines():
        requirement, equals, version = line.removesuffix("\\").strip().partition("==")
        if equals and not line.startswith((" ", "#", "-")):
            version, _, marker = version.partition(";")
            found[f"{requirement} ({marker.strip()})" if marker else requirement] = version.strip()
    return found


def _settings(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names and values; a list is one value."""
    for key, value in tree.items():
        name = f"{path}.{key}" if path else str(key)
        if isinstance(value, dict) and value:
            yield from _settings(value, name)
        else:
            yield name, value


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Names whose values differ, in the new order, those that are gone last; NOTHING stands for none."""
    for name in dict.fromkeys([*new, *old]):
        was, now = old.get(name, NOTHING), new.get(name, NOTHING)
        if was is NOTHING or now is NOTHING or (was, type(was)) != (now, type(now)):
            yield name, was, now


def _arrow(name: str, was: Any, now: Any) -> str:
    if was is NOTHING:
        return f"{name} {_shown(now)} added"
    if now is NOTHING:
        return f"{name} {_shown(was)} removed"
    return f"{name} {_shown(was)} → {_shown(now)}"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else show(value)


def _gone(files: list[Path]) -> str | None:
    """Which of the snapshots is not there, and so what cannot be said."""
    missing = [file.parent.name for file in files if not file.is_file()]
    return f"the copy of {' and '.join(missing)} is gone (pruned)" if missing else None


def limited(lines: list[str], what: str) -> list[str]:
    """The first ten, and how many more there are."""
    if len(lines) <= MOST_LINES:
        return lines
    return [*lines[:MOST_LINES], f"… and {len(lines) - MOST_LINES} more {what}"]


def _count(paths: list[str]) -> str:
    return f"{len(paths):,} image{'s' * (len(paths) != 1)}"


def _examples(paths: list[str]) -> str:
    shown = ", ".join(paths[:MOST_EXAMPLES])
    return f"{shown}, …" if len(paths) > MOST_EXAMPLES else shown
