"""Contenders of the benchmark of near duplicates: each scores all pairs of some images. N: images."""

import io
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import imagehash
import numpy as np
import numpy.typing as npt
import pandas as pd
from cleanvision import Imagelab
from PIL import Image

from platform.datasets.audit.copies.calibration import Reading, calibrated
from platform.datasets.audit.copies.candidates import by_hash, by_look
from platform.datasets.audit.copies.comparing.alignment import Laid
from platform.datasets.audit.copies.comparing.small_pictures import small_pictures
from platform.datasets.audit.copies.evidence import evidence
from platform.datasets.audit.copies.exact import kept_of_equals
from platform.datasets.audit.scan.one_image import READING, rows_of
from platform.datasets.sources.source import FolderSource


@dataclass(frozen=True)
class Found:
    """``scores`` [N, N]: how sure it is that two images are copies (upper triangle).

    Attributes:
        threshold: From here on a pair is called copies; below 0: the best one, in hindsight.
    """

    scores: npt.NDArray[np.float32]
    threshold: float
    remarks: tuple[str, ...] = ()


def ours(root: Path, paths: Sequence[str]) -> Found:
    """As the stage ``copies`` of an audit finds them, threshold and all."""
    source = FolderSource(root, str(root))
    images = pd.DataFrame(rows_of(source, paths, READING))
    for name in ("phash", "phash_mirrored", "dhash", "dhash_mirrored"):
        images[name] = images[name].astype(np.uint64)
    equal_N = kept_of_equals(images)
    is_first = equal_N == np.arange(len(images))
    thumbnails = [
        picture if first else None for picture, first in zip(images["picture"], is_first, strict=True)
    ]
    pictures = small_pictures(thumbnails, len(images))
    labels = np.array([path.split("/")[-2] for path in paths], dtype=object)
    calibration = calibrated(pictures, list(paths), labels, Reading(source, READING))
    rows = np.flatnonzero(~pictures.plain_N)
    alike = by_look(pictures, pictures.of(rows), calibration.closeness)
    proofs = evidence(pictures, Laid.joined([by_hash(images, rows, pictures), alike.laid]))
    between = np.zeros((len(paths), len(paths)), dtype=np.float32)
    between[proofs.one, proofs.other] = between[proofs.other, proofs.one] = proofs.score
    scores = between[np.ix_(equal_N, equal_N)]
    scores[equal_N[:, None] == equal_N[None]] = 1.0
    notes = calibration.notes()
    names = ("threshold", "closeness", "false rate of random pairs", "false rate of nearest pairs")
    said = ", ".join(f"{name} {notes[name]}" for name in names)
    found = [f"calibrated: {said}; {len(proofs):,} pairs compared on pixels"]
    return Found(scores, calibration.score, tuple(found))


def phash(root: Path, paths: Sequence[str]) -> Found:
    """ImageHash's pHash: the fewer of the 64 bits differ, the surer."""
    bits = np.array([imagehash.phash(Image.open(root / path)).hash.reshape(-1) for path in paths])
    packed = np.packbits(bits, axis=1).view(np.uint64)[:, 0]
    return Found(64 - np.bitwise_count(packed[:, None] ^ packed[None]).astype(np.float32), -1.0)


def cleanvision(root: Path, paths: Sequence[str]) -> Found:
    """CleanVision's sets of exact and near duplicates: a pair is in one, or not."""
    files = [str(root / path) for path in paths]
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        lab = Imagelab(filepaths=files)
        lab.find_issues({"exact_duplicates": {}, "near_duplicates": {}}, n_jobs=1, verbose=False)
    place = {file: number for number, file in enumerate(files)}
    scores = np.zeros((len(paths), len(paths)), dtype=np.float32)
    for kind, sure in (("near_duplicates", 0.5), ("exact_duplicates", 1.0)):
        for group in lab.info[kind]["sets"]:
            members = [place[file] for file in group]
            scores[np.ix_(members, members)] = sure
    return Found(scores, 0.5)


FINDERS: dict[str, Callable[[Path, Sequence[str]], Found]] = {
    "ours": ours,
    "pHash": phash,
    "CleanVision": cleanvision,
}
