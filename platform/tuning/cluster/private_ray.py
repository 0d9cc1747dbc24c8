"""A Ray on this machine that its other users cannot reach: its folder, its token, its addresses.

Left to itself, Ray lets everybody write into the folder of its session, from which the driver loads pickles,
keeps its token in a file that everybody may read, and listens on all interfaces.
"""

import atexit
import fcntl
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from ray._private import ray_constants
from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]

from platform.config.environment import environment_with
from platform.config.errors import UserError

LONGEST_SOCKET_BYTES = 107 if sys.platform.startswith("linux") else 103
SOCKET_BYTES = len("/session_2026-01-01_00-00-00_000000_1234567/sockets/plasma_store_0")
"""What Ray adds to its temporary folder, with the longest process id of Linux."""
PREFIX, OWNER, OPEN, TOKEN = "ray-", "owner", "r", "token"
"""Names: of the private folder; in it the file that its process locks, Ray's own folder, the token."""
LONGEST_BASE_BYTES = LONGEST_SOCKET_BYTES - SOCKET_BYTES - len(f"/{PREFIX}12345678/{OPEN}")
MODE, TOKEN_PATH, GIVEN_TOKEN = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH", "RAY_AUTH_TOKEN"
REACHES_OTHERS = ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR
"""Ray takes the loopback address for its node's where this is 0, whatever the system."""


@contextmanager
def private_ray() -> Iterator[str]:
    """What holds for ``ray.init(address="local")`` and the processes that Ray starts, until ``ray.shutdown``.

    Yields Ray's temporary folder. Raises UserError if there is none whose path is short enough.
    """
    folder = private_folder()
    variables = {MODE: "token", REACHES_OTHERS: "0"}
    if GIVEN_TOKEN not in os.environ and TOKEN_PATH not in os.environ:
        variables[TOKEN_PATH] = str(folder / TOKEN)
    reached_others = ray_constants.ENABLE_RAY_CLUSTER
    try:
        with environment_with(variables):
            ray_constants.ENABLE_RAY_CLUSTER = False
            _forget_token()
            yield str(folder / OPEN)
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = reached_others
        _forget_token()


def _forget_token() -> None:
    """Let Ray read mode and token anew: this process may have run a Ray with others."""
    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()


@cache
def private_folder() -> Path:
    """A folder of this process that no other user may enter, removed when the process ends.

    Ray's own folder lies in it, as Ray opens that one to everybody. What killed processes left is removed.

    Raises UserError if neither RAY_TMPDIR nor TMPDIR nor /tmp will do.
    """
    base = _base()
    _remove_left(base)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
    draft = folder / f"{OWNER}.draft"  # under its name it is locked, so that nobody takes the folder for left
    fcntl.flock(os.open(draft, os.O_WRONLY | os.O_CREAT, 0o600), fcntl.LOCK_EX)
    draft.rename(folder / OWNER)
    descriptor = os.open(folder / TOKEN, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secrets.token_hex(32))
    atexit.register(_remove, folder, os.getpid())
    return folder


def _base() -> Path:
    """Where private folders lie: short enough for the paths of Ray's Unix sockets."""
    name = next((name for name in ("RAY_TMPDIR", "TMPDIR") if os.environ.get(name)), None)
    base = Path(tempfile.gettempdir() if name is None else os.environ[name])
    if len(os.fsencode(base)) > LONGEST_BASE_BYTES:
        if name != "RAY_TMPDIR" and os.access("/tmp", os.W_OK | os.X_OK):
            return Path("/tmp")
        raise UserError(
            f"{name}: {base} is too long for Ray, whose sockets lie below it; set RAY_TMPDIR to a folder "
            f"whose path has {LONGEST_BASE_BYTES} bytes at most"
        )
    try:
        base.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{name}: {base} cannot be created: {error.strerror}") from None
    return base


def _remove_left(base: Path) -> None:
    """Remove private folders of this user whose process is gone: nobody holds their lock."""
    for folder in base.glob(f"{PREFIX}????????"):
        try:
            if folder.is_symlink() or folder.lstat().st_uid != os.getuid():
                continue
            with (folder / OWNER).open("rb") as owner:
                fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # it is in use, is none of ours, or goes at this moment
            continue


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
