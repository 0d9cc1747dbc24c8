"""--data, --quick, --trials, --budget and epochs=N as overrides; every shipped space takes them."""

from pathlib import Path

import pytest

from platform.config.errors import UserError
from platform.config.load import load_space
from platform.tuning.run.plan import make_plan
from platform.tuning.settings.shortcuts import Shortcuts, overrides_of
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig

SPACES = sorted((Path(__file__).parents[3] / "search_spaces").glob("*.yaml"))
STAGED = "stages:\n- {name: one, epochs: 12}\n- {name: two, epochs: 3}\n"


@pytest.fixture
def space(tmp_path):
    def write(text):
        (tmp_path / "space.yaml").write_text(text)
        return tmp_path / "space.yaml"

    return write


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    from PIL import Image

    folder = tmp_path_factory.mktemp("photos")
    for place, name in enumerate(("cat", "dog", "owl")):
        (folder / name).mkdir()
        for number in range(8):
            colour = (60 * place, 20 * number, 90)
            Image.new("RGB", (300, 240), colour).save(folder / name / f"{number}.jpg")
    return folder


def loaded(path, given=(), **options):
    overrides = overrides_of(path, list(given), Shortcuts(**options))
    return load_space(path, SweepConfig, overrides=overrides, fixed=SWEEP_FIELDS)


@pytest.mark.parametrize("path", SPACES, ids=lambda path: path.name)
def test_every_space_runs_shorter_on_a_strangers_folder(path, photos):
    short = loaded(path, data=str(photos), quick=True)
    plan = make_plan(short, path.stem)
    assert plan.config.data.source == str(photos)
    assert plan.data.classes == ("cat", "dog", "owl") and plan.data.injected == ()
    assert plan.trials == 2 and plan.epochs_a_trial <= 3
    longer = make_plan(loaded(path, ["epochs=7"], data=str(photos), trials="3"), path.stem)
    assert longer.trials == 3 and longer.epochs_a_trial == 7


def test_data_takes_the_place_of_the_whole_section(space, photos):
    path = space("data: {source: digits, imbalance: 5, noise: {kind: symmetric}}\n")
    assert overrides_of(path, ["data.val_share=0.2"], Shortcuts(data=str(photos))) == [
        f'data={{"source": "{photos}"}}',
        "data.val_share=0.2",
    ]


def test_a_folder_of_identities_is_taken_as_one(space, tmp_path):
    for part in ("train", "query", "gallery"):
        (tmp_path / part).mkdir()
        (tmp_path / part / "0001_c1.jpg").touch()
    (first,) = overrides_of(space("{}\n"), [], Shortcuts(data=str(tmp_path)))
    assert first.endswith('"identities": {}}')


def test_on_resume_the_same_data_change_nothing_and_others_replace_what_belonged_to_them(space, tmp_path):
    path, (one, other) = space("{}\n"), (tmp_path / "one", tmp_path / "other")
    one.mkdir(), other.mkdir()
    earlier = overrides_of(path, ["data.val_share=0.2", "epochs=3"], Shortcuts(data=str(one)))
    assert overrides_of(path, [], Shortcuts(data=str(one)), earlier) == earlier
    assert overrides_of(path, [], Shortcuts(data=str(other)), earlier) == [
        f'data={{"source": "{other}"}}',
        "epochs=3",
    ]


@pytest.mark.parametrize(("total", "expected"), [(2, [1, 1]), (1, [1, 1]), (5, [4, 1]), (30, [24, 6])])
def test_epochs_are_shared_out_among_stages(space, total, expected):
    (stages, own) = overrides_of(space(STAGED), [f"epochs={total}"], Shortcuts())
    assert own == f"epochs={total}"
    assert [f'"epochs": {epochs}' in stages for epochs in expected] == [True, True]
    assert overrides_of(space(STAGED), [stages, own], Shortcuts()) == [stages, own], "once is enough"


def test_a_range_of_epochs_is_no_number_to_share_out(space):
    with pytest.raises(UserError, match="write a whole number, which is shared"):
        overrides_of(space(STAGED), ["epochs={int: [1, 3]}"], Shortcuts())


def test_what_the_command_says_besides_wins_against_quick(space):
    config = overrides_of(space("image_size: 224\n"), ["epochs=5"], Shortcuts(quick=True))
    assert config.index("epochs=5") > config.index("epochs=2")
    assert "data.max_images=200" in config
