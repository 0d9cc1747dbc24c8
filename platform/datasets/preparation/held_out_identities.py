"""Hold out identities for val and test, and choose the queries among their images.

Identities of val and test are not in train: retrieval is evaluated on people that no trial has learnt.
n: images of one identity.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from platform.datasets.arrays import Ints
from platform.datasets.errors import DataError, counted
from platform.datasets.preparation.class_codes import sorted_names
from platform.datasets.tables.identity_layout import GALLERY, JUNK, QUERY

FEWEST = 2
"""Identities that a split needs at least: a single one cannot be told from others."""


def hold_out_identities(
    rows: pd.DataFrame, split: str, share: float, queries: int, random: np.random.Generator
) -> pd.DataFrame:
    """Move ``share`` of the training identities to ``split``, as queries and gallery.

    Only identities seen by several cameras are held out: round(share * their number), at least two.
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
    """Which images [n] of an identity become queries, given their cameras; the others are its gallery.

    ``queries`` images of each camera. Cameras with no more images than that are taken in random order: the
    first gives all its images to the gallery, the second gives all as queries, and so on. So if several
    cameras saw the identity, every query has an image by another camera in the gallery.
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
    """Names of the training identities, and of the others without junk; sorted. Raises :class:`DataError`."""
    is_train = rows["split"] == "train"
    learnt = sorted_names(rows["label"][is_train])
    if len(learnt) < FEWEST:
        left = counted(len(learnt), "identity is", "identities are")
        raise DataError(f"data.source: {source}: {left} left for training, but at least {FEWEST} are needed")
    return learnt, sorted_names(set(rows["label"][~is_train]) - {JUNK})


def refuse_hopeless_queries(rows: pd.DataFrame, source: str) -> None:
    """Raise :class:`DataError` if no query of the source's val or test split has a match in the gallery."""
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
