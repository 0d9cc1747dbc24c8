"""What the tutorial shows of ``python -m reports`` has the lines that it prints of another sweep."""

import shutil
from pathlib import Path

import pytest

from reports.__main__ import main
from tests.pages import Example, examples, frames

DEPENDS_ON_THE_SWEEP = ("No ensemble of", "Trials were selected", "0 further trials", "predicted with")
"""Beginnings of sentences that are others, or lacking, where another sweep's trials won."""


@pytest.fixture
def shown(root: Path) -> list[Example]:
    return [one for one in examples(root / "docs" / "tutorial.md") if one.module == "reports"]


def test_the_tutorial_shows_the_report_and_predictions(
    shown, reported, pictures_of, data, tmp_path, monkeypatch, capsys
):
    report, predict = shown
    assert (report.arguments, predict.arguments) == (("runs/my",), ("runs/my", "--predict", "photos"))
    copy = reported[0].copy(tmp_path / "runs")
    shutil.move(copy.folder.path, tmp_path / "runs" / "my")
    pictures_of(data, "test", tmp_path / "photos")
    monkeypatch.chdir(tmp_path)
    for example in (report, predict):
        assert main([*example.arguments]) == 0
        printed = frames(capsys.readouterr().out.splitlines())
        lacking = [line for line in frames(example.output) if line not in [*printed, "…"]]
        assert [line for line in lacking if not line.startswith(DEPENDS_ON_THE_SWEEP)] == []
