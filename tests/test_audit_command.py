"""``python -m platform.data audit``: planted faults, changes, kills, and what is refused."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from platform.data.__main__ import main
from platform.datasets.audit.folder import AuditFolder
from tests.datasets.audit.planted_faults import FAULTS, TRAITS, plant

TABLES = ("images.parquet", "thumbnails.parquet", "issues.parquet", "findings/files.parquet", "audit.json")


def tables(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in TABLES}


@pytest.fixture(scope="module")
def photos(test_data, tmp_path_factory):
    """The folder of photographs, and what was planted in it."""
    folder = tmp_path_factory.mktemp("photos") / "birds"
    return folder, plant(test_data / "birds.zip", folder)


@pytest.fixture(scope="module")
def audited(photos, tmp_path_factory):
    """The finished audit of the photographs. Tests that change it work on a copy."""
    out = tmp_path_factory.mktemp("audit") / "birds"
    assert main(["audit", str(photos[0]), "--out", str(out)]) == 0
    return AuditFolder(out)


def test_every_planted_fault_is_found_and_nothing_else_is_unreadable(audited, photos):
    _, planted = photos
    issues = audited.issues()
    found = set(zip(issues["path"], issues["kind"], strict=True))
    faults = {(path, kind) for path, kind in planted.items() if kind in {one for one, _ in FAULTS.values()}}
    assert len(faults) == len(FAULTS)
    assert faults <= found
    of_files = issues[issues["kind"].isin({kind for _, kind in faults})]
    assert set(of_files["path"]) == {path for path, _ in faults}


def test_traits_that_are_no_faults_are_columns(audited, photos):
    _, planted = photos
    images = audited.images().set_index("path")
    traits = {kind for kind, _ in TRAITS.values()}
    said = {path: kind for path, kind in planted.items() if kind in traits}
    assert len(said) == len(TRAITS)
    for path, kind in said.items():
        assert images.loc[path, kind], (path, kind)
    assert images["sixteen_bit"].sum() == 0


def test_the_page_shows_each_kind_and_says_what_was_not_done(audited):
    page = audited.page.read_text(encoding="utf-8")
    for kind in dict.fromkeys(kind for kind, _ in FAULTS.values()):
        assert f'<section id="{kind}"' in page
    assert '<section id="leak"' not in page
    assert "Labels were not judged." in page
    assert "1 image turned or mirrored by EXIF, read upright." in page
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)


def test_json_is_all_of_stdout_and_names_what_was_found_and_where(audited, photos, run_here):
    done = run_here(main, "audit", photos[0], "--out", audited.path, "--json")
    assert done.returncode == 0
    assert "files: 2 unreadable" in done.stderr
    found = json.loads(done.stdout)
    assert found["images"] == len(audited.images())
    kinds = {kind: count for stage in found["stages"].values() for kind, count in stage["found"].items()}
    assert kinds == audited.issues()["kind"].value_counts().to_dict()
    assert found["stages"]["labels"]["refused"]
    assert found["files"]["findings"] == str(audited.issues_file)
    assert all(Path(file).is_file() for file in found["files"].values())
    assert "label_scores" not in found["files"]
    assert found["next"][0]["command"]


def test_given_again_it_does_nothing_and_what_has_changed_is_said(audited, photos, tmp_path, run_here):
    source = tmp_path / "birds"
    shutil.copytree(photos[0], source)
    out = tmp_path / "audit"
    first = run_here(main, "audit", source, "--out", out)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.splitlines()[1].startswith(
        "files: 2 unreadable, 1 truncated, 2 wrong_ending, 1 tiny, "
    )
    before = tables(out)
    again = run_here(main, "audit", source, "--out", out)
    assert "(done before)" in again.stdout
    assert tables(out) == before
    damaged = sorted(source.glob("*/0000.jpg"))[0]
    damaged.write_bytes(damaged.read_bytes()[:2000])
    changed = run_here(main, "audit", source, "--out", out)
    said = "images, labels or settings have changed since the last audit: 87 of 87 images are to be read"
    assert said in changed.stdout
    issues = AuditFolder(out).issues()
    assert issues["kind"].tolist().count("truncated") == 2
    limited = run_here(main, "audit", source, "--out", out, "--min-side", "300")
    assert ": 0 of 87 images are to be read" in limited.stdout
    assert AuditFolder(out).issues()["kind"].tolist().count("tiny") > 60


@pytest.mark.parametrize("kind", ["zip", "table", "space"])
def test_zips_tables_and_spaces_give_the_same_images(kind, audited, photos, tmp_path, monkeypatch):
    folder, _ = photos
    images = audited.images()
    if kind == "zip":
        source = shutil.make_archive(str(tmp_path / "birds"), "zip", folder)
    elif kind == "table":
        source = str(folder.parent / "labels.csv")
        rows = images[["path", "label"]].assign(path="birds/" + images["path"])
        pd.concat([rows, pd.DataFrame({"path": ["birds/gone.jpg"], "label": ["Baltimore_Oriole"]})]).to_csv(
            source, index=False
        )
    else:
        source = str(tmp_path / "space.yaml")
        Path(source).write_text(
            f"data: {{source: {folder}}}\nmodel: {{backbone: test_resnet}}\nmethod: {{name: cross_entropy}}\n"
        )
    monkeypatch.chdir(tmp_path)
    assert main(["audit", source]) == 0
    found = AuditFolder(tmp_path / "audit" / {"zip": "birds", "table": "labels", "space": "birds"}[kind])
    table = found.images()
    if kind == "table":
        gone = table[table["path"] == "birds/gone.jpg"].iloc[0]
        assert (gone["readable"], gone["reason"]) == (False, "cannot be read: not there")
        table = table[table["path"] != "birds/gone.jpg"].assign(path=images["path"].to_numpy())
        table["odd_size"] = images["odd_size"].to_numpy()
    pd.testing.assert_frame_equal(table.reset_index(drop=True), images)


def start(out: Path, root: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "platform.data", "audit", "digits", "--out", str(out)]
    return subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(condition, process: subprocess.Popen[str]) -> None:
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def test_killed_and_interrupted_it_ends_with_the_same_tables(root, tmp_path, run_here):
    whole, out = tmp_path / "whole", tmp_path / "killed"
    assert run_here(main, "audit", "digits", "--out", whole).returncode == 0
    process = start(out, root)
    wait_for(lambda: any((out / "shards").glob("[!.]*.parquet")), process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (out / "images.parquet").exists()
    process = start(out, root)
    wait_for(lambda: process.stdout.readline().startswith("going on with an audit that was ended"), process)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    if process.returncode != 0:  # the last shard may have been done by then
        assert process.returncode == 130
        assert said.startswith("interrupted")
    assert run_here(main, "audit", "digits", "--out", out).returncode == 0
    assert tables(out) == tables(whole)
    assert sorted(path.name for path in (out / "shards").iterdir()) == sorted(
        path.name for path in (whole / "shards").iterdir()
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], r"data\.source: nowhere does not exist: .*"),
        (["empty"], r"data\.source: empty is empty"),
        (["digits", "--min-side", "0"], r"--min-side: must be at least 1, got 0"),
        (["digits", "--out", "holds"], r"holds: holds something else than an audit: choose another --out"),
        (["digits", "--out", "file"], r"file: is a file, not the folder of an audit"),
        (["digits", "--out", "other"], r"other: is an audit of birds: choose another --out"),
        (["digits", "trials=3"], r"command line: 'trials=3' is no setting of the data; write data.key=value"),
    ],
)
def test_what_cannot_be_audited_is_one_line_and_nothing_is_written(
    words, message, tmp_path, monkeypatch, run_here
):
    monkeypatch.chdir(tmp_path)
    for name in ("empty", "holds", "other"):
        Path(name).mkdir()
    Path("holds/letter.txt").write_text("dear")
    Path("file").write_text("a file")
    record = {"source": "birds", "data": {}, "images": 3, "listing": "0", "version": "0"}
    Path("other/audit.json").write_text(str(record).replace("'", '"'))
    before = sorted(Path().rglob("*"))
    refused = run_here(main, "audit", *words)
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert re.fullmatch(message, refused.stderr.strip())
    assert sorted(Path().rglob("*")) == before


def test_two_at_once_are_refused(audited, photos, run_here):
    from platform.data.audit_stages import alone_in

    with alone_in(audited):
        refused = run_here(main, "audit", photos[0], "--out", audited.path)
    assert refused.returncode == 2
    assert refused.stderr.endswith("another process is at this audit: wait for it, or stop it\n")
