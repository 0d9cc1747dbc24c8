"""Classes of two groups are divided, classes of one are not; images far from all others are named."""

import numpy as np
import pytest

from platform.datasets.audit.folder import AuditFolder
from platform.datasets.audit.labels.off_topic import SIGNIFICANT, find_halves
from platform.datasets.audit.labels.off_topic_stage import find_off_topic
from platform.datasets.audit.labels.stage import score_labels


def unit(points):
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def group(random, centre, size, spread=0.6):
    return centre + spread * random.normal(size=(size, len(centre)))


@pytest.fixture
def three_classes():
    """One of one group, one with a quarter of something else, and one too small to say."""
    random = np.random.default_rng(0)
    axes = 3 * np.eye(16)
    points = [
        group(random, axes[0], 120),
        group(random, axes[1], 90),
        group(random, axes[2], 30),
        group(random, axes[3], 8),
    ]
    return unit(np.concatenate(points)), np.repeat([0, 1, 1, 2], [120, 90, 30, 8])


def test_the_smaller_of_two_groups_is_found_and_one_group_is_left_alone(three_classes):
    embeddings, labels = three_classes
    found = find_halves(embeddings, labels, 3)
    assert found.separation_C[1] < SIGNIFICANT < found.separation_C[0]
    assert np.isnan(found.separation_C[2])
    assert np.flatnonzero(found.is_other_N).tolist() == list(range(210, 240))


def test_classes_of_one_group_are_rarely_divided():
    random = np.random.default_rng(1)
    labels = np.repeat(np.arange(60), 50)
    stretched = random.normal(size=(3000, 12)) * np.linspace(2, 0.2, 12)  # long, but one group
    found = find_halves(unit(stretched + 4 * np.eye(12)[labels % 12]), labels, 60)
    assert (found.separation_C < SIGNIFICANT).mean() < 0.05


def test_an_image_far_from_all_others_of_its_class_is_named(three_classes):
    embeddings, labels = three_classes
    embeddings = embeddings.copy()
    embeddings[5] = unit(-np.eye(16)[:1] - np.eye(16)[7:8])[0]
    found = find_halves(embeddings, labels, 3)
    assert found.is_far_N[5]
    assert found.is_far_N.mean() < 0.1


def test_the_stage_lists_both_halves_and_only_suggests_to_look(folder, digits, evidence):
    score_labels(folder, evidence)
    sevens = np.flatnonzero(digits.labels_N == 7)
    embeddings = digits.embeddings_ND.copy()
    strange = unit(np.ones((1, 64)) + 0.3 * np.random.default_rng(0).normal(size=(40, 64)))
    embeddings[sevens[:40]] = strange
    np.save(folder.embeddings_file, embeddings)
    notes = find_off_topic(folder)
    issues = folder.issues()
    off_topic = issues[issues["kind"] == "off_topic"]
    assert set(off_topic["suggestion"]) == {"look"}
    assert {f"{row:04d}.png" for row in sevens[:40]} <= set(off_topic["path"])
    assert notes["divided"] >= 1
    halves = pd_read(folder)
    assert set(halves["half"][halves["label"] == "digit 7"]) == {"larger", "smaller"}


def pd_read(folder: AuditFolder):
    import pandas as pd

    return pd.read_parquet(folder.halves_file)


def test_without_embeddings_the_stage_says_so(folder):
    folder.embeddings_file.unlink()
    assert "no embedding" in find_off_topic(folder)["refused"]
    assert folder.issues().empty
