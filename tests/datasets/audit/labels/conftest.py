"""Digits with wrong labels of known places, and an audit folder that holds them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from platform.datasets.audit.folder import AuditFolder
from platform.datasets.audit.labels.evidence import LabelEvidence


@dataclass(frozen=True)
class NoisyDigits:
    """``labels_N``: as given; ``clean_N``: true ones; ``embeddings_ND``: centred pixels of unit length."""

    labels_N: np.ndarray
    clean_N: np.ndarray
    embeddings_ND: np.ndarray

    @property
    def wrong_N(self):
        return self.labels_N != self.clean_N


@pytest.fixture(scope="session")
def digits():
    """1,797 digits of which 15 % have a label drawn at random."""
    pictures, clean = load_digits(return_X_y=True)
    clean = clean.astype(np.int64)
    random = np.random.default_rng(3)
    labels = clean.copy()
    wrong = random.permutation(len(clean))[: round(0.15 * len(clean))]
    labels[wrong] = (clean[wrong] + random.integers(1, 10, len(wrong))) % 10
    centred = pictures - pictures.mean(axis=0)
    embeddings = (centred / np.linalg.norm(centred, axis=1, keepdims=True)).astype(np.float16)
    return NoisyDigits(labels, clean, embeddings)


@pytest.fixture
def folder(tmp_path, digits):
    """The audit of the digits, of which two are not for training or not readable, and one has no label."""
    labels = pd.array([f"digit {label}" for label in digits.labels_N], dtype="string")
    labels[2] = None
    images = pd.DataFrame(
        {
            "path": [f"{place:04d}.png" for place in range(len(labels))],
            "label": labels,
            "split": ["test", *["train"] * (len(labels) - 1)],
            "readable": [True, False, *[True] * (len(labels) - 2)],
        }
    )
    folder = AuditFolder(tmp_path / "audit")
    folder.path.mkdir()
    images.to_parquet(folder.images_file)
    np.save(folder.embeddings_file, digits.embeddings_ND)
    return folder


@pytest.fixture
def evidence(digits):
    return LabelEvidence(digits.embeddings_ND, {"kind": "timm"})
