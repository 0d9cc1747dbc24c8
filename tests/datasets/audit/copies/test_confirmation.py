"""Small pictures, and the proof on pixels that one is a copy of another."""

import io
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageOps

from platform.datasets.audit.copies.candidates import by_look, every_way
from platform.datasets.audit.copies.comparing.descriptors import descriptors, mirrored
from platform.datasets.audit.copies.comparing.small_pictures import small_pictures, within_border
from platform.datasets.audit.copies.evidence import evidence, evidence_of_pairs
from platform.datasets.audit.copies.groups import joined, stars
from platform.datasets.audit.copies.planted import PLANTED
from platform.datasets.audit.copies.same_scene import same_scenes, scene_findings
from platform.datasets.audit.scan.file_facts import as_thumbnail
from platform.datasets.audit.scan.measures import small


def seen(*pictures: Image.Image | None):
    thumbnails = [None if picture is None else as_thumbnail(small(picture)) for picture in pictures]
    return small_pictures(thumbnails, len(pictures))


def score_of(one: Image.Image, other: Image.Image) -> float:
    found, _ = evidence_of_pairs(seen(one, other), np.array([0]), np.array([1]))
    return float(found.score[0])


@pytest.mark.parametrize("kind", PLANTED)
def test_each_kind_of_planted_copy_is_proven(kind, make_picture):
    random = np.random.default_rng(3)
    pictures = [make_picture(seed, 180, 140) for seed in range(6)]
    assert min(score_of(picture, PLANTED[kind](picture, random)) for picture in pictures) > 0.85


def test_other_pictures_are_not(make_picture):
    pictures = [make_picture(seed) for seed in range(8)]
    assert max(score_of(one, other) for one, other in pairwise(pictures)) < 0.6


def test_the_window_of_a_crop_is_found(make_picture):
    picture = make_picture(5, 200, 160)
    crop = picture.crop((30, 8, 190, 136))
    found, _ = evidence_of_pairs(seen(picture, crop), np.array([0]), np.array([1]))
    window = found.laid.window_P4[0]
    assert window == pytest.approx([0.15, 0.05, 0.8, 0.8], abs=0.03)
    assert not found.laid.mirrored_P[0] and found.laid.host_P[0] == 0


def test_a_border_is_cut_off_and_a_picture_without_one_is_not(make_picture):
    picture = make_picture(1, 50, 40)
    bordered = np.asarray(ImageOps.expand(picture, (4, 2, 6, 3), (10, 200, 30)))
    assert within_border(bordered) == (4, 2, 54, 42)
    assert within_border(np.asarray(picture)) is None
    assert within_border(np.full((40, 40, 3), 9, np.uint8)) is None  # nothing would be left
    assert len(seen(Image.fromarray(bordered)).image_E) == 2


def test_pictures_of_one_colour_have_no_view():
    flat = Image.new("RGB", (80, 80), (30, 90, 200))
    noisy = Image.fromarray(np.random.default_rng(0).integers(99, 104, (80, 80, 3), dtype=np.uint8))
    found = seen(flat, noisy, None)
    assert found.plain_N.all() and len(found.image_E) == 0
    assert len(by_look(found, found.of(np.arange(3)), 0.8).laid) == 0
    assert len(evidence_of_pairs(found, np.array([0]), np.array([1]))[0]) == 0


def test_the_descriptor_of_a_mirrored_picture(make_picture):
    picture = make_picture(2, 48, 48)
    found = seen(picture, ImageOps.mirror(picture))
    both = descriptors(found, 0, slice(None))
    assert np.linalg.norm(both, axis=1) == pytest.approx(1, abs=1e-5)
    assert mirrored(both[:1])[0] @ both[1] > 0.999


def test_a_pair_is_proven_the_same_whatever_the_other_pairs_are(make_picture):
    pictures = seen(*(make_picture(seed) for seed in range(5)), make_picture(0).resize((70, 60)))
    alone = evidence_of_pairs(pictures, np.array([0]), np.array([5]))[0]
    ways = every_way(pictures, np.array([0, 1, 2, 3]), np.array([5, 4, 3, 5]))
    together = evidence(pictures, ways)
    place = np.flatnonzero((together.one == 0) & (together.other == 5))
    assert together.score[place] == pytest.approx(alone.score, abs=1e-4)


def test_many_copies_of_one_picture_are_one_group(make_picture):
    """More than each image's nearest few: single rounds would leave several stars."""
    picture, random = make_picture(4), np.random.default_rng(0)
    copies = [PLANTED["re-encoded"](picture, random) for _ in range(30)]
    pictures = seen(picture, *copies, *(make_picture(seed) for seed in range(50, 60)))
    rank_N = np.arange(41)
    alike = by_look(pictures, pictures.of(rank_N), 0.9)
    first = stars(evidence(pictures, alike.laid).at_least(0.9), rank_N)
    assert len(first.settled()) > 1
    found = joined(first, pictures, rank_N, 0.9, 0.9)
    assert found.settled().tolist() == [0]
    assert (found.centre_N[:31] == 0).all() and (found.centre_N[31:] == rank_N[31:]).all()
    proofs = found.proof_N[1:31]
    assert (found.proofs.one[proofs] == 0).all()
    assert found.proofs.other[proofs].tolist() == list(range(1, 31))


def test_scenes_are_said_to_be_no_proof():
    random = np.random.default_rng(0)
    vectors = random.standard_normal((40, 32))
    vectors[1] = vectors[0] + 0.1 * random.standard_normal(32)
    vectors[5] = 0
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    labels = np.array(["a", "a"] + ["b"] * 38, dtype=object)
    scenes = same_scenes(vectors.astype(np.float16), np.arange(40), labels)
    assert (scenes.one.tolist(), scenes.other.tolist(), scenes.recall) == ([0], [1], 1.0)
    images = pd.DataFrame({"path": [f"{place}.jpg" for place in range(40)]})
    (found,) = scene_findings(scenes, images, np.arange(40))
    assert (found.path, found.kind, found.suggestion, found.group) == (
        "1.jpg",
        "near_duplicate",
        "look",
        None,
    )
    assert found.score < 0.5
    assert found.why.startswith("same scene as 0.jpg, perhaps: embeddings' cosine 0.99")
    assert list(scene_findings(scenes, images, np.zeros(40, int))) == []


def test_a_thumbnail_is_read_as_rgb():
    kept = io.BytesIO()
    Image.new("L", (20, 20), 5).save(kept, "PNG")
    assert small_pictures([kept.getvalue()], 1).plain_N.tolist() == [True]
