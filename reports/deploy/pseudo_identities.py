"""Finds identities in unlabelled images: ``--pseudo-label FOLDER`` for a sweep on identities.

The winner embeds the images. Two images are linked if each is among the other's nearest neighbours
(k-reciprocal neighbours, Zhong et al., CVPR 2017) and their similarity is high enough; identities are the
connected components. They become training rows of the next sweep (as in the clustering of Fan et al., TOMM
2018), beside this sweep's rows; val and test do not change.

Shapes: N images, K nearest of each, P mutual pairs.
"""

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from platform.config.load import load_space
from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.unlabelled import image_paths
from platform.datasets.sources.source import Source
from platform.datasets.tables.identity_layout import JUNK
from platform.training.evaluation.retrieval import Embeddings, Numbers, nearest
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from reports.deploy.chosen import load_chosen
from reports.deploy.neighbours import NEIGHBOURS, PAIRS, Embedded, embed
from reports.deploy.predict import Count, Say, bad_images, check_writable, refuse_inside
from reports.deploy.pseudo_label import FILE, PseudoLabels, folder_of, own_rows, write_table
from reports.deploy.resumable_output import ResumableOutput
from reports.evaluation.checkpoints import ReportError

Similarities = npt.NDArray[np.float64]
TakenPairs = Callable[[Similarities], npt.NDArray[np.bool_]]
"""Maps similarities [P] of mutual pairs to [P]: whether the pair is one identity."""


@dataclass(frozen=True)
class Pairs:
    """Places [P, 2] of images that are each among the other's nearest, and their similarities [P]."""

    places_P2: Numbers
    similarities_P: Similarities


def at_least(threshold: float) -> TakenPairs:
    """Take all pairs of at least this cosine similarity."""
    return lambda similarities_P: similarities_P >= threshold


def most_similar(share: float) -> TakenPairs:
    """Take this share of the pairs, rounded up: the most similar, and all that tie with the last of them."""

    def take(similarities_P: Similarities) -> npt.NDArray[np.bool_]:
        count = math.ceil(share * len(similarities_P) - 1e-9)  # 0.3 * 10 is a little more than 3
        return similarities_P >= np.sort(similarities_P)[-count] if count else similarities_P > np.inf

    return take


def mutual_pairs(embeddings_ND: Embeddings, neighbours: int = NEIGHBOURS) -> Pairs:
    """Pairs of images that are each among the other's ``neighbours`` nearest; each pair once."""
    places_NK, similarities_NK = nearest(embeddings_ND, neighbours)
    own_NK = np.broadcast_to(np.arange(len(places_NK))[:, None], places_NK.shape)
    pairs = pd.DataFrame(
        {
            "one": np.minimum(own_NK, places_NK).ravel(),
            "other": np.maximum(own_NK, places_NK).ravel(),
            "similarity": similarities_NK.ravel(),
        }
    )
    mutual = pairs[pairs.duplicated(["one", "other"])].sort_values(["one", "other"])
    return Pairs(mutual[["one", "other"]].to_numpy(dtype=np.int64), mutual["similarity"].to_numpy())


def identities(images: int, pairs: Pairs, take: TakenPairs) -> tuple[Numbers, Similarities]:
    """Each image's identity [N], and the similarity [N] of its most similar taken pair.

    Identities are numbered from 0 in the order of the images. An image without one has -1 and NaN.
    """
    is_taken_P = take(pairs.similarities_P)
    one_T, other_T = pairs.places_P2[is_taken_P].T
    graph = coo_array((np.ones(len(one_T)), (one_T, other_T)), shape=(images, images))
    _, component_N = connected_components(graph, directed=False)
    best_N = np.full(images, -np.inf)
    for ends_T in (one_T, other_T):
        np.maximum.at(best_N, ends_T, pairs.similarities_P[is_taken_P])
    has_one_N = np.isfinite(best_N)
    identity_N = np.full(images, -1, dtype=np.int64)
    identity_N[has_one_N] = pd.factorize(component_N[has_one_N])[0]
    return identity_N, np.where(has_one_N, best_N, np.nan)


def pseudo_identities(
    run_folder: Path,
    source: Source,
    take: TakenPairs,
    out: Path | None = None,
    *,
    progress: Say | None = None,
    count: Count | None = None,
) -> PseudoLabels:
    """Write a table for the next sweep's ``data.source``, to be read with ``data.identities``.

    Columns: ``path`` (absolute), ``label``, ``clean`` if any is known, ``camera`` (-1, unknown, in new rows),
    ``role``, ``split`` and, in new rows, ``similarity``: that of their most similar pair. Images that the
    sweep already has are left out. ``out`` is pseudo_labels.parquet in the sweep's folder unless given. A run
    that was cut short goes on.

    Raises:
        UserError: there are no images, or no two are similar enough; a table cannot name the images (they are
            in a zip); there is no winner.
    """
    folder = SweepFolder(run_folder)
    config = load_space(folder.space, SweepConfig, fixed=SWEEP_FIELDS).first().data
    refuse_inside(source, out)
    root = folder_of(source)
    own, notices = _own(folder, config)
    paths = image_paths(source)
    there = set(own["path"])
    new = [path for path in paths if _absolute(root, path) not in there]
    if not new:
        raise ReportError(f"{source}: the sweep has all of these images already; name a folder with others")
    chosen = load_chosen(folder, progress or (lambda _: None))
    file = folder.path / FILE if out is None else out
    check_writable(file)
    output = ResumableOutput(file, [chosen.winner.model_dump_json(), PAIRS])
    found = embed(chosen, source, new, output, count)
    if not found.paths:
        output.remove()
        raise ReportError(f"{source}: no image can be read: {bad_images(found.bad)}")
    rows = _rows(found, take, root, set(own["label"]))
    if not len(rows):
        raise ReportError(
            f"{source}: no image gets an identity: no two are each other's nearest and similar enough; "
            "lower --threshold or raise --top-share"
        )
    table = pd.concat([own, rows], ignore_index=True).dropna(axis="columns", how="all")
    write_table(table, file)
    output.remove()
    return PseudoLabels(
        file,
        chosen,
        len(paths),
        len(rows),
        int(rows["label"].nunique()),
        len(paths) - len(new),
        len(own),
        found.bad,
        tuple(notices),
        are="identities",
        has_clean="clean" in table,
    )


def _own(folder: SweepFolder, config: DataConfig) -> tuple[pd.DataFrame, list[str]]:
    """The sweep's rows, and notices about them."""
    own, notices = own_rows(folder, config, ["path", "label", "clean", "camera", "role", "split"])
    if not len(own):
        raise ReportError(
            f"--pseudo-label: the images of {config.source} are no files in a folder, so a table cannot name "
            "them, and the next sweep would have no identities of known cameras to hold out; unpack a zip"
        )
    if config.test_share:
        notices.append("the table has this sweep's test split: leave data.test_share out")
    return own.assign(label=own["label"].fillna(JUNK)), notices


def _rows(found: Embedded, take: TakenPairs, root: str, taken: set[str]) -> pd.DataFrame:
    """Training rows of the images that get an identity; its name is new to the sweep."""
    identity_N, similarity_N = identities(len(found.paths), mutual_pairs(found.embeddings_ND), take)
    names = _names(int(identity_N.max()) + 1, taken)
    rows = [
        {"path": _absolute(root, path), "label": names[identity], "similarity": similarity}
        for path, identity, similarity in zip(found.paths, identity_N, similarity_N, strict=True)
        if identity >= 0
    ]
    return pd.DataFrame(rows).assign(camera=-1, role="", split="train") if rows else pd.DataFrame()


def _names(count: int, taken: set[str]) -> list[str]:
    def free() -> Iterator[str]:
        number = 0
        while True:
            number += 1
            name = f"pseudo-{number:06d}"
            if name not in taken:
                yield name

    return [name for _, name in zip(range(count), free(), strict=False)]


def _absolute(root: str, path: str) -> str:
    return os.path.normpath(f"{root}/{path}")
