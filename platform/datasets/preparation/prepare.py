"""From the ``data`` section of a YAML to data that is ready to be learnt from."""

import hashlib
import json
import os
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from platform.datasets.preparation.manifest import UNKNOWN, Arranged, arrange
from platform.datasets.preparation.data import Data, Summary
from platform.datasets.data_config import DataConfig
from platform.datasets.images.decode import Decode, Decoded, DecodeJob, Facts, Progress, decode_here
from platform.datasets.errors import DataError, counted, listed
from platform.datasets.geometry import KeptSize
from platform.datasets.image_size import SizeLike
from platform.datasets.images.normalise import Colour
from platform.datasets.preparation.picture_features import picture_features
from platform.datasets.preparation.listing import list_images
from platform.datasets.splits import SPLITS

__all__ = ["Summary", "inspect", "kept_size", "prepare", "save_bad_images", "save_manifest"]


def prepare(
    config: DataConfig,
    image_size: SizeLike,
    *,
    decode: Decode = decode_here,
    progress: Progress | None = None,
) -> Data:
    """Read the labels, decode every image, make splits, imbalance and noise.

    ``image_size`` (px) covers all that a trial will use: images are kept no larger than it needs.
    ``progress`` is told (images decoded, images in all). Raises :class:`DataError`.
    """
    listing = list_images(config)
    arrange(listing.rows, config, listing.default_test_share)  # finds what is wrong before the long part
    paths = tuple(listing.rows["path"])
    decoded = decode(DecodeJob(listing.source, paths, kept_size(config, image_size), progress))
    _refuse_too_many_bad(decoded, len(paths), config)
    readable = listing.rows.iloc[decoded.good].reset_index(drop=True)
    features = partial(picture_features, decoded.images)
    arranged = arrange(readable, config, listing.default_test_share, features)
    mean, std = _colour(decoded.facts, arranged, config)
    return Data(
        manifest=arranged.manifest,
        classes=arranged.classes,
        images=decoded.images.take(arranged.kept),
        bad=decoded.bad,
        digest=_digest(arranged, decoded.facts),
        mean=mean,
        std=std,
        val_label=config.val_label,
        shots=(config.many_shot, config.few_shot),
        held_out=arranged.held_out,
    )


def inspect(config: DataConfig) -> Summary:
    """What :func:`prepare` would make if every image could be read. No image is opened."""
    listing = list_images(config)
    arranged = arrange(listing.rows, config, listing.default_test_share)
    manifest = arranged.manifest
    counts = manifest["split"].value_counts()
    rows = {split: int(counts[split]) for split in SPLITS if split in counts}
    unlabelled = int(((manifest["split"] == "train") & (manifest["label"] == UNKNOWN)).sum())
    return Summary(config.source, listing.reader, arranged.classes, rows, unlabelled)


def save_manifest(data: Data, path: Path) -> None:
    """Write :meth:`Data.manifest_frame` as Parquet, whole or not at all."""
    _write(data.manifest_frame(), path, "parquet")


def save_bad_images(data: Data, path: Path) -> None:
    """Write the files that were left out as CSV with the columns ``path`` and ``reason``."""
    rows = [(image.path, image.reason) for image in data.bad]
    _write(pd.DataFrame(rows, columns=["path", "reason"]), path, "csv")


def _write(frame: pd.DataFrame, path: Path, kind: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if kind == "csv":
            frame.to_csv(temporary, index=False)
        else:
            frame.to_parquet(temporary, index=False)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def kept_size(config: DataConfig, image_size: SizeLike) -> KeptSize:
    """How large images are kept for trials of up to ``image_size`` px."""
    if config.decode_size == "auto":
        return KeptSize.automatic(image_size)
    return KeptSize.exactly(config.decode_size)


def _refuse_too_many_bad(decoded: Decoded, images: int, config: DataConfig) -> None:
    share = len(decoded.bad) / images
    if decoded.bad and (share > config.max_bad or len(decoded.bad) == images):
        named = listed([f"{image.path} ({image.reason})" for image in decoded.bad], 3)
        raise DataError(
            f"data.source: {config.source}: {len(decoded.bad):,} of {counted(images, 'image')} "
            f"({share:.1%}) cannot be read, more than data.max_bad ({config.max_bad:.1%}): {named}"
        )


def _colour(facts: Facts, arranged: Arranged, config: DataConfig) -> tuple[Colour, Colour]:
    """Mean and standard deviation of each channel over all pixels of the training images, as kept."""
    is_train = (arranged.manifest["split"] == "train").to_numpy()
    rows = arranged.kept[is_train]
    pixels = facts.shapes_K2[rows].prod(axis=1).sum()
    first, second = (facts.moments_K32[rows].sum(axis=0) / pixels).T
    mean, std = first / 255, np.sqrt(second - first**2) / 255
    if not (std > 0).all():
        raise DataError(f"data.source: all training images of {config.source} are of one flat colour")
    return _three(mean), _three(std)


def _three(values: np.ndarray) -> Colour:
    red, green, blue = (float(value) for value in values)
    return red, green, blue


def _digest(arranged: Arranged, facts: Facts) -> str:
    sha = hashlib.sha256(json.dumps(arranged.classes).encode())
    names = ["path", "label", "clean", "split"]
    if arranged.held_out:  # of classification data cameras and roles say nothing
        sha.update(json.dumps(arranged.held_out).encode())
        names += ["camera", "role"]
    columns = arranged.manifest[names].itertuples(index=False, name=None)
    for row, content in zip(columns, facts.digests[arranged.kept], strict=True):
        sha.update(json.dumps(row).encode())
        sha.update(content.tobytes())
    return sha.hexdigest()
