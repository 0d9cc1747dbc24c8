"""Every metric that a trial reports has a description; what the docs call a metric is one."""

import re
from pathlib import Path

from platform.reference.metrics import is_described, metrics_page, sections, undescribed
from platform.tuning.goals import FURTHER, METRICS

NAME = re.compile(r"`((?:train|val|noise|time|system|model)/[\w…]+)`")


def test_what_may_be_searched_by_is_described_and_said():
    page = metrics_page()["metrics.md"]
    for name in METRICS:
        assert re.search(rf"\| `{name}` \| .+ \| alone, first or further \|", page), name
    for name in FURTHER:
        assert re.search(rf"\| `{name}` \| .+ \| further", page), name


def test_names_with_a_number_or_another_metric_in_them_are_known():
    assert is_described("val/accuracy_network_2")
    assert is_described("val/raw_macro_accuracy")
    assert undescribed({"train/loss": 1.0, "train/los": 1.0}) == ["train/los"]


def test_a_metric_of_several_methods_says_of_which():
    words = sections()["Training"]["train/drop_rate"]
    assert words.endswith("(peer)")


def test_the_docs_name_only_metrics_that_there_are(root: Path):
    pages = [root / "README.md", *(root / "docs").glob("*.md")]
    named = {name for page in pages for name in NAME.findall(page.read_text(encoding="utf-8"))}
    whole = {name for name in named if not name.endswith("…")}
    assert {name for name in whole if not is_described(name)} == set()
