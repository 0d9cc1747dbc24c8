"""The page of ``labels``: other hosts, other websites, people without the token, files of the machine."""

import json
import socket
from http.client import HTTPConnection

import pytest

from tests.datasets.review.made_audit import make_audit
from tests.datasets.review.served import served

ANSWER = {"path": "robin/ro001.jpg", "answer": "unsure"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    made = make_audit(tmp_path_factory.mktemp("review"), a_class=5)
    (made.folder.path.parent.parent / "secret.txt").write_text("secret")
    return made


@pytest.fixture(scope="module")
def server(made):
    with served(made.folder.path) as server:
        yield server


@pytest.fixture
def ask(server):
    """``ask("GET", "/path", host=…)``: status, headers and body."""

    def ask_(method, path, body=None, **headers):
        connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {"host": f"127.0.0.1:{server.port}"} | given)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response.status, response.headers, content

    return ask_


@pytest.fixture
def post(ask, server):
    def post_(answer=ANSWER, **headers):
        own = {"origin": f"http://127.0.0.1:{server.port}", "content_type": "application/json"}
        headers = {name: value for name, value in (own | headers).items() if value is not None}
        return ask("POST", f"/{server.token}/answers", json.dumps(answer), **headers)

    return post_


def written(made):
    file = made.folder.answers_file
    return file.read_bytes() if file.exists() else b""


def test_only_this_machine_can_connect(server):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: it only chooses the address of this machine
            address = probe.getsockname()[0]
        except OSError:
            pytest.skip("this machine has no address but the loopback one")
    with socket.socket() as other:
        other.settimeout(5)
        assert other.connect_ex((address, server.port)) != 0


def test_the_right_address_shows_the_page_and_its_pictures(ask, server):
    status, headers, content = ask("GET", f"/{server.token}/")
    assert status == 200
    assert b"Review of labels" in content
    assert server.token.encode() not in content
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "set-cookie" not in headers
    assert "server" not in headers
    status, headers, content = ask("GET", f"/{server.token}/picture/3/small")
    assert (status, headers["content-type"], content[:4]) == (200, "image/png", b"\x89PNG")
    assert ask("GET", f"/{server.token}")[0] == 308
    assert ask("GET", f"/{server.token}/", host=f"localhost:{server.port}")[0] == 200


@pytest.mark.parametrize(
    "path", ["/", "/answers", "/picture/3/small", "/wrong-token/", "/wrong-token/picture/3/small"]
)
def test_nothing_is_shown_without_the_token(ask, path):
    status, _, content = ask("GET", path)
    assert status == 403
    assert content == b"refused: open the address that the command printed, whole\n"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "0.0.0.0:{port}", ""]
)
def test_another_host_is_refused_even_with_the_token(ask, server, host):
    """A website may point its own name to 127.0.0.1, and is of the same origin then (DNS rebinding)."""
    status, _, content = ask("GET", f"/{server.token}/", host=host.format(port=server.port))
    assert (status, content) == (421, b"refused: another host\n")


def test_two_hosts_are_refused(server):
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        own = f"127.0.0.1:{server.port}"
        raw.sendall(f"GET /{server.token}/ HTTP/1.1\r\nHost: {own}\r\nHost: evil.example\r\n\r\n".encode())
        assert raw.recv(100).split()[1] in (b"400", b"421")


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", None, "http://127.0.0.1:1", "https://127.0.0.1:{port}"]
)
def test_another_page_may_not_answer(post, server, made, origin):
    before = written(made)
    status, _, content = post(origin=origin and origin.format(port=server.port))
    assert (status, content) == (403, b"refused: another page may not answer\n")
    assert written(made) == before


def test_an_answer_is_small_json(post, made):
    before = written(made)
    assert post(content_type="text/plain")[0] == 415  # what a form can send without being asked
    assert post({"path": "a" * 30_000, "answer": "unsure"})[0] == 413
    assert post({**ANSWER, "more": 1})[0] == 422
    assert post({**ANSWER, "answer": "maybe"})[0] == 422
    assert post([1])[0] == 422
    assert written(made) == before


@pytest.mark.parametrize(
    "path",
    ["../../secret.txt", "/etc/passwd", "robin/../robin/ro001.jpg", "robin/ro001.jpg\x00", "", "gone.jpg"],
)
def test_an_answer_names_an_image_of_the_audit(post, made, path):
    before = written(made)
    assert post({"path": path, "answer": "unsure"})[0] == 422
    assert written(made) == before


@pytest.mark.parametrize(
    "path",
    [
        "picture/../../../../secret.txt",
        "picture/..%2f..%2fsecret.txt",
        "picture/%2e%2e/%2e%2e/secret.txt",
        "picture/999999/large",
        "picture/-1/large",
        "picture/3/huge",
        "answers.jsonl",
        "docs",
        "openapi.json",
        "../audit.json",
        "//etc/passwd",
    ],
)
def test_only_pictures_of_the_review_can_be_asked_for(ask, server, path):
    status, _, content = ask("GET", f"/{server.token}/{path}")
    assert status in (403, 404, 405, 422)
    assert b"secret" not in content and b"root:" not in content


def test_other_methods_are_refused(ask, server, made):
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert ask(method, f"/{server.token}/answers")[0] in (400, 403, 405)


def test_an_answer_of_our_own_page_is_written(post, made):
    status, _, content = post()
    assert status == 200
    assert json.loads(content)["lines"][-1]["path"] == ANSWER["path"]
    assert ANSWER["path"].encode() in written(made)
