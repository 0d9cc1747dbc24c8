"""Preview what ``augment`` does: some training images as each stage of a trial augments them.

K: images, S x T: height and width of a crop (px).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch

from platform.datasets.arrays import Ints, Pixels
from platform.datasets.augmentation.appearance import Appearance
from platform.datasets.augmentation.augment import (
    AugmentConfig,
    CropWindows,
    draw_crop_windows,
    fixed_crop_windows,
)
from platform.datasets.augmentation.mixing import mix
from platform.datasets.batches.croppers import ImageCropper
from platform.datasets.batches.torch_threads import torch_workers
from platform.datasets.data_config import DataConfig, PatternedNoise
from platform.datasets.errors import DataError, listed
from platform.datasets.image_size import Size, SizeLike
from platform.datasets.images.decode import DecodeJob, decode_here
from platform.datasets.images.image_stores import Images
from platform.datasets.images.normalise import Colour
from platform.datasets.preparation.class_codes import UNKNOWN
from platform.datasets.preparation.data import Data
from platform.datasets.preparation.listing import list_images
from platform.datasets.preparation.manifest import make_manifest
from platform.datasets.preparation.prepare import kept_size, prepare
from platform.datasets.randomness import augmentation_seed

MIXED_COLUMNS = 2
NO_LABEL = "(no label)"


@dataclass(frozen=True)
class PreviewStage:
    """A stage's ``augmentation`` (from 0) of each image; ``first_epoch`` counts from 0 in the whole trial."""

    heading: str
    image_size: Size
    augment: AugmentConfig
    first_epoch: int
    epochs: int
    augmentation: int = 0


@dataclass(frozen=True)
class Samples:
    """K training images with their manifest rows and given labels (-1: unlabelled).

    ``mean`` is the mean colour of these images; ``unlabelled`` counts all training images without a label.
    """

    images: Images
    rows: Ints
    labels: Ints
    classes: tuple[str, ...]
    mean: Colour
    unlabelled: int = 0


@dataclass(frozen=True)
class Column:
    heading: str
    pictures: Pixels
    """[K, S, T, 3] uint8."""


def choose_samples(config: DataConfig, image_size: SizeLike, count: int) -> Samples:
    """Up to ``count`` training images, the classes in turn. Opens no others unless noise is patterned.

    If the source has unreadable images, training numbers its rows differently and so draws other random
    numbers. Patterned noise depends on all images. Raises :class:`DataError`.
    """
    if isinstance(config.noise, PatternedNoise):
        return _samples_of(prepare(config, image_size), count)
    listing = list_images(config)
    manifest = make_manifest(listing.rows, listing.config, listing.default_test_share)
    rows = _in_turn(manifest.table)[:count]
    paths = tuple(manifest.table["path"].iloc[rows])
    decoded = decode_here(DecodeJob(listing.source, paths, kept_size(config, image_size)))
    if not len(decoded.good):
        named = listed([f"{image.path} ({image.reason})" for image in decoded.bad], 3)
        raise DataError(f"data.source: {config.source}: none of {len(paths)} images can be read: {named}")
    red, green, blue = (
        decoded.facts.moments_K32[:, :, 0].sum(axis=0) / decoded.facts.shapes_K2.prod(axis=1).sum()
    )
    good = rows[decoded.good]
    labels = manifest.table["label"].to_numpy(dtype=np.int64)
    is_train = (manifest.table["split"] == "train").to_numpy()
    mean, unlabelled = (red / 255, green / 255, blue / 255), int((labels[is_train] == UNKNOWN).sum())
    return Samples(decoded.images, good, labels[good], manifest.classes, mean, unlabelled)


def _samples_of(data: Data, count: int) -> Samples:
    rows = _in_turn(data.manifest)[:count]
    images = data.images.take(rows)
    pixels = np.concatenate([images.image(place).reshape(-1, 3) for place in range(len(rows))])
    red, green, blue = pixels.mean(axis=0) / 255
    labels = data.manifest["label"].to_numpy(dtype=np.int64)[rows]
    mean = (float(red), float(green), float(blue))
    return Samples(images, rows, labels, data.classes, mean, data.unlabelled)


def _in_turn(manifest: pd.DataFrame) -> Ints:
    """The training rows in random order, but every class once before any class twice.

    Unlabelled images count as a class.
    """
    is_train = (manifest["split"] == "train").to_numpy()
    rows = np.random.default_rng(0).permutation(np.flatnonzero(is_train))
    labels = pd.Series(manifest["label"].to_numpy()[rows])
    turns = labels.groupby(labels).cumcount().to_numpy()
    return np.asarray(rows[np.argsort(turns, kind="stable")], dtype=np.int64)


def columns(samples: Samples, stage: PreviewStage, seed: int, epochs: int) -> list[Column]:
    """The images unchanged, in the stage's first epochs, and mixed if the stage mixes."""
    with torch_workers(1) as pool:  # as in training
        return pool.submit(lambda: list(_columns(samples, stage, seed, epochs))).result()


def _columns(samples: Samples, stage: PreviewStage, seed: int, epochs: int) -> Iterator[Column]:
    size, augment, seed = stage.image_size, stage.augment, augmentation_seed(seed, stage.augmentation)
    cropper = ImageCropper(samples.images, size, augment.padding_mode)
    places = np.arange(len(samples.rows))

    def cut(windows: CropWindows) -> Pixels:
        return cropper.crops(places, windows)

    as_it_is = replace(augment.frame(size), canvas=size)
    yield Column("as it is", cut(fixed_crop_windows(as_it_is, samples.images.shapes)))
    changes = Appearance(augment, size, seed, samples.mean) if augment.changes_appearance else None
    augmented = []
    for epoch in range(stage.first_epoch, stage.first_epoch + min(epochs, stage.epochs)):
        shapes_B2, rows_B = samples.images.shapes, samples.rows
        pictures = cut(
            draw_crop_windows(augment, size, seed=seed, epoch=epoch, rows_B=rows_B, shapes_B2=shapes_B2)
        )
        if changes is not None:
            pictures = changes.prepare(epoch, rows_B)(pictures, slice(0, len(rows_B)))
        augmented.append(pictures)
        yield Column(f"epoch {epoch + 1}", pictures)
    if augment.mixing is not None:
        for number, pictures in enumerate(augmented[:MIXED_COLUMNS]):
            epoch = stage.first_epoch + number
            yield Column(f"{epoch + 1}, mixed", _mixed(pictures, samples, augment, seed, epoch))


def _mixed(pictures: Pixels, samples: Samples, augment: AugmentConfig, seed: int, epoch: int) -> Pixels:
    """Each image mixed with the one before it, as in a batch of these images."""
    assert augment.mixing is not None
    images = torch.from_numpy(pictures).permute(0, 3, 1, 2).float()
    labels, classes = torch.zeros(len(images), dtype=torch.int64), len(samples.classes)  # unused
    mixed, *_ = mix(images, labels, augment.mixing, classes, seed=seed, epoch=epoch, step=0)
    done: Pixels = mixed.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()
    return done


def describe(augment: AugmentConfig) -> str:
    """The active operations with their settings, as text."""
    return " · ".join(_parts(augment)) or "nothing"


def _parts(augment: AugmentConfig) -> Iterator[str]:
    if augment.crop == "padded" and augment.padding:
        yield f"padded crop of {augment.padding} px ({augment.padding_mode})"
    if augment.crop == "random_resized":
        yield f"random resized crop, scale {_shown(augment.scale)}, ratio {_shown(augment.ratio)}"
    if augment.crop == "resized":
        yield f"crop of the whole image resized to {augment.resize:g} x image_size"
    if augment.horizontal_flip:
        yield f"flip {augment.horizontal_flip:g}"
    for field in type(augment).model_fields:
        section = getattr(augment, field)
        if hasattr(section, "model_fields_set"):
            values = {name: getattr(section, name) for name in type(section).model_fields}
            name = values.pop("name", field)
            settings = ", ".join(f"{key} {_shown(value)}" for key, value in values.items())
            yield f"{name.replace('_', ' ')} ({settings.replace('_', ' ')})"
        elif field == "grayscale" and section:
            yield f"grayscale {section:g}"


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return f"{value[0]:g} to {value[1]:g}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def class_names(samples: Samples) -> Sequence[str]:
    """The given label of each image, or ``(no label)``."""
    return [samples.classes[label] if label != UNKNOWN else NO_LABEL for label in samples.labels]
