"""The page of an audit with findings of every stage; its words for each kind, and those of the docs."""

import html
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from platform.datasets.audit.findings import KINDS, Finding, findings_table
from platform.datasets.audit.folder import AuditFolder, write_table
from platform.datasets.audit.page.class_table import bins, class_rows
from platform.datasets.audit.page.contents import page_contents
from platform.datasets.audit.page.page import Next, render, write_page
from platform.datasets.audit.page.pictures import pictures_of
from platform.datasets.audit.page.words import KIND_WORDS
from platform.datasets.audit.record import ACCURACY_OF_LEAKS, AuditRecord
from platform.datasets.audit.scan.scan import ScanOptions, scan
from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.listing import list_images

PICTURES = 34
EVIL = "<b>cats & dogs"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for place in range(PICTURES):
        name = EVIL if place % 3 else "dog"
        (folder / name).mkdir(exist_ok=True)
        coarse = np.random.default_rng(place).integers(0, 256, (20, 26, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((90, 70)).save(folder / name / f"{place:02d}.jpg")
    (folder / "dog" / "broken.jpg").write_bytes(b"nothing")
    return folder


@pytest.fixture(scope="module")
def folder(source, tmp_path_factory):
    """An audit of every stage: the files are real, the other findings are made."""
    config = DataConfig(source=str(source))
    found = AuditFolder(tmp_path_factory.mktemp("audit"))
    listing = list_images(config.model_copy(update={"max_bad": 1.0}))
    scan(found, listing, config, ScanOptions())
    paths = found.images()["path"].tolist()
    copies = [
        Finding(path, kind, 1.0, "the same bytes", "merge:" + paths[0], group=f"{kind}-{group}")
        for kind in ("duplicate", "near_duplicate", "conflicting_labels", "placeholder", "leak")
        for group in range(12)
        for path in paths[group : group + (10 if kind == "placeholder" else 2)]
    ]
    found.write_findings("copies", findings_table(copies))
    wrong = [
        Finding(path, "wrong_label", 0.9, "the neighbours are dogs", "relabel:dog") for path in paths[:30]
    ]
    found.write_findings("labels", findings_table(wrong))
    off_topic = [Finding(path, "off_topic", 0.8, "in the smaller group") for path in paths[2:5]]
    found.write_findings("off_topic", findings_table(off_topic))
    labels = found.images()["label"]
    halves = {
        "path": paths[:9],
        "label": labels[:9],
        "half": ["larger"] * 2 + ["smaller"] * 2 + ["larger"] * 5,
        "separation": 2.0,
        "distance": 0.5,
    }
    write_table(found.halves_file, pd.DataFrame(halves))
    steps = np.arange(1, 31)
    write_table(
        found.budgets_file,
        pd.DataFrame(
            {
                "images": steps * 10,
                "precision": np.where(steps == 1, np.nan, 0.5),  # the first is not stated
                "precision_low": 0.25,
                "precision_high": 0.75,
                **{f"recall{end}": steps / 40 for end in ("", "_low", "_high")},
            }
        ),
    )
    by_class = pd.DataFrame({"label": labels.unique(), "images": 10, "wrong": 3.0})
    write_table(found.wrong_by_class_file, by_class)
    return found


@pytest.fixture(scope="module")
def record(source):
    return AuditRecord(
        source=str(source),
        data=DataConfig(source=str(source)).model_dump(mode="json"),
        images=PICTURES + 1,
        listing="0",
        stages={"files": "0", "copies": "0", "labels": "0"},
        notes={
            "copies": {ACCURACY_OF_LEAKS: "accuracy on 4 leaked test images 100.0%"},
            "labels": {"expected_wrong": 3.0},
        },
        remarks=(f"The class {EVIL} has an odd name.",),
        version="0",
    )


@pytest.fixture(scope="module")
def page(folder, record):
    write_page(folder, record, [Next("Clean <them>:", "platform-data clean 'a & b'")])
    return folder.page


def test_each_kind_has_words_and_the_docs_have_the_same(root):
    assert tuple(KIND_WORDS) == KINDS
    docs = (root / "docs" / "audit.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (?:files|copies|labels|off_topic) \| (.*) \|$", docs, re.MULTILINE)
    assert rows == [(kind, words.about) for kind, words in KIND_WORDS.items()]


def test_a_precision_that_is_not_stated_has_an_interval_only(page):
    text = page.read_text(encoding="utf-8")
    assert re.search(r'<td class="number">25(\.0)?.?% to 75(\.0)?.?%</td>', text)
    assert (
        "nan" not in text[text.index('id="budgets"') : text.index("</section>", text.index('id="budgets"'))]
    )


def test_each_kind_that_was_found_has_its_section_and_no_other(page):
    text = page.read_text(encoding="utf-8")
    sections = re.findall(r'<section id="(\w+)"', text)
    found = ["unreadable", "duplicate", "near_duplicate", "conflicting_labels", "placeholder", "leak"]
    assert sections == ["summary", "tail", "budgets", *found, "wrong_label", "off_topic"]
    assert "Off-topic images were not looked for." in text
    assert "Labels were not judged" not in text
    assert "no picture" in text
    assert "The sweep&#39;s best network: accuracy on 4 leaked test images 100.0%." in text.replace(
        "'", "&#39;"
    )


def test_what_came_from_the_user_is_escaped_and_nothing_is_loaded(page):
    text = page.read_text(encoding="utf-8")
    assert EVIL not in text
    assert html.escape(EVIL) in text
    assert "platform-data clean &#39;a &amp; b&#39;" in text
    assert not re.search(r"(?:src|href)=\"(?!data:image/|#)", text)
    assert "<script" not in text
    assert "default-src &#39;none&#39;" in text


def test_groups_are_cut_and_say_so(page):
    leaks = (
        page.read_text(encoding="utf-8").partition('<section id="placeholder"')[2].partition("</section>")[0]
    )
    assert leaks.count("<h3>") == 10
    assert "2 more groups are in" in leaks
    assert leaks.count("and 2 more</p>") == 10
    assert leaks.count("<li>") == 10 * 8


def test_both_halves_of_a_class_are_shown(page):
    text = page.read_text(encoding="utf-8").partition('<section id="off_topic"')[2]
    headings = re.findall(r"<h3>(.*?)</h3>", text)
    assert [heading.rpartition(": ")[2] for heading in headings] == [
        "the smaller group, 2 images",
        "the larger group, 7 images",
        "1 image",
    ]
    assert headings[2].startswith("Far from the rest of their class")


def test_the_same_tables_give_the_same_page(page, folder, record):
    again = [render(page_contents(folder, record), []) for _ in range(2)]
    assert again[0] == again[1] != page.read_text(encoding="utf-8")


def test_pictures_are_those_of_their_paths(folder):
    paths = folder.images()["path"]
    shown = pictures_of(folder, paths, [paths[3], paths[30], "dog/broken.jpg"])
    assert set(shown) == {paths[3], paths[30]}
    assert all(one.startswith("data:image/jpeg;base64,/9j/") for one in shown.values())
    assert shown[paths[3]] != shown[paths[30]]


def test_classes_are_counted_by_what_can_be_learnt_from():
    images = pd.DataFrame(
        {
            "path": list("abcdef"),
            "label": ["cat", "cat", "cat", "dog", "dog", None],
            "split": ["train", "train", "test", "train", "train", "train"],
            "readable": [True, False, True, True, True, True],
        }
    )
    rows = class_rows(images, pd.DataFrame({"path": ["b", "b", "d"]}), None)
    assert [(row.name, row.images, row.train, row.faulty) for row in rows] == [
        ("dog", 2, 2, 1),
        ("cat", 3, 1, 1),
    ]
    assert [(one.name, one.classes, one.images) for one in bins(rows, 1, 1)] == [
        ("many", 1, 2),
        ("medium", 1, 1),
        ("few", 0, 0),
    ]


def test_it_fits_both_widths_without_overflow(page, chromium):
    for width in (1280, 390):
        view = chromium.new_page(viewport={"width": width, "height": 800})
        errors = []
        view.on("console", lambda message, errors=errors: errors.append(message.text))
        view.goto(page.as_uri())
        assert view.evaluate("document.documentElement.scrollWidth") == width
        assert view.evaluate("[...document.images].every(one => one.naturalWidth > 0)")
        assert errors == []
        view.close()
