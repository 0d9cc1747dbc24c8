"""``storage.path``: where a sweep's checkpoints and results lie if not in its own folder."""

from pathlib import Path
from urllib.parse import urlsplit

from platform.config.errors import UserError
from platform.config.secrets import no_password
from platform.storage.disk import StorageError
from platform.storage.folder import SCHEMES, Folder
from platform.tuning.folder.received import own_trials
from platform.tuning.folder.sweep_folder import TRIALS, SweepFolder

PROBE = "can_be_written"


def is_a_place(path: str) -> str:
    """Return ``path``; raises ValueError if it is neither a path nor a URI that pyarrow supports."""
    parts = urlsplit(path)
    if "://" in path and parts.scheme not in (*SCHEMES, "file"):
        known = ", ".join(f"{one}://" for one in SCHEMES)
        raise ValueError(f"must be a folder or begin with one of {known}, got {path!r}")
    if "@" in parts.netloc and parts.scheme in ("s3", "gs", "gcs"):
        shown = path.replace(parts.netloc.rpartition("@")[0], "…")
        raise ValueError(
            f"must not contain a key, as it is recorded: set the key in the environment, got {shown}"
        )
    if parts.scheme in SCHEMES and not parts.netloc and parts.scheme != "hdfs":
        raise ValueError(f"must name a bucket, {parts.scheme}://BUCKET/FOLDER, got {path!r}")
    return no_password(path)


def place_of(path: str | None, sweep: str) -> Folder | None:
    """The folder of the sweep in ``storage.path``; None if that is not set."""
    return None if path is None else Folder.of(path) / sweep


def claim(path: str | None, sweep: str) -> None:
    """Raises UserError if a new sweep cannot write there, or another sweep of its name already has."""
    place = place_of(path, sweep)
    if place is None:
        return
    check_writable(path, sweep)
    if place.names():
        raise UserError(
            f"storage.path: {place} holds another sweep's files: give another --name or storage.path"
        )


def check_writable(path: str | None, sweep: str) -> None:
    """Raises UserError if a file cannot be written there and deleted again."""
    place = place_of(path, sweep)
    if place is None:
        return
    draft = place.parent / f".{sweep}"  # beside the folder, which must stay empty
    try:
        draft.write(PROBE, b"")
        draft.delete(first=PROBE)
    except StorageError as error:
        raise UserError(f"storage.path: {str(error).replace(str(draft), str(place))}") from None


def trials_elsewhere(path: str | None, sweep: str) -> str | None:
    """The remote folder of the trials, for the sweep's record; None if they lie in the sweep's folder."""
    place = place_of(path, sweep)
    return None if place is None else str(place / TRIALS)


def publish(folder: SweepFolder) -> None:
    """Copy the sweep's record, YAML, table and report to the folder of its trials, if that is elsewhere.

    With the record there, another machine can start from the sweep (``init_from``) by that folder.
    """
    place = own_trials(folder, folder.read_record()).parent
    if place == Folder.of(folder.path):
        return
    for file in (folder.space, folder.trials_csv, folder.record_file):
        if file.exists():
            place.write(file.name, file.read_bytes())
    for file in _files_below(folder.report):
        inside = file.relative_to(folder.path)
        target = place
        for part in inside.parts[:-1]:
            target /= part
        target.write(file.name, file.read_bytes())


def _files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
