"""``python -m platform.data audit --sweep``: all stages on digits, and a sweep of other data."""

import pytest

from platform.data.__main__ import main
from platform.datasets.audit.folder import AuditFolder
from platform.datasets.audit.record import read_audit

pytestmark = pytest.mark.sweep


def test_a_sweep_judges_the_labels_and_is_kept_when_the_command_is_given_again(
    plain_sweep, config, tmp_path, run_here
):
    out = AuditFolder(tmp_path / "audit")
    words = ["audit", config.source, *settings_of(config), "--out", out.path]
    first = run_here(main, *words, "--sweep", plain_sweep.path)
    assert first.returncode == 0, first.stderr
    assert "not done" not in first.stdout
    record = read_audit(out)
    assert (record.embedding.kind, record.sweep) == ("sweep", str(plain_sweep.path))
    assert set(record.stages) == {"files", "copies", "labels", "off_topic"}
    assert out.label_scores_file.exists()
    page = out.page.read_text(encoding="utf-8")
    assert '<section id="budgets"' in page
    assert "was not" not in page.partition("</section>")[0]
    again = run_here(main, *words)
    assert again.stdout.count("(done before)") == 4
    assert f"labels are judged by {plain_sweep.path}, as before" in again.stdout
    none = run_here(main, *words, "--embedding", "none")
    assert "labels: not done: labels are judged by an embedding" in none.stdout
    assert not out.label_scores_file.exists()


def settings_of(config):
    """The settings of a data section that differ from their defaults, but for the source."""
    given = config.model_dump(mode="json", exclude_defaults=True)
    return [f"data.{name}={value}" for name, value in given.items() if name != "source"]


def test_a_sweep_of_other_data_is_refused_before_anything_is_read(plain_sweep, tmp_path, run_here):
    out = tmp_path / "audit"
    refused = run_here(main, "audit", "figures", "--out", out, "--sweep", plain_sweep.path)
    assert refused.returncode == 2
    assert "is a sweep of other data" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--folds", "4"], "--folds: needs a sweep: add --sweep runs/NAME"),
        (["--embedding", "sweep"], "--embedding sweep: needs a sweep: add --sweep runs/NAME"),
        (
            ["--embedding", "gone.safetensors"],
            "--embedding: gone.safetensors: there is no such file of weights",
        ),
        (["--sweep", "runs/gone"], "runs/gone"),
        (["--folds", "1"], "--folds: must be at least 2, got 1"),
    ],
)
def test_what_cannot_judge_labels_is_one_line(words, message, tmp_path, run_here):
    out = tmp_path / "audit"
    refused = run_here(main, "audit", "digits", "--out", out, *words)
    assert refused.returncode == 2
    assert refused.stderr.startswith(message)
    assert len(refused.stderr.splitlines()) == 1
    assert not out.exists()
