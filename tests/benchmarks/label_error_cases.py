"""Labels with known errors and features of their images: a part of ``label_errors``.

N: images, D: dimensions.
"""

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from sklearn.datasets import load_digits

from platform.datasets.arrays import Ints
from platform.datasets.preparation.look_alikes import runner_up_classes

from .patch_features import patch_features

SIDE = 32
KEPT = 256
PEOPLE = ("aggre", "random1", "worse")
"""CIFAR-10N's labels: the majority of three people, one person's, and the worst of three."""


@dataclass(frozen=True)
class Case:
    name: str
    embeddings_ND: npt.NDArray[np.float16]
    labels_N: Ints
    clean_N: Ints

    @property
    def wrong_N(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.labels_N != self.clean_N)

    @property
    def classes(self) -> int:
        return int(self.clean_N.max()) + 1


def cases(data: Path | None, images: int, words: int) -> Iterator[Case]:
    """Digits; with ``data``, the first ``images`` of CIFAR-10N under three sets of labels, and birds."""
    yield from digits()
    if data is not None:
        yield from cifar(data / "cifar10n.zip", images, words)
        yield from birds(data / "birds.zip", words)


def digits() -> Iterator[Case]:
    """Pixels; errors drawn at random, and look-alikes by a linear model."""
    pictures_ND, clean = load_digits(return_X_y=True)
    clean = clean.astype(np.int64)
    embeddings = unit(torch.from_numpy(pictures_ND).float())
    yield Case("digits, random 20 %", embeddings, _random(clean, 0.2), clean)
    lookalikes = runner_up_classes(clean, pictures_ND, np.random.default_rng(0))
    yield Case("digits, look-alikes 20 %", embeddings, _mixed(clean, lookalikes, 0.2, 1.0), clean)


def cifar(file: Path, images: int, words: int) -> Iterator[Case]:
    """Labels by people; features by a dictionary of patches, which knows no labels."""
    with zipfile.ZipFile(file) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("train_labels.csv").decode())))[:images]
        pictures = np.stack([_picture(archive.read(row["path"])) for row in rows])
    embeddings = unit(patch_features(pictures, words))
    names = sorted({row["clean"] for row in rows})
    clean, *given = (np.array([names.index(row[key]) for row in rows]) for key in ("clean", *PEOPLE))
    for name, labels in zip(PEOPLE, given, strict=True):
        yield Case(f"CIFAR-10N {name}", embeddings, labels, clean)


def birds(file: Path, words: int) -> Iterator[Case]:
    """50 species at 32 px, 15 % of the labels wrong: half at random, half of the nearest species."""
    with zipfile.ZipFile(file) as archive:
        paths = sorted(name for name in archive.namelist() if "train/" in name and name.endswith(".jpg"))
        pictures = np.stack([_picture(archive.read(path)) for path in paths])
    names = sorted({Path(path).parent.name for path in paths})
    clean = np.array([names.index(Path(path).parent.name) for path in paths])
    features = patch_features(pictures, words)
    embeddings = unit(features)
    lookalikes = runner_up_classes(clean, embeddings.astype(np.float64), np.random.default_rng(0))
    yield Case("birds, both kinds 15 %", embeddings, _mixed(clean, lookalikes, 0.15, 0.5), clean)


def unit(features_ND: torch.Tensor) -> npt.NDArray[np.float16]:
    """Centred, on the axes of the largest variance, of unit length: as an audit keeps embeddings."""
    centred = features_ND - features_ND.mean(0)
    _, axes = torch.linalg.eigh(centred.T @ centred)
    turned = torch.nn.functional.normalize(centred @ axes[:, -KEPT:])
    return turned.numpy().astype(np.float16)


def _picture(content: bytes) -> npt.NDArray[np.uint8]:
    with Image.open(io.BytesIO(content)) as picture:
        return np.asarray(picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX))


def _random(clean: Ints, rate: float) -> Ints:
    random = np.random.default_rng(1)
    labels = clean.copy()
    chosen = random.permutation(len(clean))[: round(rate * len(clean))]
    labels[chosen] = (clean[chosen] + random.integers(1, clean.max() + 1, len(chosen))) % (clean.max() + 1)
    return labels


def _mixed(clean: Ints, lookalikes: Ints, rate: float, share: float) -> Ints:
    """A ``share`` of the errors are look-alikes, the others drawn at random."""
    labels = _random(clean, rate)
    wrong = np.flatnonzero(labels != clean)
    chosen = np.random.default_rng(2).permutation(wrong)[: round(share * len(wrong))]
    labels[chosen] = lookalikes[chosen]
    return labels
