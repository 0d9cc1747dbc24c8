"""An audit and a policy become a manifest that data.source takes as it is."""

import json
import shutil
from dataclasses import replace

import pandas as pd
import pytest

from platform.config.errors import UserError
from platform.datasets.audit.findings import Finding
from platform.datasets.cleaning.clean import clean
from platform.datasets.cleaning.manifest_table import read_manifest
from platform.datasets.data_config import DataConfig
from platform.datasets.errors import DataError
from platform.datasets.preparation.prepare import inspect, prepare
from platform.datasets.preparation.signature import signature

NO_LIMITS = "limits: {most_of_a_class: 1, least_images: 1}\n"
ALL_KINDS = (
    NO_LIMITS
    + """rules:
  - {kind: unreadable, action: drop}
  - {kind: leak, action: drop}
  - {kind: near_duplicate, action: merge, at_least: 0.9}
  - {kind: wrong_label, action: relabel, at_least: 0.9}
  - {kind: wrong_label, action: unlabel, at_least: 0.6}
  - {kind: blurry, action: weight, weight: 0.25}
"""
)


@pytest.fixture
def photos(make_classes, tmp_path):
    return make_classes(tmp_path / "photos", {"cat": 20, "dog": 20})


def config_of(source, **settings):
    return DataConfig.model_validate_json(json.dumps({"source": str(source), **settings}))


def training(config, count=40):
    """Paths of training images of a section, sorted."""
    manifest = prepare(config, 8).manifest
    return manifest["path"][manifest["split"] == "train"].tolist()[:count]


def cleaned(make_audit, write_policy, tmp_path, config, findings, policy=ALL_KINDS, **audit):
    out = tmp_path / "clean.parquet"
    done = clean(make_audit(config, findings, **audit), write_policy(policy), out)
    return done, done.write(out), out


def findings_on(paths):
    return [
        Finding(paths[0], "leak", 1.0, "the same bytes as one of val", "drop", "leak 1"),
        Finding(paths[1], "near_duplicate", 0.97, "resized", f"merge:{paths[2]}", "copies 1"),
        Finding(paths[2], "near_duplicate", 0.97, "the largest of its group", "look", "copies 1"),
        Finding(paths[3], "wrong_label", 0.95, "neighbours say dog", "relabel:dog"),
        Finding(paths[4], "wrong_label", 0.7, "neighbours say dog", "relabel:dog"),
        Finding(paths[5], "blurry", 0.9, "0.1 of 1"),
        Finding(paths[6], "wrong_label", 0.5, "neighbours say dog", "relabel:dog"),
    ]


def test_each_kind_of_finding_leads_to_its_action(make_audit, write_policy, tmp_path, photos):
    config = config_of(photos)
    paths = training(config)
    _, table, _ = cleaned(make_audit, write_policy, tmp_path, config, findings_on(paths))
    rows = table.rows.set_index("path")
    assert rows.loc[paths[:7], "action"].tolist() == [
        *("drop", "merge", "keep", "relabel", "unlabel", "weight", "keep")
    ]
    assert rows.loc[paths[3], ["label", "given", "reason", "score"]].tolist() == [
        *("dog", "cat", "wrong_label: neighbours say dog", 0.95)
    ]
    assert rows.loc[paths[4], "label"] is None
    assert rows.loc[paths[5], "weight"] == 0.25
    others = rows.drop(paths[:7])
    assert (others["action"] == "keep").all() and (others["weight"] == 1).all()
    assert rows["round"].value_counts().to_dict() == {0: 35, 1: 5}


@pytest.mark.parametrize("kind", ["folder", "zip", "table"])
def test_a_manifest_is_read_as_a_source_and_held_out_rows_do_not_change(
    kind, make_audit, write_policy, tmp_path, photos, zipped
):
    source = photos
    if kind == "zip":
        source = zipped(photos, tmp_path / "photos.zip", "photos/")
    if kind == "table":
        files = sorted(photos.rglob("*.png"))
        named = [(str(one.relative_to(photos)), one.parent.name) for one in files]
        pd.DataFrame(named, columns=["path", "label"]).to_csv(photos / "labels.csv", index=False)
        source = photos / "labels.csv"
    config = config_of(source, test_share=0.2, seed=3)
    paths = training(config)
    _, table, out = cleaned(make_audit, write_policy, tmp_path, config, findings_on(paths))
    before = prepare(config, 8)
    after = prepare(config_of(out, test_share=0.2, seed=3, unlabelled="use"), 8)
    for split in ("val", "test"):
        ours, theirs = (one.manifest_frame().iloc[one.rows(split)] for one in (after, before))
        assert ours[["path", "label"]].values.tolist() == theirs[["path", "label"]].values.tolist()
    rows = after.manifest_frame().set_index("path")
    assert not rows.index.isin(paths[:2]).any()
    assert rows.loc[paths[3], "label"] == "dog" and pd.isna(rows.loc[paths[4], "label"])
    assert rows.loc[paths[5], "weight"] == 0.25 and after.weights.sum() == len(rows) - 0.75
    assert after.unlabelled == 1
    assert after.digest != before.digest
    assert after.origin == table.facts and before.origin is None
    found = after.images.image(int(after.manifest.index[after.manifest["path"] == paths[6]][0]))
    there = before.images.image(int(before.manifest.index[before.manifest["path"] == paths[6]][0]))
    assert (found == there).all()


def test_it_says_what_the_manifest_does(make_audit, write_policy, tmp_path, photos):
    config = config_of(photos)
    _, _, out = cleaned(make_audit, write_policy, tmp_path, config, findings_on(training(config)))
    summary = inspect(config_of(out, unlabelled="leave_out"))
    assert summary.reader == "manifest"
    said = " ".join(summary.remarks.sentences())
    assert "leaves out 1 image, leaves out as copies 1 image, gives another label to 1 image" in said
    assert summary.rows == {"train": 33, "val": 4}


def test_embedded_digits_keep_their_splits_and_true_labels(make_audit, write_policy, tmp_path):
    config = config_of("digits", noise={"kind": "symmetric", "rate": 0.3})
    before = prepare(config, 8)
    paths = before.manifest["path"][before.rows("train")].tolist()
    findings = [Finding(paths[0], "wrong_label", 0.95, "neighbours", "relabel:3")]
    _, _, out = cleaned(make_audit, write_policy, tmp_path, config, findings)
    after = prepare(config_of(out, clean_label="clean", test_share=0.2), 8)  # the share of digits
    ours, theirs = after.manifest_frame(), before.manifest_frame()
    assert ours.drop(columns="label").equals(theirs.drop(columns="label"))
    differ = ours["label"] != theirs["label"]
    assert ours["path"][differ].tolist() in ([paths[0]], [])
    assert ours.set_index("path").loc[paths[0], "label"] == "3"
    with pytest.raises(DataError, match="data.noise: .*clean.parquet was made from data that had it already"):
        prepare(config_of(out, clean_label="clean", noise={"kind": "symmetric", "rate": 0.3}), 8)


def test_unreadable_images_change_no_split(make_audit, write_policy, tmp_path, photos):
    """A sweep draws its splits without them; so does the manifest."""
    (photos / "cat" / "003.png").write_bytes(b"no image")
    config = config_of(photos, max_bad=0.1)
    broken = [Finding("cat/003.png", "unreadable", 1.0, "it is no image", "drop")]
    _, _, out = cleaned(make_audit, write_policy, tmp_path, config, broken, unreadable=["cat/003.png"])
    before, after = prepare(config, 8), prepare(config_of(out), 8)
    assert after.manifest.equals(before.manifest)
    assert not after.bad


def test_val_and_test_stay_unless_the_policy_says_so(make_audit, write_policy, tmp_path, photos):
    config = config_of(photos)
    data = prepare(config, 8)
    held = data.manifest["path"].iloc[data.rows("val")[0]]
    other = "dog" if held.startswith("cat") else "cat"
    findings = [Finding(held, "wrong_label", 0.99, "neighbours", f"relabel:{other}")]
    done, table, _ = cleaned(make_audit, write_policy, tmp_path, config, findings)
    assert (table.rows["action"] == "keep").all()
    assert done.notes[0].startswith("val stays as it is: wrong_label 1 are left in it")
    held_out = ALL_KINDS + "held_out: true\n"
    _, table, _ = cleaned(make_audit, write_policy, tmp_path, config, findings, held_out)
    assert table.rows.set_index("path").loc[held, "label"] == other


def test_copies_that_the_draw_of_val_parted_leave_train(make_audit, write_policy, tmp_path, photos):
    """The audit knows no val split, and keeps the training image of the group, which has no finding."""
    config = config_of(photos)
    data = prepare(config, 8)
    held = data.manifest["path"].iloc[data.rows("val")[0]]
    first, second, third = training(config)[:3]
    findings = [
        Finding(held, "duplicate", 1.0, "the same bytes", f"merge:{first}", "copies 1"),
        Finding(second, "duplicate", 1.0, "the same bytes", f"merge:{third}", "copies 2"),
        Finding(third, "duplicate", 1.0, "the same bytes", "look", "copies 2"),
    ]
    _, table, _ = cleaned(make_audit, write_policy, tmp_path, config, findings)
    rows = table.rows.set_index("path")
    assert rows.loc[first, "action"] == "drop"
    assert rows.loc[first, "reason"] == f"leak: a copy of it, {held}, is in val"
    assert (rows.drop(first)["action"] == "keep").all()


def test_identities_keep_their_roles_and_a_drawn_split(make_audit, write_policy, tmp_path):
    config = config_of("figures", identities={}, val_share=0.25)
    before = prepare(config, (64, 32))
    paths = before.manifest["path"][before.rows("train")].tolist()
    findings = [Finding(paths[0], "dark", 0.9, "dark"), Finding(paths[1], "blurry", 0.9, "blurred")]
    policy = ALL_KINDS + "  - {kind: dark, action: drop}\n"
    _, _, out = cleaned(make_audit, write_policy, tmp_path, config, findings, policy)
    after = prepare(config_of(out, identities={}), (64, 32))
    expected = before.manifest_frame().drop(before.manifest.index[before.manifest["path"] == paths[0]])
    ours = after.manifest_frame()
    assert ours.drop(columns="weight").values.tolist() == expected.values.tolist()
    assert (ours["weight"] != 1).sum() == 1 and after.held_out == before.held_out


def test_a_second_round_builds_on_the_first_and_keeps_what_it_decided(
    make_audit, write_policy, tmp_path, photos
):
    config = config_of(photos)
    paths = training(config)
    _, first, out = cleaned(make_audit, write_policy, tmp_path, config, findings_on(paths))
    again = config_of(out, unlabelled="use")
    findings = [Finding(paths[7], "wrong_label", 0.95, "neighbours say dog", "relabel:dog")]
    audit = make_audit(again, findings, name="second")
    done = clean(audit, write_policy(ALL_KINDS), tmp_path / "second.parquet")
    second = done.write(tmp_path / "second.parquet")
    assert second.facts.round == 2
    assert (second.facts.source, second.facts.section) == (first.facts.source, first.facts.section)
    rows = second.rows.set_index("path")
    assert rows.loc[paths[7], ["action", "round", "given"]].tolist() == ["relabel", 2, "cat"]
    before = first.rows.set_index("path").drop(paths[7])
    pd.testing.assert_frame_equal(rows.drop(paths[7]), before, check_dtype=False)


def test_the_same_audit_gives_the_same_bytes(make_audit, write_policy, tmp_path, photos):
    config = config_of(photos)
    paths = training(config)
    _, table, out = cleaned(make_audit, write_policy, tmp_path, config, findings_on(paths))
    content = out.read_bytes()
    _, again, _ = cleaned(make_audit, write_policy, tmp_path, config, list(reversed(findings_on(paths))))
    assert out.read_bytes() == content
    assert again.facts.digest == table.facts.digest != ""
    assert len(again.facts.policy_digest) == 64
    assert read_manifest(out).facts == table.facts


def test_a_manifest_finds_its_images_beside_it_after_both_moved(make_audit, write_policy, tmp_path, photos):
    config = config_of(photos)
    cleaned(make_audit, write_policy, tmp_path, config, [])
    (tmp_path / "moved").mkdir()
    photos.rename(tmp_path / "moved" / "photos")
    (tmp_path / "clean.parquet").rename(tmp_path / "moved" / "clean.parquet")
    assert inspect(config_of(tmp_path / "moved" / "clean.parquet")).rows["train"] == 36


def test_images_that_are_gone_are_said_in_a_line(make_audit, write_policy, tmp_path, photos):
    config = config_of(photos)
    _, _, out = cleaned(make_audit, write_policy, tmp_path, config, [])
    before = signature(config_of(out))
    (photos / "cat" / "007.png").write_bytes(b"shorter")
    assert signature(config_of(out)) != before
    (photos / "cat" / "007.png").unlink()
    with pytest.raises(DataError, match=r"1 of 40 listed images is not there: cat/007.png"):
        prepare(config_of(out), 8)
    shutil.rmtree(photos)
    with pytest.raises(DataError, match=r"clean.parquet lists images of .*photos, which does not exist"):
        prepare(config_of(out), 8)


def test_a_policy_that_empties_a_class_is_refused(make_audit, write_policy, tmp_path, photos):
    config = config_of(photos)
    findings = [Finding(f"cat/{n:03d}.png", "dark", 1.0, "0 of 1") for n in range(20)]
    policy = "rules: [{kind: dark, action: drop}]\nlimits: {most_of_a_class: 1, least_images: 0}\n"
    with pytest.raises(UserError, match=r"policy.yaml: would leave no training image of the class 'cat' \("):
        cleaned(make_audit, write_policy, tmp_path, config, findings, policy)
    assert not (tmp_path / "clean.parquet").exists()


def test_an_unfinished_audit_is_refused(make_audit, write_policy, tmp_path, photos):
    with pytest.raises(UserError, match=r"audit is unfinished \(to do: copies\): run .* audit "):
        cleaned(make_audit, write_policy, tmp_path, config_of(photos), [], stages=("files",))
    with pytest.raises(UserError, match=r"nowhere: is no audit"):
        clean(replace(make_audit(config_of(photos)), path=tmp_path / "nowhere"), write_policy(""), tmp_path)


def test_a_suggested_class_that_does_not_exist_is_refused(make_audit, write_policy, tmp_path, photos):
    config = config_of(photos)
    findings = [Finding(training(config)[0], "wrong_label", 0.95, "neighbours", "relabel:dgo")]
    with pytest.raises(UserError, match=r"names the class 'dgo', of which there is no training image; did"):
        cleaned(make_audit, write_policy, tmp_path, config, findings)


def test_the_settings_of_a_manifest_are_checked(make_audit, write_policy, tmp_path, photos):
    _, _, out = cleaned(make_audit, write_policy, tmp_path, config_of(photos, test_share=0.2), [])
    for settings, message in (
        ({"test_share": 0.3}, r"data.test_share: .* was made with 0.2"),
        ({"max_images": 10}, r"data.max_images: .* was made with null"),
        ({"reader": "labels_table"}, r"data.reader: .* is a manifest: must be auto"),
        ({"label": "web"}, r"data.label: .* holds the labels of 'label', not of 'web'"),
        ({"clean_label": "clean"}, r"data.clean_label: .* has no true labels"),
        ({"identities": {}}, r"data.identities: .* lists no cameras"),
    ):
        with pytest.raises(DataError, match=message):
            prepare(config_of(out, **settings), 8)
