"""The user's crontab and scrontab: only the plan's own lines are written."""

import os
import shutil
import stat
import subprocess
import sys

import pytest

from platform.config.errors import UserError
from platform.nights.install.entries import command_of
from platform.nights.install.install import install
from platform.nights.install.tick import tick_of
from tests.nights.install.conftest import SECRET

STORES = """
table="$HOME/table"
case "$1" in
  -l) [ -f "$table" ] || { echo "no crontab for somebody" >&2; exit 1; }; cat "$table" ;;
  -e) [ -f "$table" ] || echo "# an example" > "$table"; "$VISUAL" "$table" ;;
  -) cat > "$table" ;;
esac
"""
OTHERS = "MAILTO=me@example.org\n# mine\n0 4 * * * backup --at 100\\%\n\n"
PROGRAM = {"cron": "crontab", "slurm": "scrontab"}


@pytest.fixture(params=["cron", "slurm"])
def kind(request, programs):
    programs(PROGRAM[request.param], STORES)
    return request.param


def test_only_its_own_entry_is_added_replaced_and_removed(kind, plan, plan_file, home, said):
    table = home / "table"
    table.write_text(OTHERS)
    install(kind, plan_file, plan, print_only=False, say=said.append)
    entry = table.read_text().removeprefix(OTHERS)
    key = tick_of(plan_file, plan).key
    assert table.read_text() == OTHERS + entry
    lines = entry.splitlines()
    assert (lines[0], lines[-1]) == (f"# BEGIN {key}", f"# END {key}")
    assert lines[-2].startswith("*/10 * * * * cd ") and "platform.nightly run-due" in lines[-2]
    assert f"{sys.executable} -P -m" in lines[-2]
    text = "\n".join(said)
    assert f"entry {key} is added; its other lines are as before" in text
    assert "CHAT_URL, ALIVE_URL, MLFLOW_TRACKING_URI" in text and f"--{kind} --remove" in text
    assert SECRET not in text + entry

    install(kind, plan_file, plan, print_only=False, say=said.append)
    assert table.read_text() == OTHERS + entry
    assert any(line.endswith(f"has the entry {key} like this already") for line in said)

    second = home / "other.yaml"
    install(kind, second, plan, print_only=False, say=said.append)
    other = table.read_text().removeprefix(OTHERS + entry)
    table.write_text(OTHERS + entry.replace("-P -m", "-m") + other + "# after\n")
    install(kind, plan_file, plan, print_only=False, say=said.append)
    assert table.read_text() == OTHERS + entry + other + "# after\n", "replaced where it stands"

    install(kind, plan_file, plan, print_only=True, remove=True, say=said.append)
    assert table.read_text() == OTHERS + entry + other + "# after\n"
    install(kind, plan_file, plan, print_only=False, remove=True, say=said.append)
    install(kind, second, plan, print_only=False, remove=True, say=said.append)
    assert table.read_text() == OTHERS + "# after\n"
    install(kind, plan_file, plan, print_only=False, remove=True, say=said.append)
    assert said[-1] == f"the {PROGRAM[kind]} has no entry of {plan_file}"


def test_a_user_without_a_table_gets_one(kind, plan, plan_file, home, said):
    install(kind, plan_file, plan, print_only=False, say=said.append)
    assert (home / "table").read_text().startswith("# BEGIN nightly-digits-")
    assert (home / "nightly").is_dir(), "of the log"


def test_a_table_that_was_broken_by_hand_is_not_touched(kind, plan, plan_file, home, said):
    install(kind, plan_file, plan, print_only=False, say=said.append)
    broken = "".join(
        line for line in (home / "table").read_text().splitlines(keepends=True) if "# END" not in line
    )
    (home / "table").write_text(broken)
    for remove in (False, True):
        with pytest.raises(UserError, match="must have the line '# BEGIN nightly-digits-.* once each"):
            install(kind, plan_file, plan, print_only=False, remove=remove, say=said.append)
    assert (home / "table").read_text() == broken


def test_a_table_that_cannot_be_read_is_not_replaced(kind, plan, plan_file, home, programs, said):
    programs(PROGRAM[kind], 'echo "you are not allowed to use this program" >&2; exit 1')
    with pytest.raises(UserError, match="tab -l: failed: you are not allowed to use this program"):
        install(kind, plan_file, plan, print_only=False, say=said.append)


@pytest.mark.parametrize("kind", ["cron", "slurm"])
def test_without_the_program_it_prints_and_does_not_install(kind, plan, plan_file, home, no_programs, said):
    install(kind, plan_file, plan, print_only=True, say=said.append)
    assert "*/10 * * * * cd " in said[0] and list(home.iterdir()) == [plan_file]
    with pytest.raises(UserError, match="tab: is not on this machine's PATH; use --"):
        install(kind, plan_file, plan, print_only=False, say=said.append)


def test_the_lines_of_slurm_that_a_user_has_edited_stay(plan, plan_file, home, programs, said):
    programs("scrontab", STORES)
    install("slurm", plan_file, plan, print_only=False, say=said.append)
    table = home / "table"
    assert "#SCRON --time=17:00:00" in table.read_text()
    edited = table.read_text().replace("--time=17:00:00", "--time=9:00:00\n#SCRON --gres=gpu:1")
    table.write_text(edited.replace("-P -m", "-m"))
    install("slurm", plan_file, plan, print_only=False, say=said.append)
    assert table.read_text() == edited


def test_the_line_runs_in_the_folder_with_the_values_and_the_log(plan, plan_file, home):
    tick = tick_of(plan_file, plan)
    python = home / "python"
    python.write_text('#!/bin/sh\necho "$PWD|$CHAT_URL|$PYTHONPATH|$*"\n')
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    tick.values_file.parent.mkdir(parents=True)
    tick.values_file.write_text("CHAT_URL='http://a b'\n")
    line = command_of(tick_with(tick, python), str(home / "state" / "log")).replace(
        r"\%", "%"
    )  # as cron does
    assert command_of(tick, "log").count("%") == command_of(tick, "log").count(r"\%") > 0
    clean = {"HOME": str(home), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["/bin/sh", "-c", line], env=clean, cwd="/", capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("", "")
    folder, value, path, words = (home / "state" / "log").read_text().strip().split("|")
    assert (folder, value) == (str(home), "http://a b") and path
    assert words == f"-P -m platform.nightly run-due {plan_file}"


def tick_with(tick, python):
    return type(tick)(**{**vars(tick), "python": python})


@pytest.mark.skipif(shutil.which("crontab") is None or os.geteuid() != 0, reason="no cron on this machine")
def test_the_systems_own_crontab_takes_it(plan, plan_file, said):
    before = subprocess.run(["crontab", "-l"], capture_output=True)
    try:
        install("cron", plan_file, plan, print_only=False, say=said.append)
        assert tick_of(plan_file, plan).key in subprocess.check_output(["crontab", "-l"], text=True)
    finally:
        install("cron", plan_file, plan, print_only=False, remove=True, say=said.append)
    after = subprocess.run(["crontab", "-l"], capture_output=True)
    assert after.stdout == before.stdout
    if before.returncode:
        subprocess.run(["crontab", "-r"], check=True)
