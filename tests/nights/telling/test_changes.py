"""What differs between two nights: a real history, real lock files, spaces and labels."""

import shutil
import subprocess

import pandas as pd
import pytest

from platform.nights.ledger.records import Night
from platform.nights.telling.changes import changes_between
from tests.nights.made_nights import fingerprint, night

BEFORE, TONIGHT = "digits@2026-12-01", "digits@2026-12-02"


def two_nights(old, new) -> tuple[Night, Night]:
    return night(1, fingerprint=fingerprint(**old)), night(2, fingerprint=fingerprint(**new))


@pytest.fixture
def snapshots(tmp_path):
    """``snapshots({"requirements.lock": (old, new)})``: writes both nights' copies; None leaves one out."""

    def write(files):
        for name, contents in files.items():
            for identity, content in zip((BEFORE, TONIGHT), contents, strict=True):
                file = tmp_path / "nights" / identity / name
                file.parent.mkdir(parents=True, exist_ok=True)
                if isinstance(content, dict):
                    frame = pd.DataFrame({"path": [*content], "label": [*content.values()]})
                    moved = "val" if identity == TONIGHT else "train"
                    frame["split"] = [moved if path == "moved.png" else "train" for path in content]
                    frame.to_parquet(file)
                elif content is not None:
                    file.write_text(content)
        return tmp_path

    return write


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """A repository with 13 commits, and their names, the oldest first."""
    root = tmp_path_factory.mktemp("history")

    def git(*arguments):
        line = ["git", "-c", "user.name=n", "-c", "user.email=n@x.org", *arguments]
        return subprocess.run(line, cwd=root, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q", "-b", "main")
    commits = []
    for number in range(13):
        git("commit", "-q", "--allow-empty", "-m", f"Step {number}")
        commits.append(git("rev-parse", "HEAD"))
    git("checkout", "-q", "-b", "other", commits[3])
    git("commit", "-q", "--allow-empty", "-m", "Elsewhere")
    return root, commits, git("rev-parse", "HEAD")


def test_commits_are_listed_newest_first_and_limited(history, tmp_path):
    root, commits, _ = history
    nights = two_nights({"commit": commits[0]}, {"commit": commits[12], "code": "new"})
    lines = changes_between(*nights, tmp_path, root)
    assert len(lines) == 11
    assert lines[0] == f"commit {commits[12][:7]} Step 12"
    assert lines[-1] == "… and 2 more commits"


def test_commits_that_are_gone_unknown_or_change_no_code_are_said(history, tmp_path):
    root, commits, other = history

    def lines(old, new):
        return changes_between(*two_nights(old, new), tmp_path, root)

    aside = lines({"commit": commits[4]}, {"commit": other, "code": "new"})
    assert aside == (f"commit {other[:7]} Elsewhere", f"commit no longer there: {commits[4][:7]} Step 4")
    assert lines({"commit": commits[0]}, {"commit": commits[2]}) == (
        f"commits {commits[0][:7]}..{commits[2][:7]}: 2, after which platform/ and reports/ are as they were",
    )
    assert lines({"commit": "f" * 40}, {"commit": commits[2], "code": "new"}) == (
        f"commits fffffff..{commits[2][:7]}: fffffff is not in the checkout {root}",
    )
    assert lines({"commit": "unknown"}, {"commit": commits[2], "code": "new"}) == (
        f"code: platform/ or reports/ differ; the commit of {BEFORE} is unknown",
    )
    assert lines({"commit": commits[2]}, {"commit": commits[2], "code": "new", "dirty": True}) == (
        f"code: files of the checkout differed from commit {commits[2][:7]} in {TONIGHT}",
    )


def test_without_git_the_code_is_still_said_to_differ(history, tmp_path, monkeypatch):
    root, commits, _ = history
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("git") is None
    nights = two_nights({"commit": commits[0]}, {"commit": commits[1], "code": "new"})
    (line,) = changes_between(*nights, tmp_path, root)
    assert "is not in the checkout" in line


def test_packages_settings_images_and_device_are_told(snapshots, tmp_path):
    nights = two_nights(
        {"lock": "1", "spaces": {"canary": "1", "old": "1"}, "data": {"canary": "1", "peer": "1"}},
        {
            "lock": "2",
            "spaces": {"canary": "2", "peer": "2"},
            "data": {"canary": "2", "peer": "2"},
            "device": "NVIDIA H200 × 2",
        },
    )
    labels = (
        {"a.png": "cat", "b.png": "dog", "moved.png": "cat"},
        {"b.png": "cat", "moved.png": "cat", **{f"new{number}.png": "dog" for number in range(1200)}},
    )
    state = snapshots(
        {
            "requirements.lock": (
                "# made by uv\ntimm==1.0.20 \\\n    --hash=sha256:1\ntorch==2.11.0\nold==1\n",
                "timm==1.0.20 \\\n    --hash=sha256:1\ntorch==2.12.0 \\\n    --hash=sha256:2\nnew==3\n",
            ),
            "canary.yaml": (
                "optim: {lr: 0.1, steps: [1, 2]}\nname: canary\n",
                "optim: {lr: 0.05, steps: [1, 3]}\nema: true\nname: canary\n",
            ),
            "canary.labels.parquet": labels,
            "peer.labels.parquet": labels,
        }
    )
    assert changes_between(*nights, state, tmp_path) == (
        "package torch 2.11.0 → 2.12.0",
        "package new 3 added",
        "package old 1 removed",
        "space canary: optim.lr 0.1 → 0.05",
        "space canary: optim.steps [1, 2] → [1, 3]",
        "space canary: ema True added",
        "space peer added",
        "space old removed",
        "data of canary, peer: 1,200 images added: new0.png, new1.png, new2.png, …",
        "data of canary, peer: 1 image removed: a.png",
        "data of canary, peer: 1 image relabelled: b.png dog → cat",
        "data of canary, peer: 1 image in another split: moved.png train → val",
        "device cpu → NVIDIA H200 × 2",
    )


def test_what_was_pruned_or_differs_otherwise_is_said(snapshots, tmp_path):
    changed = {"lock": "2", "spaces": {"canary": "2"}, "data": {"canary": "2"}}
    state = snapshots({"requirements.lock": (None, "torch==2.12.0\n"), "canary.yaml": (None, None)})
    assert changes_between(*two_nights({}, changed), state, tmp_path) == (
        f"packages: requirements.lock differs; the copy of {BEFORE} is gone (pruned)",
        f"space canary differs; the copy of {BEFORE} and {TONIGHT} is gone (pruned)",
        f"data of canary: files differ; the copy of {BEFORE} and {TONIGHT} is gone (pruned)",
    )
    same = {
        "requirements.lock": ("torch==2.12.0\n",) * 2,
        "canary.yaml": ("name: canary\n",) * 2,
        "canary.labels.parquet": ({"a.png": "cat"},) * 2,
    }
    lines = changes_between(*two_nights({}, changed), snapshots(same), tmp_path)
    assert [line.partition(";")[0] for line in lines] == [
        "packages: requirements.lock differs, its versions do not",
        "space canary: the plan searches or repeats it otherwise",
        "data of canary: same paths, labels and splits",
    ]


def test_equal_nights_have_no_changes_and_unrecorded_ones_say_so(tmp_path):
    assert changes_between(*two_nights({}, {}), tmp_path, tmp_path) == ()
    (line,) = changes_between(night(1, "failed"), night(2), tmp_path, tmp_path)
    assert line == f"what {BEFORE} ran with is not recorded: its changes cannot be told"
