import hashlib
import subprocess

import pytest

from platform.tracking.environment import CodeVersion, code_version


def git(folder, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    done = subprocess.run(
        ["git", "-C", folder, *identity, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_commit_changes_and_lock_file_are_told(tmp_path):
    git(tmp_path, "init", "-q")
    (tmp_path / "requirements.lock").write_text("torch==2.15\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    version = code_version(tmp_path)
    assert version.commit == git(tmp_path, "rev-parse", "HEAD")
    assert version.dirty == "false"
    assert version.lock == hashlib.sha256(b"torch==2.15\n").hexdigest()
    (tmp_path / "requirements.lock").write_text("torch==2.16\n")
    assert code_version(tmp_path).dirty == "true"


def test_outside_a_checkout_nothing_is_made_up(tmp_path):
    version = code_version(tmp_path)
    assert (version.commit, version.dirty, version.lock) == ("unknown", "unknown", "unknown")


@pytest.mark.parametrize(
    ("commit", "dirty", "lock", "expected"),
    [
        ("c", "false", "l", "c l"),
        ("c", "true", "l", None),
        ("unknown", "unknown", "l", None),
        ("c", "false", "unknown", None),
    ],
)
def test_only_committed_code_is_told_from_other_code(commit, dirty, lock, expected):
    assert CodeVersion(commit, dirty, lock).key == expected
