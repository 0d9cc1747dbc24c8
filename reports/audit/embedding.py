"""Embeds the images of an audit with a sweep's checkpoint or local timm weights: embeddings.npy.

N: images, D: dimensions of the network's features, E: those that are kept.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from platform.config.errors import UserError, did_you_mean
from platform.datasets.audit.folder import AuditFolder
from platform.datasets.data_config import DataConfig
from platform.datasets.image_size import Size
from platform.datasets.preparation.prepare import kept_size
from platform.datasets.preparation.unlabelled import SPLIT, Block, read_blocks
from platform.datasets.sources.source import open_source
from platform.models.backbones import find_backbone, nearest_backbones
from platform.models.build import build
from platform.models.model_config import ModelConfig
from platform.models.normalisation import Normalisation
from platform.storage.whole_files import npz, read_npz, whole_file, write_whole
from platform.training.checkpoints.loading import load_predictor
from platform.training.evaluation.prediction import eval_loader, network_embeddings
from reports.evaluation.checkpoints import checkpoint_digest, device

KEPT: Final = 256
"""Dimensions: those of the largest variance, where the network has more."""
SHARD: Final = 16_384
"""Images that are kept together until all are done."""
KEY: Final = "embeddings.key"
"""Says by what, and of which images, embeddings.npy was made."""
SAMPLE: Final = 20_000
PLAIN_SIZE: Final = Size(128, 128)
_BATCH: Final = 64

Features = npt.NDArray[np.float32]
Say = Callable[[str], None]


@dataclass(frozen=True)
class EmbeddingChoice:
    """``path``: of the checkpoint's folder, or of the file of weights, for which ``model`` is timm's name."""

    kind: Literal["sweep", "timm"]
    path: Path
    model: str = ""

    @property
    def described(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": f"{self.model}={self.path}" if self.model else str(self.path)}


def weights_choice(text: str) -> EmbeddingChoice:
    """``FILE``, named as timm names its weights, or ``BACKBONE=FILE``; raises UserError for others."""
    name, equals, file = text.rpartition("=")
    path = Path(file if equals else text).expanduser()
    model = name if equals else path.name.removesuffix(path.suffix)
    if not path.is_file():
        raise UserError(f"--embedding: {path}: there is no such file of weights")
    if find_backbone(model) is None:
        hint = did_you_mean(model, nearest_backbones(model)) if equals else ""
        raise UserError(
            f"--embedding: {path}: {model!r} is no network of timm{hint}; name it as BACKBONE={path.name}"
        )
    return EmbeddingChoice("timm", path, model)


def embed(
    folder: AuditFolder, config: DataConfig, choice: EmbeddingChoice, say: Say = lambda _: None
) -> npt.NDArray[np.float16]:
    """Write ``embeddings.npy``: [N, E] float16 of unit length, centred; zeros for what cannot be read.

    Embeddings of the same images by the same network are read, as are blocks that an earlier, killed run has
    done. Raises UserError if the network cannot be loaded.
    """
    paths = folder.images(["path"])["path"].tolist()
    digest, known = _digest(choice, folder.images_file), folder.path / KEY
    if folder.embeddings_file.exists() and known.exists() and known.read_text() == digest:
        kept: npt.NDArray[np.float16] = np.load(folder.embeddings_file)
        return kept
    known.unlink(missing_ok=True)
    network = _Network(config, choice)
    shards = folder.path / "embedding" / digest
    files: list[Path] = []
    source = open_source(config.source)
    for start in range(0, len(paths), SHARD):
        say(f"embedding images: {start:,} of {len(paths):,}")
        files.append(shards / f"{start:09d}.npz")
        if read_npz(files[-1]) is None:
            blocks = read_blocks(source, paths[start : start + SHARD], network.kept, network.classes)
            write_whole(files[-1], npz(_shard(network, blocks)))
    embeddings_NE = _projected(files)
    with whole_file(folder.embeddings_file) as draft, draft.open("wb") as content:
        np.save(content, embeddings_NE)
    write_whole(known, digest)
    shutil.rmtree(shards.parent)
    return embeddings_NE


class _Network:
    """A checkpoint's networks, or one with given weights: features of a block's readable images."""

    def __init__(self, config: DataConfig, choice: EmbeddingChoice) -> None:
        self._predictor = load_predictor(choice.path, device()) if choice.kind == "sweep" else None
        if self._predictor is not None:
            self.classes, size = self._predictor.classes, self._predictor.image_size
        else:
            self.classes, size = ("",), PLAIN_SIZE
            section = ModelConfig(backbone=choice.model, weights=str(choice.path), stem="original")
            self._network = build(section, 1, size).to(device())
            origin = getattr(self._network, "pretrained_cfg", {})
            self._normalisation = Normalisation(tuple(origin["mean"]), tuple(origin["std"]))
        self.kept = kept_size(config, size)

    def features(self, block: Block) -> Features:
        if self._predictor is not None:
            return self._predictor.features(block.data, SPLIT)
        loader = eval_loader(
            block.data,
            SPLIT,
            batch_size=_BATCH,
            image_size=PLAIN_SIZE,
            whole=False,
            normalisation=self._normalisation,
            device=next(self._network.parameters()).device,
        )
        [features_ND] = network_embeddings(
            [self._network], loader, flip=False, precision="fp32", channels_last=False
        )
        return features_ND


def _shard(network: _Network, blocks: Iterator[Block]) -> dict[str, npt.NDArray[Any]]:
    """Features of the readable images of some blocks, and their places among all of these."""
    features, places, first = [], [], 0
    for block in blocks:
        if len(block.good):
            features.append(network.features(block).astype(np.float16))
            places.append(block.good + first)
        first += len(block.paths)
    found = np.concatenate(features) if features else np.zeros((0, 0), dtype=np.float16)
    at = np.concatenate(places) if places else np.zeros(0, dtype=np.int64)
    return {"features": found, "places": at, "images": np.array(first)}


def _projected(files: list[Path]) -> npt.NDArray[np.float16]:
    """Centred, turned to the axes of the largest variance, and of unit length."""
    sizes = [(int(shard["images"]), len(shard["features"])) for shard in map(_read, files)]
    images, readable = (sum(own) for own in zip(*sizes, strict=True))
    if not readable:
        raise UserError("no image can be read, so none can be embedded")
    every = max(readable // SAMPLE, 1)
    sampled = [shard["features"][::every] for shard in map(_read, files) if len(shard["features"])]
    sample_SD = np.concatenate(sampled).astype(np.float64)
    mean_D = sample_SD.mean(axis=0)
    _, axes_DD = np.linalg.eigh((sample_SD - mean_D).T @ (sample_SD - mean_D))
    axes_DE = axes_DD[:, ::-1][:, :KEPT].astype(np.float32)
    embeddings_NE = np.zeros((images, axes_DE.shape[1]), dtype=np.float16)
    first = 0
    for shard in map(_read, files):
        if len(shard["features"]):
            turned = (shard["features"].astype(np.float32) - mean_D.astype(np.float32)) @ axes_DE
            lengths = np.linalg.norm(turned, axis=1, keepdims=True)
            embeddings_NE[first + shard["places"]] = turned / np.where(lengths > 0, lengths, 1)
        first += int(shard["images"])
    return embeddings_NE


def _read(file: Path) -> dict[str, npt.NDArray[Any]]:
    found = read_npz(file)
    assert found is not None, f"{file}: was written a moment ago"
    return found


def _digest(choice: EmbeddingChoice, images: Path) -> str:
    """Of the network and of the table of images, which has the digests of their files."""
    with images.open("rb") as content:
        sha = hashlib.sha256(hashlib.file_digest(content, "sha256").digest())
    if choice.kind == "sweep":
        sha.update(checkpoint_digest(choice.path).encode())
    else:
        with choice.path.open("rb") as content:
            sha.update(choice.model.encode() + hashlib.file_digest(content, "sha256").digest())
    return sha.hexdigest()[:16]
