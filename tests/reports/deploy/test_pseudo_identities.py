"""``--pseudo-label`` of a sweep on identities: images that are alike become people of the next sweep."""

import shutil

import numpy as np
import pandas as pd
import pytest

from platform.config.load import load_space
from platform.datasets.preparation.prepare import prepare
from platform.datasets.preparation.unlabelled import open_images
from platform.training.loop.trainer import Trainer
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from reports.__main__ import main
from reports.deploy.predict import predict_images
from reports.deploy.pseudo_identities import (
    Pairs,
    at_least,
    identities,
    most_similar,
    mutual_pairs,
    pseudo_identities,
)


def angles(*degrees):
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def test_mutual_pairs_are_each_among_the_others_nearest():
    found = mutual_pairs(angles(0, 10, 14, 90), neighbours=1)
    assert found.places_P2.tolist() == [[1, 2]], "0 and 90 degrees are nobody's nearest"
    np.testing.assert_allclose(found.similarities_P, np.cos(np.radians([4])), atol=1e-6)
    wider = mutual_pairs(angles(0, 10, 14, 90), neighbours=2)
    assert wider.places_P2.tolist() == [[0, 1], [0, 2], [1, 2]]


PAIRS = Pairs(np.array([[1, 2], [2, 4], [3, 5], [0, 6]]), np.array([0.9, 0.8, 0.7, 0.2]))


@pytest.mark.parametrize(
    ("take", "expected"),
    [
        (at_least(0.7), [-1, 0, 0, 1, 0, 1, -1]),
        (at_least(0.1), [0, 1, 1, 2, 1, 2, 0]),
        (at_least(0.95), [-1] * 7),
        (most_similar(0.25), [-1, 0, 0, -1, -1, -1, -1]),
        (most_similar(0.3), [-1, 0, 0, -1, 0, -1, -1]),
        (most_similar(1.0), [0, 1, 1, 2, 1, 2, 0]),
    ],
)
def test_identities_are_what_taken_pairs_connect(take, expected):
    identity_N, similarity_N = identities(7, PAIRS, take)
    assert identity_N.tolist() == expected
    assert np.isnan(similarity_N).tolist() == [one < 0 for one in expected]
    if expected[2] >= 0:
        assert similarity_N[2] == 0.9, "the surest of its pairs"


def test_of_no_pairs_a_share_is_none():
    assert most_similar(0.5)(np.empty(0)).tolist() == []


def config_of(run, **data):
    config = load_space(run.space, SweepConfig, fixed=SWEEP_FIELDS).first()
    return config.model_copy(update={"data": config.data.model_copy(update=data)})


@pytest.mark.parametrize("name", ["next.parquet", "next.csv"])
def test_the_next_sweep_trains_on_them_and_selects_on_the_same_queries(name, retrieval_run, people, tmp_path):
    before = prepare(config_of(retrieval_run).data, (32, 16))
    done = pseudo_identities(
        retrieval_run.path, open_images(str(people.others)), most_similar(0.3), tmp_path / name
    )
    table = pd.read_csv(done.file) if name.endswith("csv") else pd.read_parquet(done.file)
    config = config_of(retrieval_run, source=str(done.file))
    after = prepare(config.data, (32, 16))

    assert (done.are, done.known, done.own) == ("identities", 0, len(before.manifest))
    assert 0 < done.labelled <= done.images == 72
    new = after.manifest[after.manifest["path"].str.contains("/others/")]
    assert set(new["split"]) == {"train"} and set(new["camera"]) == {-1}
    names = {after.classes[place] for place in new["label"]}
    assert len(new) == done.labelled and len(names) == done.classes
    assert all(one.startswith("pseudo-") for one in names)
    assert new.groupby("label").size().min() >= 2, "nobody is alike to himself alone"
    assert set(after.classes) - names == set(before.classes)
    for split in ("val", "test"):
        assert after.held_out == before.held_out
        for role in ("query", "gallery"):
            assert after.is_role(split, role).tolist() == before.is_role(split, role).tolist()
        assert after.cameras(split).tolist() == before.cameras(split).tolist()
    assert table["similarity"].notna().sum() == done.labelled

    trainer = Trainer(config.trial(), after)
    assert 0 < trainer.train_epoch()["val/map"] < 1


def test_pairs_that_are_taken_are_those_of_the_pairs_format(retrieval_run, people, tmp_path):
    source = open_images(str(people.others))
    pairs = pd.read_csv(predict_images(retrieval_run.path, source, tmp_path / "pairs.csv").file)
    named = {tuple(sorted(one)) for one in zip(pairs["path"], pairs["neighbour"], strict=True)}
    counts = pd.Series(
        [tuple(sorted(one)) for one in zip(pairs["path"], pairs["neighbour"], strict=True)]
    ).value_counts()
    threshold = float(pairs["similarity"].quantile(0.9))
    sure = pairs[pairs["similarity"] >= threshold]
    linked = {
        path
        for one in zip(sure["path"], sure["neighbour"], strict=True)
        if counts[tuple(sorted(one))] == 2
        for path in one
    }
    done = pseudo_identities(retrieval_run.path, source, at_least(threshold), tmp_path / "next.csv")
    table = pd.read_csv(done.file)
    new = table[table["similarity"].notna()]
    assert named and set(new["path"].str.rpartition("/")[2]) == linked


def test_a_second_round_knows_the_first_ones_identities(retrieval_run, people, tmp_path, capsys):
    arguments = ["--pseudo-label", str(people.others), "--top-share", "0.2"]
    assert main([str(retrieval_run.path), *arguments]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[1].startswith("pseudo-labels of ") and " new identities, beside " in said[1]
    table = retrieval_run.path / "pseudo_labels.parquet"
    first = pd.read_parquet(table)
    clean = " data.clean_label=clean" if "clean" in first else ""
    assert said[-1] == f"train on it with: --data {table} data.identities='{{}}'{clean}"

    shutil.copy(table, tmp_path / "first.parquet")
    space = retrieval_run.space.read_text().replace(str(people.path), str(tmp_path / "first.parquet"))
    retrieval_run.space.write_text(space)
    prepare(config_of(retrieval_run).data, (32, 16)).manifest_frame().to_parquet(retrieval_run.manifest)
    assert main([str(retrieval_run.path), *arguments]) == 0
    second = pd.read_parquet(table)
    assert " that the sweep has labels for" in capsys.readouterr().out
    assert set(first["path"]) < set(second["path"])
    labels = second.set_index("path")["label"]
    assert labels[first["path"]].tolist() == first["label"].tolist()
    new = set(second["label"]) - set(first["label"])
    assert new and all(one.startswith("pseudo-") for one in new)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--top-classes", "3"], "--top-classes: the sweep is on identities"),
        (["--threshold", "1"], "no image gets an identity"),
    ],
)
def test_what_gives_no_identity_is_one_line(arguments, message, retrieval_run, people, capsys):
    assert main([str(retrieval_run.path), "--pseudo-label", str(people.others), *arguments]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (retrieval_run.path / "pseudo_labels.parquet").exists()


def test_images_that_the_sweep_has_all_of_are_refused(retrieval_run, people, capsys):
    assert main([str(retrieval_run.path), "--pseudo-label", str(people.path), "--threshold", "0.5"]) == 2
    assert "the sweep has all of these images already" in capsys.readouterr().err


def test_a_sweep_on_embedded_people_has_no_files_to_train_on_beside_them(retrieval_run, people, capsys):
    text = retrieval_run.space.read_text().replace(str(people.path), "figures")
    retrieval_run.space.write_text(text)
    assert main([str(retrieval_run.path), "--pseudo-label", str(people.others), "--threshold", "0.5"]) == 2
    assert "the images of figures are no files in a folder" in capsys.readouterr().err
