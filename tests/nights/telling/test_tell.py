"""Notices from a night's end to the channels: once each, through failures, kills and broken plans."""

import socket
from datetime import timedelta
from pathlib import Path

from platform.config.document import yaml_text
from platform.nights.ledger.records import Champion
from platform.nights.telling import tell as telling
from platform.nights.telling.digest import send_digest_if_due
from tests.nights.made_nights import NOW, comparison, make_plan, night

PLAN = Path("search_spaces/nightly/digits.yaml")
WORSE = "digits@2026-12-02 is worse: canary val/accuracy 0.91 → 0.86, −0.05 (95% −0.07 to −0.03)"


def end(plan, ledger, one, now=NOW, page=Path("nightly/index.html")):
    ledger.append(one, at=now)
    telling.tell(plan, ledger, one, now, page, file=PLAN)


def test_a_worse_night_is_told_once_with_figures_changes_and_commands(web, ledger):
    plan = make_plan(to=[{"webhook": f"{web.url}/hook"}])
    end(plan, ledger, night(1, verdict="same"))
    worse = night(2, verdict="worse", changes=("commit 1a2b3c4 Decode with libjpeg",))
    end(plan, ledger, worse)
    telling.tell(plan, ledger, worse, NOW, None, file=PLAN)
    end(plan, ledger, night(3, verdict="worse"))
    (notice,) = web.notices
    first, *rest = notice["text"].splitlines()
    assert first == WORSE
    assert rest[:4] == [
        "New since this night; the one before, digits@2026-12-01, was the same.",
        "Changed since the level's last night:",
        "  commit 1a2b3c4 Decode with libjpeg",
        "",
    ]
    assert rest[4] == f"On {socket.gethostname()}, in {Path.cwd()}:"
    assert rest[5] == "Page: nightly/index.html"
    assert [line.partition(": ")[0] for line in rest[6:]] == [
        "Compare",
        "If it is meant, make it the level",
        "Find the commit",
    ]
    assert rest[6].endswith(f"compare {PLAN} digits@2026-12-01 digits@2026-12-02")
    assert rest[7].endswith(f'accept {PLAN} digits@2026-12-02 --why "…"')


def test_each_change_of_state_is_one_notice_that_says_what_happened(web, ledger):
    plan = make_plan(to=[{"webhook": f"{web.url}/hook"}])
    two = (
        comparison("worse", (0.86, 0.85, 0.87)),
        comparison("worse", (0.5,), 0.6, subject="peer"),
    )
    missed = [
        night(5, "missed", reason="nothing ticked while it was due"),
        night(6, "missed", reason="too late"),
    ]
    nights = [
        night(1, "skipped", reason="nothing has changed"),
        night(2, verdict="worse", comparisons=two),
        night(3, "failed", reason="canary: all 5 trials failed: out of memory"),
        night(4, "stopped", reason="finish_by 07:00"),
        *missed,
        night(7, verdict="same"),
        night(8, verdict="better"),
    ]
    for one in missed:
        ledger.append(one, at=NOW)
    for one in nights:
        end(plan, ledger, one)
    assert [one["title"] for one in web.notices] == [
        f"{WORSE}, and 1 more",
        "digits@2026-12-03 failed: canary: all 5 trials failed: out of memory",
        "digits was missed 2 times, from 2026-12-05 to 2026-12-06: nothing ticked while it was due",
        "digits@2026-12-07 has recovered: canary val/accuracy 0.91 → 0.91, 0.00 (95% −0.02 to +0.02)",
        "digits@2026-12-08 is better: canary val/accuracy 0.91 → 0.95, +0.04 (95% +0.02 to +0.06)",
    ]
    assert "It was missed since digits@2026-12-05." in web.notices[3]["text"]
    assert "worse: peer val/accuracy 0.60 → 0.50, −0.10" in web.notices[0]["text"]


def test_only_what_the_plan_asks_for_is_told(web, ledger):
    plan = make_plan(to=[{"webhook": f"{web.url}/hook"}], on=["failed"])
    end(plan, ledger, night(1, verdict="worse"))
    end(plan, ledger, night(2, "failed", reason="no room"))
    assert [one["occasion"] for one in web.notices] == ["failed"]


def test_a_broken_plan_is_one_notice_until_it_is_right_again(web, ledger):
    plan = make_plan(to=[{"webhook": f"{web.url}/hook"}])
    telling.tell_plan_broken(ledger.folder, "plan.yaml:3:1: nights: is missing", NOW)
    assert web.asked == []  # there is no good copy yet
    (ledger.folder / "plan.yaml").write_text(yaml_text(plan.model_dump(mode="json")))
    for minutes in range(0, 30, 10):
        now = NOW + timedelta(minutes=minutes)
        telling.tell_plan_broken(ledger.folder, f"plan.yaml:{minutes}:1: nights: is missing", now)
    assert [one["occasion"] for one in web.notices] == ["failed"]
    assert "plan.yaml:0:1: nights: is missing" in web.notices[0]["text"]
    for minutes in range(30, 60, 10):
        telling.deliver_pending(plan, ledger, NOW + timedelta(minutes=minutes))
    assert [one["occasion"] for one in web.notices] == ["failed", "recovered"]
    telling.tell_plan_broken(ledger.folder, "plan.yaml:3:1: again", NOW + timedelta(hours=2))
    assert [one["occasion"] for one in web.notices] == ["failed", "recovered", "failed"]


def test_every_channel_is_tested_with_a_line_each(web, monkeypatch):
    monkeypatch.setenv("ALIVE_URL", f"{web.url}/ping")
    given = [{"webhook": f"{web.url}/hook"}, {"command": ["false"]}]
    plan = make_plan(to=given, alive="$ALIVE_URL")
    assert telling.test_notify(plan, NOW) == [
        "webhook 127.0.0.1: delivered",
        "command false: not delivered: exit code 1",
        "alive $ALIVE_URL: pinged",
    ]
    assert telling.test_notify(make_plan(), NOW) == ["the plan has no channel: name one in notify.to"]


def test_the_digest_comes_once_a_week_and_says_what_is_open(web, ledger):
    plan = make_plan(to=[{"webhook": f"{web.url}/hook"}, {"command": ["false"]}], digest="0 8 * * 1")
    champion = Champion("7", "champion", "beyond noise", "digits@2026-12-01-peer", "digits@2026-12-01")
    for one in (
        night(1, verdict="same", champion=champion),
        night(2, "skipped", reason="nothing has changed"),
        night(3, verdict="worse"),
    ):
        end(plan, ledger, one)
    monday = NOW + timedelta(days=5)
    assert f"{monday:%A %H}" == "Monday 23"
    for hours in (0, 1, 12):
        send_digest_if_due(plan, ledger, monday + timedelta(hours=hours))
    worse, digest = web.notices
    assert (worse["occasion"], digest["occasion"]) == ("worse", "digest")
    lines = digest["text"].splitlines()
    assert lines[0] == ("Nights from 2026-11-12 to 2026-12-07: 1 same, 1 skipped, 1 worse; 2 open problems")
    assert "digits: 2 of 3 ran, 20 min 0 s" in lines
    assert "  2026-12-02 skipped: nothing has changed" in lines
    assert "    worse: canary val/accuracy 0.91 → 0.86, −0.05 (95% −0.07 to −0.03)" in lines
    assert "    champion: version 7, beyond noise" in lines
    assert "  digits is worse since digits@2026-12-03" in lines
    assert lines[-1].startswith("  not delivered to command false: “digits@2026-12-03 is worse")
    send_digest_if_due(plan, ledger, monday + timedelta(days=21))
    assert len(web.notices) == 3
