"""A systemd timer of the user's own, which calls `run-due` every ten minutes."""

import re
from collections.abc import Callable
from pathlib import Path

from platform.config.errors import UserError
from platform.nights.install import programs
from platform.nights.install.tick import MINUTES, Tick, configuration_folder, say_notes, tick_of
from platform.nights.plan.plan_config import PlanConfig
from platform.storage.whole_files import write_whole
from platform.tracking.environment import user_name

Say = Callable[[str], None]
LEAVES_S = 180
"""What a sweep that is interrupted takes at most to keep what it has, when the machine shuts down."""


def install(plan_file: Path, plan: PlanConfig, *, print_only: bool, remove: bool, say: Say) -> None:
    tick = tick_of(plan_file, plan)
    folder = configuration_folder() / "systemd" / "user"
    if remove:
        _remove(tick, folder, print_only, say)
        return
    units = units_of(tick)
    if print_only:
        for name, text in units.items():
            say(f"# {folder / name}\n{text}")
    else:
        _write(tick, folder, units, say)
    notes = [
        *tick.about_variables(),
        f"Without a login it ticks only after: loginctl enable-linger {user_name()}",
        f"To see the next tick: systemctl --user list-timers {tick.key}.timer",
        f"To read what it said: journalctl --user -u {tick.key}",
        f"To remove it: {tick.command('systemd', '--remove')}",
    ]
    say_notes(say, notes, print_only=print_only)


def units_of(tick: Tick) -> dict[str, str]:
    """The two unit files, by name."""
    header = "".join(f"# {line}\n" for line in tick.header("systemd"))
    variables = "".join(f"Environment={_quoted(f'{k}={v}')}\n" for k, v in tick.environment.items())
    service = f"""{header}[Unit]
Description=Nights of {_plain(tick.plan_file.name)}: run what is due

[Service]
Type=oneshot
WorkingDirectory={_plain(str(tick.folder))}
{variables}EnvironmentFile=-{_plain(str(tick.values_file))}
ExecStart={" ".join(_quoted(word, is_command=True) for word in tick.words)}
# Stopped, it ends the sweep that runs, which goes on with the next tick.
KillMode=mixed
TimeoutStopSec={LEAVES_S}
SuccessExitStatus=143
"""
    timer = f"""{header}[Unit]
Description=Every {MINUTES} minutes: nights of {_plain(tick.plan_file.name)}

[Timer]
OnCalendar=*:0/{MINUTES}
Persistent=true
AccuracySec=1min

[Install]
WantedBy=timers.target
"""
    return {f"{tick.key}.service": service, f"{tick.key}.timer": timer}


def _write(tick: Tick, folder: Path, units: dict[str, str], say: Say) -> None:
    programs.need("systemctl", "use --cron, or --print and install it where systemd runs")
    _systemctl("daemon-reload")  # first: without a session nothing is written
    changed = [name for name, text in units.items() if _content(folder / name) != text]
    for name in changed:
        write_whole(folder / name, units[name])
        say(f"written: {folder / name}")
    if changed:
        _systemctl("daemon-reload")
    _systemctl("enable", "--now", f"{tick.key}.timer")
    say(f"{tick.key}.timer is enabled" + (", and was installed like this already" * (not changed)))


def _remove(tick: Tick, folder: Path, print_only: bool, say: Say) -> None:
    files = [folder / name for name in units_of(tick) if (folder / name).exists()]
    if not files:
        say(f"no timer of {tick.plan_file} is installed in {folder}")
        return
    if print_only:
        say(f"systemctl --user disable --now {tick.key}.timer\nrm {' '.join(map(str, files))}")
        return
    programs.need("systemctl", f"remove {' and '.join(map(str, files))} by hand")
    _systemctl("disable", "--now", f"{tick.key}.timer")
    for file in files:
        file.unlink()
    _systemctl("daemon-reload")
    say(f"removed: {', '.join(map(str, files))}")


def _systemctl(*words: str) -> None:
    try:
        programs.done("systemctl", "--user", *words)
    except UserError as error:
        raise UserError(f"{error}; log in as {user_name()}, not by su or sudo, or use --cron") from None


def _content(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _plain(text: str) -> str:
    """A setting that takes the rest of its line; % begins a specifier."""
    return text.replace("%", "%%")


def _quoted(word: str, *, is_command: bool = False) -> str:
    """One word of a line; in commands $ begins a variable."""
    text = _plain(word).replace("\\", "\\\\").replace('"', '\\"')
    text = text.replace("$", "$$") if is_command else text
    return text if re.fullmatch(r"[\w@%+=:,./$-]+", text) else f'"{text}"'
