"""``python -m platform.data labels``: killed at any time, options, mistakes."""

import json
import urllib.request

import pytest

from platform.data.__main__ import main
from platform.datasets.audit.answers import read_answers
from tests.datasets.review.made_audit import make_audit
from tests.datasets.review.served import served


@pytest.fixture
def made(tmp_path):
    return make_audit(tmp_path, a_class=10)


def answer(server, path):
    origin = f"http://127.0.0.1:{server.port}"
    body = json.dumps({"path": path, "answer": "unsure"}).encode()
    headers = {"origin": origin, "content-type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"{server.address}answers", body, headers)) as reply:
        return json.loads(reply.read())


def test_nothing_answered_is_lost_when_it_is_killed_and_half_a_line_is_healed(made):
    file = made.folder.answers_file
    with served(made.folder.path, "--most", "5") as server:
        assert server.said[0] == "5 images to review: 5 wrong_label"
        answer(server, "robin/ro001.jpg")
        answer(server, "robin/ro002.jpg")
        server.process.kill()
    with file.open("ab") as opened:
        opened.write(b'{"path":"robin/ro003.jpg","ans')  # as a kill in the middle of a write leaves it
    with served(made.folder.path, "--most", "5") as server:
        news = answer(server, "robin/ro004.jpg")
        assert [one["path"][-5] for one in news["lines"]] == ["1", "2", "4"]
        code, said = server.interrupted()
    assert [one.path[-5] for one in read_answers(file)] == ["1", "2", "4"]
    assert file.read_bytes().count(b"\n") == 3
    assert code == 0
    assert "0 right, 0 wrong, 0 off-topic, 3 unsure" in said
    assert "Traceback" not in said


def test_a_taken_port_is_one_line(made, run_here):
    with served(made.folder.path) as server:
        done = run_here(main, "labels", made.folder.path, "--port", str(server.port))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"--port: {server.port} cannot be used: ")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--most", "0"], "--most: must be at least 1, got 0"),
        (["--port", "70000"], "--port: must be between 0 and 65535, got 70000"),
        (["--file", "review.txt"], "--file: must end in .html, got review.txt"),
        (["--file", "no/such/review.html"], "--file: the folder no/such does not exist"),
        (["--take", "no-such.jsonl"], "--take: no-such.jsonl cannot be read: not there"),
        (
            ["--kind", "conflicting_labels"],
            "has no such finding; this audit can be reviewed for: wrong_label, sample",
        ),
    ],
)
def test_a_mistake_is_one_line(made, run_here, options, words):
    done = run_here(main, "labels", made.folder.path, *options)
    assert done.returncode == 2
    assert done.stdout == ""
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_audit_without_scores_is_said_to_give_a_sample(tmp_path, run_here):
    made = make_audit(tmp_path, a_class=5, with_scores=False)
    file = tmp_path / "review.html"
    done = run_here(main, "labels", made.folder.path, "--file", file, "--most", "6")
    assert done.returncode == 0
    first, second, *_ = done.stdout.splitlines()
    assert first == "6 images to review: 6 sample"
    assert second.endswith("no scores of labels and no findings about them: this is a random sample")
    asked = run_here(main, "labels", made.folder.path, "--file", file, "--kind", "sample")
    assert "no scores" not in asked.stdout


def test_what_is_no_audit_is_one_line(tmp_path, run_here):
    for place, words in ((tmp_path / "gone", "no such folder"), (tmp_path, "audit.json: is missing")):
        done = run_here(main, "labels", place)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert words in done.stderr
