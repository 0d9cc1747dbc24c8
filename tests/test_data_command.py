"""``python -m platform.data preview``."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from platform.data.__main__ import main

SPACE = """
epochs: 2
image_size: 8
model: {backbone: test_resnet}
method: {name: cross_entropy}
optim: {lr: {loguniform: [1e-2, 1e-1]}}
augment: {horizontal_flip: 0.0, color_jitter: {brightness: {uniform: [0.2, 0.4]}}}
stages:
  - {name: small}
  - {name: large, image_size: 16, augment: {mixing: {cutmix_alpha: 1.0}}}
"""


@pytest.fixture
def space(tmp_path):
    file = tmp_path / "space.yaml"
    file.write_text(SPACE)
    return file


def test_it_draws_all_stages_and_says_what_the_ranges_were_taken_for(root, space, tmp_path):
    out = tmp_path / "preview.png"
    command = [
        sys.executable,
        "-m",
        "platform.data",
        "preview",
        str(space),
        "--out",
        str(out),
        "--samples",
        "3",
    ]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "the sheet shows the lowest value or first choice of augment.color_jitter.brightness",
        f"3 images in 2 stages: {out}",
    ]
    sheet = np.asarray(Image.open(out))
    assert sheet.shape[0] > 2 * 3 * 96  # two blocks of three rows
    assert len(np.unique(sheet.reshape(-1, 3), axis=0)) > 30


def test_an_override_counts_and_the_same_command_gives_the_same_sheet(space, tmp_path, capsys):
    sheets = [tmp_path / f"{number}.png" for number in range(3)]
    for sheet, words in zip(sheets, ([], [], ["augment.grayscale=0.5", "stages=[]"]), strict=True):
        assert (
            main(["preview", str(space), *words, "--out", str(sheet), "--samples", "2", "--epochs", "1"]) == 0
        )
    assert sheets[0].read_bytes() == sheets[1].read_bytes()
    assert height(sheets[2]) < height(sheets[0])
    assert capsys.readouterr().out.endswith(f"2 images in 1 stage: {sheets[2]}\n")


def height(sheet):
    with Image.open(sheet) as image:
        return image.height


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--out", "preview.jpg"], "--out: must end in .png, got preview.jpg"),
        (["--out", "nowhere/preview.png"], "--out: the folder nowhere does not exist"),
        (["--samples", "0"], "--samples: must be at least 1, got 0"),
        (["--epochs", "-1"], "--epochs: must be at least 1, got -1"),
        (["data.source=nowhere"], "nowhere"),
        (["augment.cutout={size: 8}"], "augment.cutout.size: must be < image_size (8), got 8"),
        (["augment.policy={name: rand_augmet}"], "augment.policy"),
    ],
)
def test_a_mistake_is_one_line(space, words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out = [] if "--out" in words else ["--out", "preview.png"]
    assert main(["preview", str(space), *words, *out]) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert not list(tmp_path.glob("*.png"))


def test_a_file_that_cannot_be_written_is_a_mistake_too(space, tmp_path, capsys):
    (tmp_path / "taken.png").mkdir()
    assert main(["preview", str(space), "--out", str(tmp_path / "taken.png"), "--samples", "2"]) == 2
    assert capsys.readouterr().err == f"--out: {tmp_path}/taken.png cannot be written: Is a directory\n"
