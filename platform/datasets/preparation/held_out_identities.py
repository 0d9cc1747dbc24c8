"""Which identities are learnt, which are held out, and which images of those are queries.

Whoever is in val or test is not in train: retrieval is asked about people that nobody has learnt. n: images
of one identity.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from platform.datasets.class_codes import sorted_names
from platform.datasets.errors import DataError, counted
from platform.datasets.tables.identity_layout import GALLERY, JUNK, QUERY
from platform.datasets.splits import Ints

FEWEST = 2
"""Identities that a split needs: with one there is nothing to tell it from."""


def hold_out_identities(
    rows: pd.DataFrame, split: str, share: float, queries: int, random: np.random.Generator
) -> pd.DataFrame:
    """``rows`` with ``share`` of the training identities in ``split`` instead, as queries and gallery.

    Only identities that several cameras saw are held out: round(share * so many), and two at least.
    ``rows`` has ``label``, ``camera``, ``split`` and ``role``. Raises :class:`DataError`.
    """
    is_train = rows["split"] == "train"
    cameras = rows[is_train].groupby("label")["camera"].nunique()  # sorted by identity
    candidates = cameras.index[cameras > 1].to_numpy(dtype=object)
    count = max(round(share * len(candidates)), FEWEST)
    if len(candidates) < FEWEST or len(cameras) - count < FEWEST:
        what = "identity to learn from was" if len(candidates) == 1 else "identities to learn from were"
        raise DataError(
            f"data.{split}_share: {len(candidates):,} of {len(cameras):,} {what} seen by several cameras; "
            f"{share:g} of them for {split} would be {count:,}, and {FEWEST} must be left to learn from"
        )
    chosen = set(random.permutation(candidates)[:count])
    moved = rows.assign(split=rows["split"].mask(is_train & rows["label"].isin(chosen), split))
    role = moved["role"].to_numpy(dtype=object)
    for _, images in moved[moved["split"] == split].groupby("label"):
        places = np.asarray(moved.index.get_indexer(images.index), dtype=np.int64)
        is_query = choose_queries(images["camera"].to_numpy(dtype=np.int64), queries, random)
        role[places] = np.where(is_query, QUERY, GALLERY)
    return moved.assign(role=role)


def choose_queries(cameras_n: Ints, queries: int, random: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Which images [n] of an identity are queries, given the camera of each; the others are its gallery.

    ``queries`` images of each camera. A camera with no more than that gives all of its images, and in a
    random order of these cameras the first to the gallery, the second as queries, and so on. So where
    several cameras saw the identity, each query finds it in the gallery under another camera.
    """
    is_query_n = np.zeros(len(cameras_n), dtype=np.bool_)
    order = random.permutation(len(cameras_n))
    all_are_queries = False
    for camera in random.permutation(np.unique(cameras_n)):
        images = order[cameras_n[order] == camera]
        if len(images) > queries:
            is_query_n[images[:queries]] = True
        else:
            is_query_n[images] = all_are_queries
            all_are_queries = not all_are_queries
    return is_query_n


def identity_names(rows: pd.DataFrame, source: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Those that are learnt, and the others but junk; each sorted. Raises :class:`DataError`."""
    is_train = rows["split"] == "train"
    learnt = sorted_names(rows["label"][is_train])
    if len(learnt) < FEWEST:
        left = counted(len(learnt), "identity is", "identities are")
        raise DataError(f"data.source: {source}: {left} left to learn from, and at least {FEWEST} are needed")
    return learnt, sorted_names(set(rows["label"][~is_train]) - {JUNK})


def refuse_hopeless_queries(rows: pd.DataFrame, source: str) -> None:
    """Raise :class:`DataError` for a val or test split of the source's in which no query finds anybody."""
    for split in ("val", "test"):
        held = rows[(rows["split"] == split) & (rows["label"] != JUNK)]
        queries, gallery = (held[held["role"] == role][["label", "camera"]] for role in (QUERY, GALLERY))
        if not len(queries):
            continue
        pairs = queries.drop_duplicates().merge(
            gallery.drop_duplicates(), on="label", suffixes=("", "_there")
        )
        if not (pairs["camera"] != pairs["camera_there"]).any():
            raise DataError(
                f"data.source: {source}: none of {counted(len(queries), 'query', 'queries')} has an image of "
                "its identity by another camera in the gallery"
            )
