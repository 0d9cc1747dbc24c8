"""Which images look most alike to a sweep on identities: embeddings of a folder's images, and their pairs.

Shapes: N images that can be read, D dimensions, K nearest images of each.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from platform.datasets.preparation import unlabelled
from platform.datasets.images.decode import BadImage
from platform.datasets.sources.source import Source
from platform.datasets.preparation.unlabelled import read_blocks
from platform.training.evaluation.retrieval import Embeddings, nearest
from reports.deploy.chosen import Chosen
from platform.storage.whole_files import npz, read_npz, write_whole
from reports.deploy.resumable_output import Parts

PAIRS = "pairs"
"""The ``--format`` of sweeps on identities."""
NEIGHBOURS = 10
COLUMNS = ("path", "rank", "neighbour", "similarity")


@dataclass(frozen=True)
class Embedded:
    """A folder's images: ``paths`` [N] of those that can be read, their embeddings, and the others."""

    paths: tuple[str, ...]
    embeddings_ND: Embeddings
    bad: tuple[BadImage, ...]


def embed(
    chosen: Chosen,
    source: Source,
    paths: Sequence[str],
    parts: Parts,
    count: Callable[[int, int], None] | None = None,
) -> Embedded:
    """Every image's embedding, a block at a time: read where it is kept already, else made and kept."""
    good: list[str] = []
    bad: list[BadImage] = []
    embeddings: list[Embeddings] = []
    for start in range(0, len(paths), unlabelled.BLOCK):
        if count is not None:
            count(start, len(paths))
        some = paths[start : start + unlabelled.BLOCK]
        file = parts.file(source, some, is_first=not start).with_suffix(".npz")
        kept = read_npz(file)
        if kept is None:
            [block] = read_blocks(source, some, chosen.winner.kept, chosen.winner.classes)
            told = json.dumps([asdict(one) for one in block.bad]).encode()
            kept = {"good": block.good, "bad": np.frombuffer(told, dtype=np.uint8)}
            if len(block.good):
                kept["embeddings_ND"] = chosen.embeddings(block)
            write_whole(file, npz(kept))
        good += [some[place] for place in kept["good"]]
        bad += [BadImage(**one) for one in json.loads(kept["bad"].tobytes())]
        if "embeddings_ND" in kept:
            embeddings.append(kept["embeddings_ND"])
    if count is not None:
        count(len(paths), len(paths))
    made = np.concatenate(embeddings) if embeddings else np.empty((0, 0), dtype=np.float32)
    return Embedded(tuple(good), made, tuple(bad))


def pair_rows(found: Embedded, paths: Sequence[str], neighbours: int) -> Iterator[str]:
    """CSV with the COLUMNS: of each of the ``paths`` the most similar others, rank by rank.

    ``similarity``: the cosine of their embeddings, from -1 to 1. An image that cannot be read, or is the only
    one that can, has one row with nothing but its path.
    """
    places_NK, similarities_NK = nearest(found.embeddings_ND, neighbours)
    place_of = {path: place for place, path in enumerate(found.paths)}
    for start in range(0, len(paths), unlabelled.BLOCK):
        content = io.StringIO(newline="")
        table = csv.writer(content, lineterminator="\n")
        if not start:
            table.writerow(COLUMNS)
        for path in paths[start : start + unlabelled.BLOCK]:
            place = place_of.get(path)
            if place is None or not places_NK.shape[1]:
                table.writerow((path, "", "", ""))
                continue
            pairs = zip(places_NK[place], similarities_NK[place], strict=True)
            for rank, (other, similarity) in enumerate(pairs, start=1):
                table.writerow((path, rank, found.paths[other], float(similarity)))
        yield content.getvalue()
