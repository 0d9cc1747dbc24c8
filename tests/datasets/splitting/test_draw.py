"""Which images go to val and test, given their classes, groups and cameras."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from platform.config.errors import UserError
from platform.data.__main__ import main
from platform.datasets.audit.findings import Finding, findings_table
from platform.datasets.audit.folder import AuditFolder
from platform.datasets.data_config import DataConfig
from platform.datasets.sources.source import open_source
from platform.datasets.splitting.draw import Shares, cut_groups, draw
from platform.datasets.splitting.groups import groups_of_bytes, groups_of_findings


def listing(counts, **columns):
    labels = [label for label, count in counts.items() for _ in range(count)]
    paths = [f"{label}/{place:04d}.png" for place, label in enumerate(labels)]
    return pd.DataFrame({"path": paths, "label": labels, "split": "train", **columns})


def alone(rows):
    return np.arange(len(rows))


CONFIG = DataConfig()


def test_each_class_gives_its_share_and_keeps_an_image():
    rows = listing({"a": 100, "b": 40, "c": 3, "d": 1})
    drawn = draw(rows, alone(rows), CONFIG, Shares(val=0.1, test=0.2), seed=0)
    counts = drawn.groupby(["label", "split"]).size().to_dict()
    assert counts == {
        ("a", "train"): 70,
        ("a", "val"): 10,
        ("a", "test"): 20,
        ("b", "train"): 28,
        ("b", "val"): 4,
        ("b", "test"): 8,
        ("c", "train"): 1,
        ("c", "val"): 1,
        ("c", "test"): 1,
        ("d", "train"): 1,
    }


def test_no_group_is_cut_and_large_groups_do_not_overfill_a_split():
    rows = listing({"a": 100, "b": 100})
    groups = np.arange(200)
    groups[:60], groups[100:120], groups[95:105] = 0, 100, 95  # the last over both classes
    drawn = draw(rows, groups, CONFIG, Shares(val=0.1, test=0.1), seed=1)
    assert cut_groups(drawn["split"].to_numpy(), groups) == 0
    sizes = drawn["split"].value_counts()
    assert 10 <= sizes["val"] <= 30 and 10 <= sizes["test"] <= 30
    assert set(drawn["split"][:60]) == {"train"}


def test_the_draw_depends_on_the_seed_alone():
    rows = listing({"a": 50, "b": 50})
    one, again, other = (draw(rows, alone(rows), CONFIG, Shares(0.2, 0.2), seed) for seed in (0, 0, 1))
    assert one.equals(again) and not one.equals(other)
    without_val = draw(rows, alone(rows), CONFIG, Shares(0, 0.2), 0)
    assert ((without_val["split"] == "test") == (one["split"] == "test")).all(), "val does not change test"


def test_splits_of_the_source_stay_and_are_not_drawn_again():
    rows = listing({"a": 20, "b": 20}).assign(split=["test", *["train"] * 39])
    groups = alone(rows)
    groups[1] = groups[0]  # a training image that is in test, too
    drawn = draw(rows, groups, CONFIG, Shares(0.5, 0), 0)
    assert drawn["split"].tolist()[:2] == ["test", "train"]
    assert cut_groups(drawn["split"].to_numpy(), groups) == 1
    with pytest.raises(UserError, match="--test: digits has a test split of its own: leave out --test"):
        draw(rows, groups, CONFIG, Shares(0.1, 0.1), 0)


@pytest.mark.parametrize(
    ("val", "test", "message"),
    [
        (1.5, 0, "--val: must be a share from 0 to below 1, got 1.5"),
        (0, -0.1, "--test: must be a share from 0 to below 1, got -0.1"),
        (0.5, 0.5, "--val 0.5 and --test 0.5: must be below 1 together"),
        (0, 0, "at least one of them must be above 0"),
    ],
)
def test_shares_that_leave_nothing_are_refused(val, test, message):
    with pytest.raises(UserError, match=message):
        Shares(val, test).check()


def test_identities_stay_whole_and_copies_tie_them_together():
    config = DataConfig.model_validate_json(json.dumps({"identities": {}, "source": "figures"}))
    counts = {f"{number:02d}": 6 for number in range(20)}
    rows = listing(counts, role="").assign(camera=[place % 3 for place in range(120)])
    groups = alone(rows)
    groups[6] = groups[0]  # identities 00 and 01 share a picture
    drawn = draw(rows, groups, config, Shares(0.2, 0.2), 0)
    assert (drawn.groupby("label")["split"].nunique() == 1).all()
    assert drawn["split"].iloc[0] == drawn["split"].iloc[6]
    held = drawn[drawn["split"] != "train"]
    assert set(held["role"]) == {"query", "gallery"} and set(held["split"]) == {"val", "test"}


def test_files_with_the_same_bytes_are_a_group(make_classes, tmp_path):
    photos = make_classes(tmp_path / "photos", {"cat": 3, "dog": 2})
    (photos / "dog" / "copy.png").write_bytes((photos / "cat" / "001.png").read_bytes())
    source = open_source(str(photos))
    paths = list(source.files)
    groups = groups_of_bytes(source, paths)
    assert groups.tolist() == [0, 1, 2, 3, 4, 1]


def test_groups_of_an_audit_are_joined_over_shared_images():
    paths = ["a", "b", "c", "d", "e"]
    findings = findings_table(
        [
            Finding("a", "duplicate", 1.0, "", group="1"),
            Finding("b", "duplicate", 1.0, "", group="1"),
            Finding("b", "near_duplicate", 1.0, "", group="1"),
            Finding("d", "near_duplicate", 1.0, "", group="1"),
            Finding("c", "off_topic", 1.0, "", group="1"),
            Finding("elsewhere", "leak", 1.0, "", group="2"),
        ]
    )
    assert groups_of_findings(paths, findings).tolist() == [0, 0, 1, 0, 2]


def test_a_copy_stays_with_the_image_that_it_would_be_merged_into(make_classes, tmp_path):
    """As an audit writes it: the best of the copies has no finding of its own."""
    photos = make_classes(tmp_path / "photos", {"cat": 4, "dog": 4}, 64, 64)
    shutil.copy(photos / "cat" / "000.png", photos / "cat" / "again.png")
    shutil.copy(photos / "cat" / "000.png", photos / "cat" / "once_more.png")
    assert main(["audit", str(photos), "--out", str(tmp_path / "audit")]) == 0
    paths = ["cat/000.png", "cat/001.png", "cat/again.png", "cat/once_more.png", "dog/000.png"]
    issues = AuditFolder(tmp_path / "audit").issues()
    assert (issues["kind"] == "duplicate").sum() == 2
    assert groups_of_findings(paths, issues).tolist() == [0, 1, 0, 0, 2]
