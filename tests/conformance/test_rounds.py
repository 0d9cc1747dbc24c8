"""Every YAML in search_spaces/rounds/ is right, with its space and policy, and says what it would do."""

import json
from pathlib import Path

import pytest

from platform.rounds.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "search_spaces" / "rounds").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_rounds_are_commented_and_can_be_planned(path, run_here, monkeypatch):
    monkeypatch.chdir(ROOT)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("#") and "python -m platform.rounds" in text
    done = run_here(main, path.relative_to(ROOT), "--plan", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["name"] == path.stem and len(found["rounds"]) >= 2 and found["between"]


def test_every_file_beside_is_checked_here():
    assert {"digits.yaml", "birds.yaml", "self_distillation.yaml"} <= {path.name for path in FILES}
    assert sorted(path for path in (ROOT / "search_spaces" / "rounds").rglob("*") if path.is_file()) == FILES


def test_the_digits_name_every_setting():
    """So that nobody has to open the source to know what may be said."""
    from platform.rounds.plan.rounds_config import (
        PseudoLabelConfig,
        RoundsConfig,
        StartConfig,
        StopConfig,
    )

    text = (ROOT / "search_spaces" / "rounds" / "digits.yaml").read_text(encoding="utf-8")
    for section in (RoundsConfig, StopConfig, StartConfig, PseudoLabelConfig):
        for name in section.model_fields:
            assert f"{name}:" in text, f"{section.__name__}.{name}"
