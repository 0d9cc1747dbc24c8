"""The user's systemd timer: verified by systemd itself where there is one."""

import re
import shutil
import subprocess
import sys

import pytest

from platform.config.errors import UserError
from platform.config.invocation import ROOT
from platform.nights.install.install import install
from platform.nights.install.systemd import units_of
from platform.nights.install.tick import tick_of
from tests.nights.install.conftest import SECRET

RECORDS = 'echo "$@" >> "$HOME/asked"'


def setting(text, name):
    [value] = [line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{name}=")]
    return value


def test_the_units_carry_folder_python_and_where_secrets_are(plan, plan_file, home):
    tick = tick_of(plan_file, plan)
    service, timer = units_of(tick).values()
    escaped = str(home).replace("%", "%%")
    assert setting(service, "WorkingDirectory") == escaped
    assert (
        setting(service, "ExecStart")
        == f'{sys.executable} -P -m platform.nightly run-due "{escaped}/digits.yaml"'
    )
    assert setting(service, "Environment") == f"PYTHONPATH={ROOT}"
    assert setting(service, "EnvironmentFile") == f"-{escaped}/.config/platform-nightly/{tick.key}.env"
    assert (setting(timer, "OnCalendar"), setting(timer, "Persistent")) == ("*:0/10", "true")
    assert re.search(r"platform[.-]nightly install .* --systemd --remove", service)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd on this machine")
def test_systemd_finds_nothing_wrong(plan, plan_file, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    units = units_of(tick_of(plan_file, plan))
    for name, text in units.items():
        (tmp_path / name).write_text(text)
    files = [str(tmp_path / name) for name in units]
    done = subprocess.run(["systemd-analyze", "verify", "--user", *files], capture_output=True, text=True)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "nightly" in line]) == (0, [])
    broken = tmp_path / "nightly-broken.timer"
    broken.write_text(
        units[next(name for name in units if name.endswith("timer"))].replace("*:0/10", "*:0/x")
    )
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", str(broken)], capture_output=True, text=True
    )
    assert "Failed to parse calendar specification" in done.stderr, "it does look"
    shown = subprocess.run(["systemd-analyze", "calendar", "*:0/10"], capture_output=True, text=True)
    assert shown.returncode == 0


def test_it_is_installed_once_replaced_and_removed(plan, plan_file, home, programs, said):
    programs("systemctl", RECORDS)
    folder, key = home / ".config" / "systemd" / "user", tick_of(plan_file, plan).key
    install("systemd", plan_file, plan, print_only=False, say=said.append)
    files = {file.name: file.read_text() for file in folder.iterdir()}
    assert set(files) == {f"{key}.service", f"{key}.timer"}
    assert (home / "asked").read_text().splitlines() == [
        "--user daemon-reload",
        "--user daemon-reload",
        f"--user enable --now {key}.timer",
    ]
    text = "\n".join(said)
    assert f"{key}.timer is enabled" in text and "loginctl enable-linger" in text
    assert "It needs CHAT_URL, ALIVE_URL, MLFLOW_TRACKING_URI: write NAME=value" in text
    assert "install -D -m 600 /dev/null" in text and "--systemd --remove" in text
    assert SECRET not in text + "".join(files.values()) and "http://mlflow" not in text

    times = {file: file.stat().st_mtime_ns for file in folder.iterdir()}
    said.clear()
    install("systemd", plan_file, plan, print_only=False, say=said.append)
    assert {file: file.stat().st_mtime_ns for file in folder.iterdir()} == times
    assert f"{key}.timer is enabled, and was installed like this already" in said

    (folder / "other.timer").write_text("[Timer]\n")
    (folder / f"{key}.service").write_text("an older version's\n")
    install("systemd", plan_file, plan, print_only=False, say=said.append)
    assert (folder / f"{key}.service").read_text() == files[f"{key}.service"]

    install("systemd", plan_file, plan, print_only=True, remove=True, say=said.append)
    assert said[-1].startswith(f"systemctl --user disable --now {key}.timer\nrm ")
    install("systemd", plan_file, plan, print_only=False, remove=True, say=said.append)
    assert [file.name for file in folder.iterdir()] == ["other.timer"]
    assert f"--user disable --now {key}.timer" in (home / "asked").read_text()
    install("systemd", plan_file, plan, print_only=False, remove=True, say=said.append)
    assert said[-1] == f"no timer of {plan_file} is installed in {folder}"


def test_printing_needs_no_systemd_and_writes_nothing(plan, plan_file, home, no_programs, said):
    install("systemd", plan_file, plan, print_only=True, say=said.append)
    assert said[0].startswith(f"# {home}/.config/systemd/user/nightly-digits-")
    assert "OnCalendar=*:0/10" in said[1]
    assert not (home / ".config").exists()


def test_without_systemd_one_line_says_what_to_do(plan, plan_file, home, no_programs, said):
    with pytest.raises(UserError, match="^systemctl: is not on this machine's PATH; use --cron, or --print"):
        install("systemd", plan_file, plan, print_only=False, say=said.append)
    assert not (home / ".config").exists()


def test_without_a_session_the_line_says_so(plan, plan_file, programs, home, said):
    programs("systemctl", 'echo "Failed to connect to bus: No medium found" >&2; exit 1')
    with pytest.raises(
        UserError, match=r"daemon-reload: failed \(exit code 1\): Failed to connect to bus.*log in"
    ):
        install("systemd", plan_file, plan, print_only=False, say=said.append)
    assert not (home / ".config").exists()
