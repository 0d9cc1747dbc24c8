"""``python -m reports`` as people run it."""

import subprocess
import sys

import pytest


def run(root, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "reports", *map(str, arguments)],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_it_makes_the_report_again_and_says_where_it_is(sweep, root):
    done = run(root, sweep.folder.path, "--top", 2)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].split()[:3] == ["#", "trial", "val/accuracy"]
    assert any(line.startswith("Best single trial: ") for line in lines)
    assert lines[-1] == f"report: {sweep.folder.report / 'index.html'}"
    assert (sweep.folder.report / "index.html").exists()


def test_a_folder_that_is_no_sweep_is_one_line(tmp_path, root):
    done = run(root, tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{tmp_path}: is not a sweep's folder (it has no sweep.json)\n"


@pytest.mark.parametrize("top", ["0", "-1", "many"])
def test_a_senseless_top_is_refused(sweep, root, top):
    done = run(root, sweep.folder.path, "--top", top)
    assert done.returncode == 2
    assert "--top" in done.stderr
    assert not sweep.folder.report.exists()


def test_a_tracking_server_that_does_not_answer_is_one_line(sweep, root):
    record = sweep.folder.record_file
    record.write_text(record.read_text().replace(sweep.state.uri, "http://127.0.0.1:9"))
    done = run(root, sweep.folder.path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "MLflow at http://127.0.0.1:9: no MLflow server answers (Connection refused)\n"
    assert not sweep.folder.report.exists()
