"""Prepare the data of a ``data`` section: labels, decoded images, splits, imbalance, noise."""

import hashlib
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from platform.datasets.data_config import DataConfig
from platform.datasets.errors import DataError, counted, listed
from platform.datasets.geometry import KeptSize
from platform.datasets.image_size import Size, SizeLike
from platform.datasets.images.decode import Decode, Decoded, DecodeJob, Facts, Progress, decode_here
from platform.datasets.images.normalise import Colour
from platform.datasets.images.sizes import sizes_of_some
from platform.datasets.preparation.class_codes import UNKNOWN
from platform.datasets.preparation.data import Data, Summary
from platform.datasets.preparation.listing import Listing, list_images
from platform.datasets.preparation.manifest import Manifest, make_manifest
from platform.datasets.preparation.picture_features import picture_features
from platform.datasets.preparation.remarks import (
    FLAT,
    copies_of_training,
    copies_under_labels,
    flat_channels,
    lost_classes,
    used_bits,
    without_validation,
)
from platform.datasets.sources.source import ManifestSource
from platform.datasets.splits import SPLITS
from platform.datasets.tables.spreadsheet_cells import csv_text
from platform.storage.disk import written_to
from platform.storage.whole_files import whole_file

__all__ = [
    "Summary",
    "inspect",
    "kept_size",
    "prepare",
    "save_bad_images",
    "save_manifest",
    "save_passed_over",
]


def prepare(
    config: DataConfig,
    image_size: SizeLike,
    *,
    decode: Decode = decode_here,
    progress: Progress | None = None,
) -> Data:
    """Read the labels, decode all images, add splits, imbalance and noise.

    ``image_size`` (px) is the largest that a trial will use; images are kept no larger than it needs.
    ``progress`` is called with (images decoded, images in total). Raises :class:`DataError`.
    """
    listing = list_images(config)
    config = listing.config
    # Reports errors in the labels before the images are decoded, which takes long.
    make_manifest(listing.rows, config, listing.default_test_share)
    paths = tuple(listing.rows["path"])
    decoded = decode(DecodeJob(listing.source, paths, kept_size(config, image_size), progress))
    _refuse_too_many_bad(decoded, len(paths), config)
    readable = listing.rows.iloc[decoded.good].reset_index(drop=True)
    manifest = _manifest_of_readable(listing, readable, decoded, config)
    mean, std = _colour(decoded.facts, manifest, config)
    return Data(
        manifest=manifest.table,
        classes=manifest.classes,
        images=decoded.images.take(manifest.kept),
        bad=decoded.bad,
        digest=_digest(manifest, decoded.facts),
        mean=mean,
        std=std,
        val_label=config.val_label,
        shots=(config.many_shot, config.few_shot),
        held_out=manifest.held_out,
        injected=tuple(manifest.injected.lines(config)),
        remarks=replace(
            listing.remarks,
            classes_without_images=lost_classes(listing.rows, readable),
            **without_validation(manifest),
            copies_under_labels=copies_under_labels(manifest, decoded.facts),
            copies_of_training=copies_of_training(manifest, decoded.facts),
            flat_channels=flat_channels(std),
            used_bits=used_bits(decoded.facts, config.bits),
        ),
        origin=listing.source.facts if isinstance(listing.source, ManifestSource) else None,
    )


def inspect(config: DataConfig) -> Summary:
    """Summarise what :func:`prepare` would return if all images were readable. Decodes none of them."""
    listing = list_images(config)
    config = listing.config
    manifest = make_manifest(listing.rows, config, listing.default_test_share)
    counts = manifest.table["split"].value_counts()
    rows = {split: int(counts[split]) for split in SPLITS if split in counts}
    is_unlabelled = (manifest.table["split"] == "train") & (manifest.table["label"] == UNKNOWN)
    remarks = replace(listing.remarks, **without_validation(manifest))
    return Summary(
        config.source,
        listing.reader,
        manifest.classes,
        rows,
        int(is_unlabelled.sum()),
        remarks,
        tuple(manifest.injected.lines(config)),
        _class_sizes(manifest),
        _sizes(listing, config),
    )


def _manifest_of_readable(
    listing: Listing, readable: pd.DataFrame, decoded: Decoded, config: DataConfig
) -> Manifest:
    features = partial(picture_features, decoded.images)
    try:
        return make_manifest(readable, config, listing.default_test_share, features)
    except DataError as error:
        lost = lost_classes(listing.rows, readable)
        if not lost:
            raise
        raise DataError(f"{error}; none of the training images of {listed(lost, 3)} can be read") from error


def _sizes(listing: Listing, config: DataConfig) -> tuple[Size, ...]:
    """Of some images, the smallest area first."""
    limits = config.reading(KeptSize.exactly(1))
    found = sizes_of_some(listing.source, listing.rows["path"].tolist(), limits)
    return tuple(sorted(found, key=lambda one: one.area))


def _class_sizes(manifest: Manifest) -> tuple[int, ...]:
    labels = manifest.table["label"][manifest.table["split"] == "train"]
    counts = np.bincount(labels[labels != UNKNOWN], minlength=len(manifest.classes))
    return tuple(int(count) for count in counts)


def save_manifest(data: Data, path: Path) -> None:
    """Write :meth:`Data.manifest_frame` as Parquet, whole or not at all."""
    _write(data.manifest_frame(), path, "parquet")


def save_bad_images(data: Data, path: Path) -> None:
    """Write the unreadable files as CSV with the columns ``path`` and ``reason``."""
    rows = [(image.path, image.reason) for image in data.bad]
    _write(pd.DataFrame(rows, columns=["path", "reason"]), path, "csv")


def save_passed_over(data: Data, path: Path) -> None:
    """Write the files that are not read as CSV with the columns ``path`` and ``reason``."""
    over = data.remarks.passed_over
    rows = [(one.path.encode("utf-8", "backslashreplace").decode(), one.reason) for one in over]
    _write(pd.DataFrame(rows, columns=["path", "reason"]), path, "csv")


def _write(frame: pd.DataFrame, path: Path, kind: str) -> None:
    with whole_file(path) as draft, written_to(path):
        if kind == "csv":
            draft.write_text(csv_text(frame), encoding="utf-8", newline="")
        else:
            frame.to_parquet(draft, index=False)


def kept_size(config: DataConfig, image_size: SizeLike) -> KeptSize:
    """The size at which decoded images are kept for trials of up to ``image_size`` px."""
    size = config.decode_size
    kept = KeptSize.automatic(image_size) if size == "auto" else KeptSize.exactly(size)
    return config.reading(kept)


def _refuse_too_many_bad(decoded: Decoded, images: int, config: DataConfig) -> None:
    share = len(decoded.bad) / images
    if decoded.bad and (share > config.max_bad or len(decoded.bad) == images):
        named = listed([f"{image.path} ({image.reason})" for image in decoded.bad], 3)
        raise DataError(
            f"data.source: {config.source}: {len(decoded.bad):,} of {counted(images, 'image')} "
            f"({share:.1%}) cannot be read, more than data.max_bad ({config.max_bad:.1%}): {named}"
        )


def _colour(facts: Facts, manifest: Manifest, config: DataConfig) -> tuple[Colour, Colour]:
    """Mean and standard deviation of each channel over all pixels of the training images, as kept.

    The deviation of a channel with one value is 1, so that it becomes 0; not all channels may be so.
    """
    is_train = (manifest.table["split"] == "train").to_numpy()
    rows = manifest.kept[is_train]
    pixels = facts.shapes_K2[rows].prod(axis=1).sum()
    first, second = (facts.moments_K32[rows].sum(axis=0) / pixels).T
    mean, std = first / 255, np.sqrt(second - first**2) / 255
    if not (std > 0).any():
        raise DataError(f"data.source: all training images of {config.source} are of one flat colour")
    return _three(mean), _three(np.where(std > 0, std, FLAT))


def _three(values: np.ndarray) -> Colour:
    red, green, blue = (float(value) for value in values)
    return red, green, blue


def _digest(manifest: Manifest, facts: Facts) -> str:
    sha = hashlib.sha256(json.dumps(manifest.classes).encode())
    names = ["path", "label", "clean", "split"]
    if manifest.held_out:  # classification data has no cameras and roles
        sha.update(json.dumps(manifest.held_out).encode())
        names += ["camera", "role"]
    if "weight" in manifest.table:
        names += ["weight"]
    columns = manifest.table[names].itertuples(index=False, name=None)
    for row, content in zip(columns, facts.digests[manifest.kept], strict=True):
        sha.update(json.dumps(row).encode())
        sha.update(content.tobytes())
    return sha.hexdigest()
