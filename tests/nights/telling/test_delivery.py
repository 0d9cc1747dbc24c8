"""Delivery: once a channel, through failures, kills and a clock that is set back; secrets stay out."""

import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from datetime import timedelta

from platform.config.document import yaml_text
from platform.nights.ledger.records import Told
from platform.nights.telling import delivery
from platform.nights.telling import tell as telling
from platform.nights.telling.alive import ping
from platform.nights.telling.delivery import MOST_TRIES, next_try, waiting
from tests.nights.made_nights import NOW, make_plan, night


def end(ledger, plan, one):
    ledger.append(one, at=NOW)
    telling.tell(plan, ledger, one, NOW, None)


def test_a_server_that_is_down_is_tried_again_later_and_others_are_not_told_twice(web, ledger, tmp_path):
    out = tmp_path / "out"
    plan = make_plan(to=[{"webhook": f"{web.url}/hook"}, {"command": ["sh", "-c", f"cat >> {out}"]}])
    web.status = 503
    end(ledger, plan, night(1, "failed", reason="no room"))
    (told,) = ledger.read().told.values()
    assert told.delivered == ("command sh",)
    assert told.problem == "webhook 127.0.0.1: HTTP 503 Service Unavailable: ok"
    assert waiting(told, plan.notify) == ["webhook 127.0.0.1"]
    telling.deliver_pending(plan, ledger, NOW + timedelta(minutes=5))
    assert len(web.asked) == 1
    telling.deliver_pending(plan, ledger, NOW + timedelta(minutes=10))
    telling.deliver_pending(plan, ledger, NOW + timedelta(minutes=20))
    assert len(web.asked) == 2
    web.status = 200
    for minutes in (30, 40, 50):
        telling.deliver_pending(plan, ledger, NOW + timedelta(minutes=minutes))
    (told,) = ledger.read().told.values()
    assert len(web.asked) == 3
    assert set(told.delivered) == {"command sh", "webhook 127.0.0.1"}
    assert told.problem is None
    assert out.read_text().count("no room") == 1


def test_it_gives_up_after_ten_tries_and_waits_longer_each_time(web, ledger):
    plan = make_plan(to=[{"webhook": f"{web.url}/hook"}])
    web.status = 500
    end(ledger, plan, night(1, "failed", reason="no room"))
    now, pauses = NOW, []
    for _ in range(2 * MOST_TRIES):
        (told,) = ledger.read().told.values()
        pauses.append(next_try(told) - now)
        now = next_try(told)
        telling.deliver_pending(plan, ledger, now)
    assert len(web.asked) == MOST_TRIES
    assert pauses[:4] == [timedelta(minutes=minutes) for minutes in (10, 20, 40, 80)]
    assert max(pauses) == timedelta(hours=12)


def test_a_clock_that_was_set_back_does_not_hold_a_notice_up(web, ledger):
    plan = make_plan(to=[{"webhook": f"{web.url}/hook"}])
    web.status = 500
    end(ledger, plan, night(1, "failed", reason="no room"))
    web.status = 200
    telling.deliver_pending(plan, ledger, NOW - timedelta(days=1))
    assert len(web.asked) == 2


def test_a_new_channel_gets_no_old_notices(web, ledger):
    end(ledger, make_plan(to=[{"command": ["true"]}]), night(1, "failed", reason="no room"))
    telling.deliver_pending(make_plan(to=[{"webhook": f"{web.url}/hook"}]), ledger, NOW)
    assert web.asked == []


def test_a_process_that_is_killed_before_it_sends_leaves_it_to_the_next_tick(web, ledger, root):
    plan = make_plan(to=[{"command": ["sh", "-c", "kill -9 $PPID"]}, {"webhook": f"{web.url}/hook"}])
    one = night(1, "failed", reason="no room")
    ledger.append(one, at=NOW)
    (ledger.folder / "plan.yaml").write_text(yaml_text(plan.model_dump(mode="json")))
    script = f"""
        from datetime import datetime
        from pathlib import Path
        from platform.config.load import load_space
        from platform.nights.ledger.ledger import Ledger
        from platform.nights.plan.plan_config import PlanConfig
        from platform.nights.telling.tell import tell
        folder = Path({str(ledger.folder)!r})
        plan, ledger = load_space(folder / "plan.yaml", PlanConfig).first(), Ledger(folder)
        night = ledger.read().nights["digits@2026-12-01"]
        tell(plan, ledger, night, datetime.fromisoformat({NOW.isoformat()!r}), None)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], cwd=root)
    assert done.returncode == -signal.SIGKILL
    (told,) = ledger.read().told.values()
    assert told.delivered == () and web.asked == []
    survivors = make_plan(to=[{"command": ["sh", "-c", "exit 1"]}, {"webhook": f"{web.url}/hook"}])
    telling.deliver_pending(survivors, ledger, NOW + timedelta(minutes=10))
    telling.deliver_pending(survivors, ledger, NOW + timedelta(minutes=11))
    assert [one["occasion"] for one in web.notices] == ["failed"]


def test_no_secret_is_written_anywhere(web, mail, ledger, tmp_path, monkeypatch, capfd):
    """Planted in the URL of a failing webhook, a password, a token; quoted by a server and by a command."""
    secrets = {
        "HOOK_URL": f"{web.url}/services/T0AB12CD/planted-one?token=planted-two",
        "SMTP_PASSWORD": "planted-three",
        "BOT_TOKEN": "planted-four",
        "ALIVE_URL": f"{web.url}/planted-five",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    web.status, web.says, mail.refuses = 403, "PATH is unknown; so is planted-one", "535 planted-three?"
    given = [
        {"webhook": "$HOOK_URL"},
        {"webhook": f"{web.url}/planted-literal"},
        {
            "email": {
                "to": "a@x.org",
                "sender": "b@x.org",
                "host": "127.0.0.1",
                "port": mail.port,
                "user": "me",
                "password": "$SMTP_PASSWORD",
            }
        },
        {"command": ["sh", "-c", 'echo "$BOT_TOKEN" >&2; exit 1']},
    ]
    plan = make_plan(to=given, alive="$ALIVE_URL")
    end(ledger, plan, night(1, "failed", reason=f"no answer from {secrets['HOOK_URL']}: planted-one"))
    said = [*telling.test_notify(plan, NOW), str(ping(plan, "fail", "planted-five"))]
    (told,) = ledger.read().told.values()
    assert told.problem.count("$HOOK_URL") >= 2 and "$SMTP_PASSWORD" in told.problem
    assert "no answer from $HOOK_URL: $HOOK_URL" in told.text
    files = [file.read_bytes().decode() for file in tmp_path.rglob("*") if file.is_file()]
    of_the_night = "digits@2026-12-01"
    written = [line for text in files for line in text.splitlines() if '"kind": "told"' in line]
    assert written and of_the_night in written[0]
    bodies = [body.decode() for _, _, body in web.asked]
    for text in (*written, *said, *bodies, *capfd.readouterr()):
        assert "planted" not in text


def test_two_processes_send_a_notice_once(web, ledger, monkeypatch):
    plan = make_plan(to=[{"webhook": f"{web.url}/hook"}])
    told = Told("digits@2026-12-01 failed", "failed", "digits@2026-12-01", "failed", NOW.isoformat())
    assert delivery.record(plan, ledger, told)
    assert not delivery.record(plan, ledger, replace(told, text="again"))
    monkeypatch.setattr(delivery, "PATIENCE_S", 0.1)
    script = (
        "import sys; from filelock import FileLock; lock = FileLock(sys.argv[1]); lock.acquire();"
        "print(flush=True); input()"
    )
    holding = [sys.executable, "-c", script, str(ledger.folder / "telling.lock")]
    with subprocess.Popen(holding, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        telling.deliver_pending(plan, ledger, NOW)
        assert web.asked == []
        os.kill(other.pid, signal.SIGKILL)
    telling.deliver_pending(plan, ledger, NOW)
    assert len(web.asked) == 1
