"""The platform from Python: in another folder, where the standard ``platform`` is loaded, in a notebook."""

import subprocess
import sys
import threading
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

import no_wheel
from platform import api
from platform.config.errors import UserError
from platform.launchers import write_path_file

LOADED_FIRST = """
import site, sys
import platform, torch
assert not hasattr(platform, "__path__")
site.addsitedir({site!r})
import platform_api as api
import platform.config.section, reports
from platform import api as same
print(api is same, platform.system(), api.load_space({space!r}, {{"epochs": 3}}).config.epochs)
"""


@pytest.fixture
def python(environment: dict[str, str], tmp_path: Path):
    """``python("-c", …)``: this Python in a folder of its own, as if nobody had set PYTHONPATH."""
    own = {name: value for name, value in environment.items() if name != "PYTHONPATH"}

    def run(*arguments: str) -> str:
        line = [sys.executable, *arguments]
        done = subprocess.run(line, cwd=tmp_path, env=own, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def site_packages(root: Path, tmp_path: Path) -> Path:
    """A folder of packages in which this checkout's path file lies."""
    folder = tmp_path / "site"
    folder.mkdir()
    assert write_path_file(folder, root).read_text() == f"{root}\n"
    return folder


def test_one_line_imports_it_where_the_standard_module_was_loaded_first(python, site_packages, root):
    space = str(root / "search_spaces/peer.yaml")
    said = python("-c", LOADED_FIRST.format(site=str(site_packages), space=space))
    assert said.split() == ["True", "Linux", "3"]


def test_settings_are_given_as_a_dict_or_as_on_the_command_line(root: Path):
    file = root / "search_spaces/peer.yaml"
    ranges = {"optim.lr": {"loguniform": [1e-4, 1e-2]}, "epochs": 2, "name": "tried"}
    space = api.load_space(file, ranges, trials=3, budget="2h")
    assert space.parameters["optim.lr"] == "loguniform [0.0001, 0.01]"
    assert (space.config.name, space.config.search.trials) == ("tried", 3)
    assert "budget" in space.plan()
    assert "sweep        other" in space.plan("other")
    assert api.load_space(file, ["epochs=2"]).config.epochs == 2
    with pytest.raises(UserError, match=r"write a dict or a list of key.path=value, got 'epochs=2'"):
        api.load_space(file, "epochs=2")
    with pytest.raises(UserError, match=r"command line: epoch: .*epochs"):
        api.load_space(file, {"epoch": 2})


def test_settings_may_be_numbers_of_numpy_and_paths(root: Path):
    file = root / "search_spaces/peer.yaml"
    given = {"epochs": np.int64(3), "optim.lr": np.float32(0.5), "image_size": np.array([16, 8])}
    config = api.load_space(file, {**given, "storage.path": Path("elsewhere")}).config
    assert (config.epochs, config.optim.lr, tuple(config.image_size)) == (3, 0.5, (16, 8))
    assert str(config.storage.path) == "elsewhere"
    with pytest.raises(UserError, match=r"settings: optim.lr: a set cannot be written in YAML"):
        api.load_space(file, {"optim.lr": {"choice": {0.1, 0.2}}})
    with pytest.raises(UserError, match=r"list of key.path=value, got \('epochs', 3\) in a list"):
        api.load_space(file, [("epochs", 3)])  # type: ignore[list-item]


def test_a_wrong_argument_is_one_line(class_folders: Path, tmp_path: Path):
    for call, words in (
        (lambda: api.look(class_folders, limit=0), "limit: must be above 0, got 0"),
        (lambda: api.look(class_folders, sheet=tmp_path / "none/x.png"), "sheet: .* cannot be written"),
        (lambda: api.look(class_folders, sheet=tmp_path / "x.txt"), "sheet: .* unknown file extension"),
        (lambda: api.report(tmp_path, top=0), "top: must be above 0, got 0"),
        (lambda: api.predict(tmp_path, class_folders, out="x.parquet"), "name one that ends in .csv"),
    ):
        with pytest.raises(UserError, match=words):
            call()


def test_what_a_notebook_shows_is_short(class_folders: Path, root: Path):
    seen = api.look(class_folders)
    assert repr(seen) == str(seen)
    space = api.load_space(root / "search_spaces/peer.yaml", {"epochs": 2})
    first, *others = repr(space).splitlines()
    assert first.endswith("peer.yaml epochs=2)")
    assert "  method.drop_rate: uniform [0.1, 0.6]" in others


def test_what_was_seen_of_a_folder_is_text_and_tables(class_folders: Path, tmp_path: Path):
    seen = api.look(class_folders, sheet=tmp_path / "sheet.png")
    assert "layout: class_folders" in str(seen)
    assert seen.classes.loc["cat"].to_dict() == {"train": 3, "opened": 3, "readable": 2}
    assert sorted(seen.images["path"]) == ["cat/0.png", "cat/1.png", "cat/broken.png", "dog/0.png"]
    assert seen.as_dict()["unreadable"][0]["path"] == "cat/broken.png"
    assert (tmp_path / "sheet.png").stat().st_size > 0


@pytest.fixture
def class_folders(tmp_path: Path) -> Path:
    from PIL import Image

    for place, name in enumerate(("cat/0.png", "cat/1.png", "dog/0.png")):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (place, 0, 0)).save(tmp_path / "photos" / name)
    (tmp_path / "photos/cat/broken.png").write_bytes(b"no image")
    return tmp_path / "photos"


def test_a_sweep_that_cannot_be_interrupted_is_refused(root: Path, tmp_path: Path):
    said: list[UserError] = []

    def run() -> None:
        try:
            api.run(root / "search_spaces/peer.yaml", out=tmp_path)
        except UserError as error:
            said.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert "main thread" in str(said[0])
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_no_sweep_is_one_line(tmp_path: Path):
    for function in (api.trials, api.best, api.report, api.resume):
        with pytest.raises(UserError, match=r"is not a sweep's folder"):
            function(tmp_path)


@pytest.mark.sweep
def test_the_notebook_runs_from_its_first_cell_to_its_last(environment, root, tmp_path, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    notebook = nbformat.read(root / "examples/first_sweep.ipynb", 4)
    before = [cell.source for cell in notebook.cells]
    notebook.cells.insert(0, nbformat.v4.new_code_cell(f"import sys; sys.path.append({str(root)!r})"))
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert [cell.source for cell in notebook.cells[1:]] == before
    outputs = {
        cell.source.partition("\n")[0]: cell.outputs for cell in notebook.cells if cell.cell_type == "code"
    }
    live = outputs["sweep = api.run(space)"]
    [table] = [one for one in live if one.output_type == "display_data"]
    assert "0002" in table.data["text/html"]
    lines = "".join(one.text for one in live if one.output_type == "stream")
    assert lines.startswith("sweep peer in runs/peer/"), "Tune empties no cell; Ray and tqdm advise nothing"
    assert "\x1b" not in lines
    [table] = outputs['api.predict(sweep, folder)[["path", "label", "probability"]]']
    assert "1500_is_1.png" in table.data["text/plain"]
    assert (tmp_path / "runs/peer/report/index.html").exists()


@pytest.mark.sweep
def test_the_script_runs_in_another_folder(python, root, tmp_path):
    script = tmp_path / "first_sweep.py"
    script.write_text(f"import sys\nimport torch\nsys.path.append({str(root)!r})\n" + read(root))
    said = python(str(script))
    assert "the best is trial 000" in said
    assert (tmp_path / "runs/peer/report/index.html").exists()
    resumed = "import platform_api as api; api.resume('runs/peer', trials=3)"
    prefix = f"import sys; sys.path.append({str(root)!r}); "
    assert "0002" in python("-c", prefix + resumed)


def read(root: Path) -> str:
    return (root / "examples/first_sweep.py").read_text(encoding="utf-8")


def test_pip_install_says_what_to_do_instead():
    with pytest.raises(SystemExit, match=r"run `make install`, or, in an environment of your own, "):
        no_wheel.build_wheel("wheels")
