"""--new writes a space that fits the images and the machine, and that can be planned."""

from typing import Any

import pandas as pd
import pytest
from PIL import Image

from platform.config.errors import UserError
from platform.config.load import load_space
from platform.search import main
from platform.tuning.run.new_space import choose, write_new_space
from platform.tuning.run.new_space_text import Facts
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig


@pytest.fixture
def photos(tmp_path):
    for name, count in {"cat": 40, "dog": 8}.items():
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(count):
            image = Image.new("RGB", (40, 36), (5 * number, 80, 20 * len(name)))
            image.save(tmp_path / "photos" / name / f"{number:02d}.png")
    return tmp_path / "photos"


def facts(**changes):
    base: dict[str, Any] = {
        "source": "photos",
        "train": 1000,
        "classes": 2,
        "smallest": 400,
        "largest": 600,
        "shorter": 375,
    }
    return Facts(**base | {"bad": 0.0, "wrong": None, "gpus": 0, "cores": 2} | changes)


def test_the_command_writes_a_space_that_it_can_plan(photos, tmp_path, capsys):
    file = tmp_path / "my.yaml"
    assert main(["--new", str(photos), str(file)]) == 0
    said = capsys.readouterr().out
    assert "search" in said and str(file) in said
    config = load_space(file, SweepConfig, fixed=SWEEP_FIELDS).first()
    assert config.data.source == str(photos) and config.data.noise is None
    text = file.read_text()
    assert "val/macro_accuracy" in text and "classes differ 5 to 1 in size" in text
    assert "how many labels are wrong is not known" in text


def test_a_file_is_never_overwritten(photos, tmp_path, capsys):
    file = tmp_path / "my.yaml"
    file.write_text("mine")
    assert main(["--new", str(photos), str(file)]) == 2
    assert "is not overwritten" in capsys.readouterr().err
    assert file.read_text() == "mine"


def test_nothing_is_left_of_data_that_cannot_be_used(tmp_path, capsys):
    assert main(["--new", str(tmp_path / "nowhere"), str(tmp_path / "my.yaml")]) == 2
    assert not (tmp_path / "my.yaml").exists()
    with pytest.raises(SystemExit):
        main(["--new", "digits", str(tmp_path / "my.yaml"), "--resume"])
    assert "leave out --resume" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wrong", "expected"), [(0, "name: cross_entropy"), (4, "drop_rate: {uniform: [0.05, 0.40]}")]
)
def test_the_method_goes_by_what_is_known_of_the_noise(photos, tmp_path, wrong, expected):
    paths = sorted(path.relative_to(photos).as_posix() for path in photos.rglob("*.png"))[:16]
    given = ["cat", "dog"] * 8
    truth = ["dog" if place < wrong and one == "cat" else one for place, one in enumerate(given)]
    table = pd.DataFrame({"path": paths, "label": given, "clean": truth})
    table.to_csv(photos / "labels.csv", index=False)
    file = tmp_path / "my.yaml"
    given_settings = ["data.clean_label=clean"]
    write_new_space(str(photos / "labels.csv"), given_settings, file)
    method = load_space(file, SweepConfig, fixed=SWEEP_FIELDS).first().method
    assert method.name == ("peer" if wrong else "cross_entropy")
    assert expected.split("[")[0] in file.read_text()


def test_a_gpu_means_larger_images_and_published_weights():
    here, there = choose(facts()), choose(facts(gpus=1))
    assert (here.image_size, here.pretrained) == (64, False)
    assert (there.image_size, there.pretrained, there.backbone) == (224, True, "resnet50")
    assert choose(facts(gpus=1, shorter=32)).pretrained is False


def test_a_batch_is_never_most_of_the_images():
    assert choose(facts(train=40)).batch_size == 8


def test_identities_need_another_space(tmp_path):
    for part in ("train", "query", "gallery"):
        (tmp_path / "people" / part).mkdir(parents=True)
        (tmp_path / "people" / part / "0001_c1.jpg").touch()
    with pytest.raises(UserError, match="start from search_spaces/core.yaml"):
        write_new_space(str(tmp_path / "people"), [], tmp_path / "my.yaml")
