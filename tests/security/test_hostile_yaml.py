"""A YAML made to exhaust time or memory, to run something, or to write to a terminal: one line says no."""

import os
import subprocess
import sys
import time

import pytest

from platform.config.document import override, read_document
from platform.config.errors import SHOWN, ConfigError, UserError
from platform.config.load import load_space
from platform.nights.plan.plan_config import PlanConfig
from platform.tuning.settings.sweep_config import SweepConfig

SECONDS = 3.0
"""Of this process; a second, on a machine that does other things besides."""

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 9)
)

HOSTILE = {
    "an alias bomb": (BOMB, "holds more than 20,000 keys and values"),
    "an alias in its own anchor": ("a: &z [*z]\n", "more than 50 deep"),
    "a section in itself": ("a: &z {b: *z}\n", "more than 50 deep"),
    "deep lists": ("a: " + "[" * 20_000 + "]" * 20_000, "more than 50 deep"),
    "deep sections": ("".join(" " * level + "k:\n" for level in range(900)), "more than 50 deep"),
    "open braces": ("{" * 20_000, "more than 50 deep"),
    "many values": (f"a: [{','.join(['1'] * 30_000)}]\n", "holds more than 20,000 keys and values"),
    "a long file": ("# \n" * 200_000, "is longer than 500,000 bytes"),
    "a long key": (f"{'k' * 300}: 1\n", "a key of 300 characters"),
    "many digits": (f"epochs: {'9' * 100_000}\n", "a number of 100,000 characters"),
    "digits that Python refuses": (f"epochs: {'9' * 5_000}\n", "a number of 5,000 characters"),
    "hexadecimal digits": (f"epochs: 0x{'f' * 9_000}\n", "a number of 9,002 characters"),
    "a tag that runs a command": ("a: !!python/object/apply:os.system ['touch ran']\n", "unknown YAML tag"),
    "a tag of a section": ("a: !thing {b: 1}\n", "unknown YAML tag !thing"),
    "a tag of a list": ("a: !thing [1]\n", "unknown YAML tag !thing"),
    "a set": ("a: !!set {b: 1}\n", "unknown YAML tag"),
    "a number that is none": ("a: !!int abc\n", "is not int"),
    "a flag that is none": ("a: !!bool perhaps\n", "is not bool"),
    "half a character": ('a: "\\ud800"\n', "half a character"),
    "a byte of zero": ("a: \0\n", "is not YAML"),
    "a long alias": (f"a: *{'x' * 100_000}\n", "is not YAML: found undefined alias"),
    "two documents": ("a: 1\n---\nb: 2\n", "is not YAML"),
}


def refused_in_time(file, root=SweepConfig):
    started = time.process_time()
    with pytest.raises(ConfigError) as refusal:
        load_space(file, root)
    assert time.process_time() - started < SECONDS
    return str(refusal.value)


@pytest.mark.parametrize("name", HOSTILE)
def test_one_line_refuses(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text, expected = HOSTILE[name]
    file = tmp_path / "space.yaml"
    file.write_text(text, encoding="utf-8")
    message = refused_in_time(file)
    assert expected in message
    assert "\n" not in message
    assert len(message) < 1_000
    assert sorted(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("line", ["search", "search --resume", "nightly plan", "data preview --out x.png"])
def test_the_answer_comes_before_slow_imports(line, root, tmp_path):
    file = tmp_path / "space.yaml"
    file.write_text(BOMB)
    command = f"-X importtime -m platform.{line}".split()
    done = subprocess.run([sys.executable, *command, str(file)], cwd=root, capture_output=True, text=True)
    [said] = [one for one in done.stderr.splitlines() if not one.startswith("import time:")]
    assert done.returncode == 2 and said.startswith(f"{file}:1:5: holds more than 20,000 keys")
    imported = {one.rpartition("|")[2].strip() for one in done.stderr.splitlines()}
    assert imported.isdisjoint({"torch", "pandas", "mlflow", "ray", "optuna", "numpy"})


@pytest.mark.parametrize("root", [SweepConfig, PlanConfig])
def test_thousands_of_unknown_keys_are_counted(root, tmp_path):
    file = tmp_path / "space.yaml"
    file.write_text("".join(f"key{number}: 1\n" for number in range(9_000)))
    lines = refused_in_time(file, root).splitlines()
    assert len(lines) == SHOWN + 1
    assert lines[-1].startswith("… and at least ")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f"{{choice: [{', '.join(map(str, range(1_500)))}]}}", "a choice of 1,500 options"),
        ("{" + ", ".join(f"k{key}: {{uniform: [0, 1]}}" for key in range(600)) + "}", "ranges and choices"),
    ],
)
def test_a_space_that_nobody_can_search(value, expected, tmp_path):
    file = tmp_path / "space.yaml"
    file.write_text(f"optim: {value}\n")
    assert expected in refused_in_time(file)


def test_overrides_are_read_alike(tmp_path):
    file = tmp_path / "space.yaml"
    file.write_text("epochs: 3\n")
    for value in ("&z [*z]", "[" * 5_000, "9" * 5_000, "!!python/name:os.system x"):
        document = read_document(file)
        with pytest.raises(UserError) as refusal:
            override(document, f"epochs={value}")
        assert "\n" not in str(refusal.value)
        assert document.tree == {"epochs": 3}


def test_what_a_terminal_would_obey_is_written_as_an_escape(tmp_path):
    file = tmp_path / "space.yaml"
    file.write_text('"\\e[2Jgone\\nepochs: 9\\u202e": 1\n')
    message = refused_in_time(file)
    assert r"\x1b[2Jgone\nepochs: 9\u202e: unknown key" in message
    assert "\x1b" not in message
    assert "\u202e" not in message


@pytest.mark.parametrize("text", ["names: [Zoë, 東京, 🐦‍⬛]\n", "class_map: {a: b}\n", "a: &x 1\nb: *x\n"])
def test_honest_text_is_read_as_ever(text, tmp_path):
    file = tmp_path / "space.yaml"
    file.write_text(text, encoding="utf-8")
    assert read_document(file).tree


def test_a_pipe_and_a_device_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "zeros.yaml").symlink_to("/dev/zero")
    (tmp_path / "self.yaml").symlink_to("self.yaml")
    for name in ("pipe", "zeros", "self"):
        with pytest.raises(ConfigError) as refusal:
            read_document(tmp_path / f"{name}.yaml")
        assert "\n" not in str(refusal.value)
