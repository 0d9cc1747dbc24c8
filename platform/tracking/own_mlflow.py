"""Which MLflow is the user's own: what only a sweep's folder names is neither asked nor opened.

A folder may come from anybody. Its sweep.json would have a token sent to a stranger's server, or MLflow's
tables made in a database of something else. The user's own are those that MLFLOW_TRACKING_URI or the current
folder's mlflow.db say, that SPACE.yaml or the command line named when this user began or resumed a sweep on
this machine, and a database of this user beside the folder of the sweeps.
"""

import logging
import os
from pathlib import Path
from urllib.parse import urlsplit

from platform.config.secrets import shown_uri
from platform.tracking.tracking_config import (
    ENVIRONMENT_VARIABLE,
    TrackingConfig,
    TrackingError,
    resolve_uri,
    sqlite_path,
)

logger = logging.getLogger(__name__)

_named: set[str] = set()
"""Those that this process was told by its user."""


class StrangeMlflow(TrackingError):
    """Only a sweep's folder names this MLflow."""


def name_own(uri: str, *, remember: bool = False) -> None:
    """Note that the user named this MLflow; ``remember`` it for later processes of this user, too."""
    own = _canonical(uri)
    _named.add(own)
    if not remember or own in _remembered():
        return
    file = record_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as lines:
            lines.write(f"{own}\n")
    except OSError as error:
        logger.warning(
            "%s: cannot be written (%s): a report that is made later asks %s only if %s names it",
            file,
            error.strerror,
            shown_uri(uri),
            ENVIRONMENT_VARIABLE,
        )


def is_own(uri: str, sweep: Path | None = None) -> bool:
    """Whether the user named it, or it is a database beside the folder that holds ``sweep``, a folder."""
    own = _canonical(uri)
    if own in _named or own == _canonical(resolve_uri(TrackingConfig())) or own in _remembered():
        return True
    if sweep is not None and _is_beside(uri, sweep):
        _named.add(own)
        return True
    return False


def refuse_strange(uri: str, sweep: Path | None = None) -> None:
    """Raise StrangeMlflow, one line that says what to do, unless it is the user's own."""
    if not is_own(uri, sweep):
        shown = shown_uri(uri)
        raise StrangeMlflow(
            f"MLflow at {shown}: only the sweep's folder names it, so it is not asked; "
            f"if it is yours, set {ENVIRONMENT_VARIABLE}={shown}"
        )


def record_file() -> Path:
    """What this user's sweeps named so far, an address a line."""
    given = os.environ.get("XDG_STATE_HOME", "")
    state = Path(given) if Path(given).is_absolute() else Path.home() / ".local" / "state"
    return state / "platform" / "mlflow_addresses"


def _remembered() -> set[str]:
    try:
        return set(record_file().read_text(encoding="utf-8").splitlines())
    except OSError:
        return set()


def _is_beside(uri: str, sweep: Path) -> bool:
    """In the folder of the sweeps or the one that holds it, not in the sweep's own; and this user's."""
    path = sqlite_path(uri)
    if path is None or path.is_symlink() or not path.is_file():
        return False
    runs = sweep.resolve().parent
    return path.resolve().parent in (runs, runs.parent) and path.stat().st_uid == os.getuid()


def _canonical(uri: str) -> str:
    path = sqlite_path(uri)
    if path is not None:
        return f"sqlite:///{path.resolve()}"
    return urlsplit(uri).geturl().rstrip("/")
