"""Finds the most similar images by the winner of a sweep on identities: embeddings and their nearest pairs.

Shapes: N images that can be read, D dimensions, K nearest images of each.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from platform.datasets.images.decode import BadImage
from platform.datasets.preparation import unlabelled
from platform.datasets.preparation.unlabelled import read_blocks
from platform.datasets.sources.source import Source
from platform.datasets.tables.spreadsheet_cells import quoting, safe_cell
from platform.storage.whole_files import npz, read_npz, write_whole
from platform.training.evaluation.retrieval import Embeddings, nearest
from reports.deploy.chosen import Chosen
from reports.deploy.resumable_output import ResumableOutput

PAIRS = "pairs"
"""The ``--format`` of sweeps on identities."""
NEIGHBOURS = 10
COLUMNS = ("path", "rank", "neighbour", "similarity")


@dataclass(frozen=True)
class Embedded:
    """``paths`` [N] of the images that can be read, their embeddings, and the ``bad`` others."""

    paths: tuple[str, ...]
    embeddings_ND: Embeddings
    bad: tuple[BadImage, ...]


def embed(
    chosen: Chosen,
    source: Source,
    paths: Sequence[str],
    output: ResumableOutput,
    count: Callable[[int, int], None] | None = None,
) -> Embedded:
    """Embed every image, block by block; blocks that an earlier, killed run kept are read."""
    good: list[str] = []
    bad: list[BadImage] = []
    embeddings: list[Embeddings] = []
    for start in range(0, len(paths), unlabelled.BLOCK):
        if count is not None:
            count(start, len(paths))
        some = paths[start : start + unlabelled.BLOCK]
        file = output.file(source, some, is_first=not start).with_suffix(".npz")
        kept = read_npz(file)
        if kept is None:
            [block] = read_blocks(source, some, chosen.winner.kept, chosen.winner.classes)
            bad_json = json.dumps([asdict(one) for one in block.bad]).encode()
            kept = {"good": block.good, "bad": np.frombuffer(bad_json, dtype=np.uint8)}
            if len(block.good):
                kept["embeddings_ND"] = chosen.embeddings(block)
            write_whole(file, npz(kept))
        good += [some[place] for place in kept["good"]]
        bad += [BadImage(**one) for one in json.loads(kept["bad"].tobytes())]
        if "embeddings_ND" in kept:
            embeddings.append(kept["embeddings_ND"])
    if count is not None:
        count(len(paths), len(paths))
    embeddings_ND = np.concatenate(embeddings) if embeddings else np.empty((0, 0), dtype=np.float32)
    return Embedded(tuple(good), embeddings_ND, tuple(bad))


def pair_rows(found: Embedded, paths: Sequence[str], neighbours: int) -> Iterator[str]:
    """CSV with the COLUMNS: for each path its most similar other images, rank by rank.

    ``similarity``: the cosine of their embeddings, from -1 to 1. An image that cannot be read, or that has no
    other to be compared with, has one row with its path alone.
    """
    places_NK, similarities_NK = nearest(found.embeddings_ND, neighbours)
    place_of = {path: place for place, path in enumerate(found.paths)}
    for start in range(0, len(paths), unlabelled.BLOCK):
        content = io.StringIO(newline="")
        table = csv.writer(content, lineterminator="\n", quoting=quoting(paths))
        if not start:
            table.writerow(COLUMNS)
        for path in paths[start : start + unlabelled.BLOCK]:
            place = place_of.get(path)
            if place is None or not places_NK.shape[1]:
                table.writerow((safe_cell(path), "", "", ""))
                continue
            pairs = zip(places_NK[place], similarities_NK[place], strict=True)
            for rank, (other, similarity) in enumerate(pairs, start=1):
                table.writerow((safe_cell(path), rank, safe_cell(found.paths[other]), float(similarity)))
        yield content.getvalue()
