"""What ends rounds before a sweep begins: a changed source, changed settings, a taken name, a full disk."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from platform.config.errors import UserError
from platform.datasets.cleaning.manifest_table import read_manifest
from platform.datasets.preparation.signature import signature
from platform.rounds.__main__ import main
from platform.rounds.ledger.ledger import RoundsLedger
from platform.rounds.ledger.records import Begun
from platform.rounds.plan.load_rounds import load_rounds
from platform.rounds.running.run import Rounds
from tests.rounds.made_rounds import made_round

SPACE = """
epochs: 1
image_size: 8
data: {{source: {photos}, val_share: 0.3, test_share: 0.2}}
model: {{backbone: test_resnet}}
method: {{name: cross_entropy}}
"""


@pytest.fixture
def file(tmp_path):
    """Rounds of a folder of images in two classes; no sweep of them is ever run."""
    random = np.random.default_rng(0)
    for name in ("a", "b"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(10):
            image = Image.fromarray(random.integers(0, 255, (9, 9, 3), dtype=np.uint8))
            image.save(tmp_path / "photos" / name / f"{number}.png")
    (tmp_path / "space.yaml").write_text(SPACE.format(photos=tmp_path / "photos"))
    written = tmp_path / "rounds.yaml"
    written.write_text(
        f"name: tiny\nspace: {tmp_path}/space.yaml\nlater: [epochs=2]\n"
        f"state: {tmp_path}/rounds\nout: {tmp_path}/runs\n"
    )
    return written


def begun(file, *entries, **changed):
    """The rounds at ``file`` with a ledger in which they began, and ``entries`` after that."""
    plan = load_rounds(file)
    section = json.dumps(plan.data.model_dump(mode="json"), sort_keys=True)
    first = Begun("now", section, signature(plan.data), {}, {})
    ledger = RoundsLedger(plan.folder)
    for entry in (replace(first, **changed), *entries):
        ledger.append(entry)
    return plan


def run(plan):
    return Rounds(plan, lambda line: None).run()


def test_an_image_that_changed_ends_it(file, tmp_path):
    plan = begun(file)
    Image.new("RGB", (30, 30)).save(tmp_path / "photos" / "a" / "0.png")
    with pytest.raises(UserError, match="photos: images or labels changed since round 1"):
        run(plan)
    assert not (tmp_path / "runs").exists()


def test_another_section_data_ends_it(file, tmp_path):
    plan = begun(file, section="{}")
    with pytest.raises(
        UserError, match="space.yaml: the section data changed since round 1: take the rounds"
    ):
        run(plan)


def test_settings_that_changed_under_an_open_round_end_it(file):
    plan = begun(file, made_round(1, None), made_round(2, None, state="running", settings="others"))
    with pytest.raises(UserError, match="changed since round 2 began: change them back, or take that round"):
        run(plan)


def test_a_sweep_that_is_no_round_is_not_taken_over(file, tmp_path):
    plan = begun(file)
    (tmp_path / "runs" / "tiny-round-1").mkdir(parents=True)
    (tmp_path / "runs" / "tiny-round-1" / "mine.txt").touch()
    with pytest.raises(UserError, match="tiny-round-1: is there already, and is no round of"):
        run(plan)
    assert RoundsLedger(plan.folder).read().rounds == {}


def test_one_process_at_a_time_runs_rounds(file, run_here):
    plan = begun(file)
    with RoundsLedger(plan.folder).alone("running"):
        done = run_here(main, file)
    assert (done.returncode, done.stderr) == (2, f"{plan.folder}: another process runs these rounds\n")


def test_splits_are_drawn_once_before_the_first_round(file, tmp_path):
    (tmp_path / "runs" / "tiny-round-1").mkdir(parents=True)
    (tmp_path / "runs" / "tiny-round-1" / "mine.txt").touch()  # ends it before a sweep
    plan = load_rounds(file)
    with pytest.raises(UserError):
        run(plan)
    rows = read_manifest(plan.folder / "base.parquet").rows
    found = RoundsLedger(plan.folder).read().begun
    assert found.rows == rows["split"].value_counts().to_dict() and found.rows.keys() == {
        "train",
        "val",
        "test",
    }
    assert found.held_out.keys() == {"val", "test"}


def test_a_full_disk_ends_it_with_1_and_the_command_that_goes_on(file, small_disk, run_here):
    disk = small_disk("1m")
    text = file.read_text()
    file.write_text(text.replace(f"state: {file.parent}/rounds", f"state: {disk}/rounds"))
    (disk / "ballast").write_bytes(b"")
    with (disk / "ballast").open("wb", buffering=0) as ballast:
        while True:
            try:
                ballast.write(b"\0" * 4096)
            except OSError:
                break
    done = run_here(main, file)
    assert done.returncode == 1, done.stderr
    assert "the disk is full" in done.stderr and "; go on with: " in done.stderr
    assert done.stderr.count("\n") == 1
