"""Each channel against a real counterpart, and its problem in one line where it fails."""

import base64
import contextlib
import importlib.util
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

from platform.config.errors import ConfigError
from platform.nights.ledger.records import Told
from platform.nights.plan.notify_config import Channel
from platform.nights.telling import alive
from platform.nights.telling.alive import ping
from platform.nights.telling.channels import command as command_channel
from platform.nights.telling.channels import send as sending
from platform.nights.telling.channels.send import channels, send
from tests.nights.made_nights import NOW, make_plan

TOLD = Told(
    "digits@2026-12-02 worse",
    "worse",
    "digits@2026-12-02",
    "digits@2026-12-02 is worse: 0.91 → 0.86, −0.05\nPage: nightly/index.html",
    NOW.isoformat(),
)


def channel(**given):
    return make_plan(to=[given]).notify.to[0]


def test_a_webhook_gets_json_with_text_and_a_key(web, monkeypatch):
    monkeypatch.setenv("HOOK_URL", f"{web.url}/services/T0/B0")
    assert send(channel(webhook="$HOOK_URL"), TOLD) is None
    ((path, headers, _),) = web.asked
    assert path == "/services/T0/B0"
    assert headers["Idempotency-Key"] == TOLD.key
    (notice,) = web.notices
    assert notice["text"] == TOLD.text
    assert notice["title"] == "digits@2026-12-02 is worse: 0.91 → 0.86, −0.05"
    assert (notice["occasion"], notice["night"]) == ("worse", "digits@2026-12-02")


@pytest.mark.parametrize(
    ("status", "says", "problem"),
    [
        (404, "no_service", "HTTP 404 Not Found: no_service"),
        (500, "", "HTTP 500 Internal Server Error"),
        (302, "", "HTTP 302: the URL redirects; give the one that it redirects to"),
    ],
)
def test_an_answer_other_than_2xx_is_a_problem(web, status, says, problem):
    web.status, web.says = status, says
    assert send(channel(webhook=f"{web.url}/hook"), TOLD) == problem
    assert len(web.asked) == 1


def test_a_webhook_that_nobody_serves_or_that_is_no_url_is_a_problem(monkeypatch):
    assert send(channel(webhook="http://127.0.0.1:9/hook"), TOLD).startswith("no connection: ")
    monkeypatch.setenv("HOOK_URL", "file:///etc/hostname")
    assert send(channel(webhook="$HOOK_URL"), TOLD) == "the variable holds no URL of http or https"
    monkeypatch.delenv("HOOK_URL")
    assert send(channel(webhook="$HOOK_URL"), TOLD) == "the environment variable HOOK_URL is not set"


def email(port, **more):
    return channel(
        email={"to": "team@x.org", "sender": "nights@x.org", "host": "127.0.0.1", "port": port, **more}
    )


def test_mail_has_the_first_line_as_its_subject_and_one_identity(mail, monkeypatch):
    monkeypatch.setenv("SMTP_PASSWORD", "pass word")
    for _ in range(2):
        assert send(email(mail.port, user="me", password="$SMTP_PASSWORD"), TOLD) is None
    first, second = mail.mails
    assert first["Subject"] == "digits@2026-12-02 is worse: 0.91 → 0.86, −0.05"
    assert (first["From"], first["To"]) == ("nights@x.org", "team@x.org")
    assert first.get_content().split("\r\n") == [*TOLD.text.splitlines(), ""]
    assert first["Message-ID"] == second["Message-ID"]
    assert base64.b64decode(mail.logins[0]) == b"\0me\0pass word"


def test_mail_that_is_refused_says_what_the_server_said(mail, monkeypatch):
    monkeypatch.setenv("SMTP_PASSWORD", "wrongword")
    mail.refuses = "535 5.7.8 wrongword is not it"
    problem = send(email(mail.port, user="me", password="$SMTP_PASSWORD"), TOLD)
    assert problem == f"127.0.0.1:{mail.port}: SMTP 535 5.7.8 $SMTP_PASSWORD is not it"
    assert send(email(mail.port, security="starttls"), TOLD).endswith(
        "STARTTLS extension not supported by server."
    )
    assert "Connection refused" in send(email(9), TOLD)


def test_a_password_without_encryption_is_refused_unless_the_server_is_here():
    given = {"to": "a@x.org", "sender": "b@x.org", "host": "mail.x.org", "user": "me", "password": "$P"}
    with pytest.raises(ConfigError, match=r"notify\.to\.0\.email\.security: must be starttls or tls"):
        channel(email=given)
    assert channel(email={**given, "security": "tls"}).email.host == "mail.x.org"


def test_a_command_gets_the_text_and_says_why_it_failed(tmp_path):
    out = tmp_path / "out"
    assert send(channel(command=["sh", "-c", f'cat > {out}; echo "$NIGHT $OCCASION" >> {out}']), TOLD) is None
    assert out.read_text() == f"{TOLD.text}\ndigits@2026-12-02 worse\n"
    assert send(channel(command=["sh", "-c", "echo one >&2; echo no room >&2; exit 3"]), TOLD) == (
        "exit code 3: no room"
    )
    assert send(channel(command=["sh", "-c", "kill -9 $$"]), TOLD) == "killed by signal 9"
    assert send(channel(command=["/nowhere/notify"]), TOLD) == "cannot be started: No such file or directory"


def test_a_command_that_hangs_is_killed_with_its_children(tmp_path, monkeypatch):
    monkeypatch.setattr(command_channel, "TIMEOUT_S", 1.0)
    pid = tmp_path / "pid"
    problem = send(channel(command=["sh", "-c", f"sleep 100 & echo $! > {pid}; wait"]), TOLD)
    assert problem == "did not end within 1 s and was killed"
    child = Path("/proc", pid.read_text().strip(), "stat")
    for _ in range(100):
        if not child.exists() or child.read_text().split()[2] == "Z":
            return
        time.sleep(0.05)
    pytest.fail("its child still runs")


def test_apprise_is_optional_and_said_to_be_missing():
    if importlib.util.find_spec("apprise") is not None:
        pytest.skip("apprise is installed")
    problem = send(channel(apprise="json://127.0.0.1:9"), TOLD)
    assert problem == (
        "the package apprise is not installed; install it with: "
        f"{sys.executable} -m pip install 'apprise>=1.9'"
    )


@pytest.mark.filterwarnings("default")  # apprise's own
def test_apprise_delivers(web, monkeypatch):
    pytest.importorskip("apprise")
    monkeypatch.setenv("APPRISE_URL", web.url.replace("http://", "json://"))
    assert send(channel(apprise="$APPRISE_URL"), TOLD) is None
    (notice,) = web.notices
    assert notice["title"] == TOLD.text.partition("\n")[0]
    web.status = 500
    assert send(channel(apprise="$APPRISE_URL"), TOLD).startswith("apprise did not deliver it: ")
    monkeypatch.setenv("APPRISE_URL", "nothing")
    assert send(channel(apprise="$APPRISE_URL"), TOLD) == "it is no URL that apprise knows"


def test_channels_are_named_without_their_secrets():
    given: list[dict[str, object]] = [
        {"webhook": "$HOOK_URL"},
        {"webhook": "https://hooks.slack.com/services/T0/B0/XXXX"},
        {"webhook": "https://hooks.slack.com/services/T0/B0/YYYY"},
        {"email": {"to": "team@x.org", "sender": "nights@x.org"}},
        {"command": ["/opt/tools/notify", "--token", "XXXX"]},
        {"apprise": "tgram://XXXX/1"},
    ]
    named = channels(make_plan(to=given).notify)
    assert [*named] == [
        "webhook $HOOK_URL",
        "webhook hooks.slack.com",
        "webhook hooks.slack.com (2)",
        "email team@x.org",
        "command notify",
        "apprise tgram://",
    ]
    assert all(isinstance(one, Channel) for one in named.values())


def test_alive_is_pinged_at_start_end_and_failure(web, monkeypatch):
    monkeypatch.setenv("ALIVE_URL", f"{web.url}/ping/1234-5678?rid=1")
    plan = make_plan(alive="$ALIVE_URL")
    for event in ("start", "end", "fail"):
        assert ping(plan, event, f"{event} of digits@2026-12-02") is None
    assert [path for path, _, _ in web.asked] == [
        "/ping/1234-5678/start?rid=1",
        "/ping/1234-5678?rid=1",
        "/ping/1234-5678/fail?rid=1",
    ]
    assert web.asked[0][2] == b"start of digits@2026-12-02"
    web.status, web.says = 404, "no check PATH"
    assert ping(plan, "end", "") == "HTTP 404 Not Found: no check $ALIVE_URL"
    assert ping(make_plan(), "end", "") is None


@pytest.fixture
def trickling():
    """The port of a server that greets everybody, and then sends a byte each tenth of a second."""

    ended = threading.Event()

    def trickle(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while not ended.wait(0.1):
                connection.sendall(b"2")

    def serve(listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=trickle, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, args=(listening,), daemon=True).start()
        yield listening.getsockname()[1]
        ended.set()
        listening.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("kind", ["webhook", "email", "alive"])
def test_a_server_that_sends_a_byte_at_a_time_does_not_hold_the_night(trickling, monkeypatch, kind):
    monkeypatch.setattr(sending, "DEADLINE_S", 0.5)
    monkeypatch.setattr(alive, "DEADLINE_S", 0.5)
    url = f"http://127.0.0.1:{trickling}/hook"
    mail = {"to": "a@x.org", "sender": "b@x.org", "host": "127.0.0.1", "port": trickling}
    began = time.monotonic()
    if kind == "alive":
        problem = ping(make_plan(alive=url), "end", "all is well")
    else:
        problem = send(channel(**{kind: url if kind == "webhook" else mail}), TOLD)
    assert problem == "no end of its answer within 0.5 s"
    assert time.monotonic() - began < 5
