"""Pictures that say too little: nothing is suggested that equal pixels do not prove."""

import numpy as np
import pandas as pd
from PIL import Image

from platform.datasets.audit.copies.cautions import cautious
from platform.datasets.audit.copies.stage import find_copies
from platform.datasets.audit.findings import Finding, findings_table
from platform.datasets.audit.record import CAUTION
from platform.datasets.audit.scan.one_image import READING


def images_of(count, side=100):
    return pd.DataFrame({"width": [side] * count, "height": [side + 5] * count, "readable": [True] * count})


def near(path, score=0.95, kind="near_duplicate"):
    return Finding(path, kind, score, "why", "merge:a.png" if kind != "leak" else "drop", group="g")


def test_a_few_copies_keep_their_suggestions():
    findings = findings_table([near("b.png"), near("c.png")])
    same, cautions = cautious(findings, images_of(8))
    assert cautions == []
    pd.testing.assert_frame_equal(same, findings)


def test_where_most_images_are_alike_only_equal_pixels_count():
    leaks = [near("e.png", 1.0, "leak"), near("b.png", kind="leak")]
    findings = findings_table([*map(near, ("b.png", "c.png", "d.png")), *leaks])
    changed, cautions = cautious(findings, images_of(8))
    suggested = dict(zip(changed["path"] + changed["kind"], changed["suggestion"], strict=True))
    assert suggested.pop("e.pngleak") == "drop"
    assert set(suggested.values()) == {"look"}
    assert cautions == [
        "3 of 8 images would be near duplicates: these images are drawings or series that are alike, "
        "so nothing is suggested that does not rest on equal pixels"
    ]


def test_tiny_images_are_copies_only_if_their_pixels_are_equal(tmp_path, audited_files):
    random = np.random.default_rng(0)
    for number in range(4):
        file = tmp_path / "photos" / "train" / "ab"[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        picture = np.zeros((16, 16, 3), np.uint8)
        picture[4:12, 4:12] = 200 + (random.integers(0, 30, (8, 8, 1)) if number < 2 else 0)
        Image.fromarray(picture).save(file)
    source, folder = audited_files(tmp_path / "photos", tmp_path / "audit")
    notes = find_copies(folder, source, READING)
    assert notes[CAUTION] == "4 images with a side under 24 px are compared by equal pixels only"
    issues = folder.issues()
    assert set(issues["path"][issues["kind"] == "duplicate"]) <= {"train/a/2.png", "train/b/3.png"}
    assert not (issues["kind"] == "near_duplicate").any()
    assert set(issues["path"][issues["kind"] == "conflicting_labels"]) == {"train/a/2.png", "train/b/3.png"}
