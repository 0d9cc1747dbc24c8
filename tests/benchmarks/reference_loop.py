"""The reference for training: a plain Peer-learning loop as published code writes it.

It uses ImageFolder, DataLoader, torchvision's transforms, float32, contiguous memory and two optimisers, and
evaluates each network in a separate pass. As a command it trains two epochs and prints the peak memory; it
imports only what it needs:

    python -m tests.benchmarks.reference_loop FOLDER CASE

Shapes: B samples, C classes.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from platform.models.build import build
from platform.models.model_config import ModelConfig

from .figures import process_peak_megabytes

CLASSES = 10
DROP_RATE, LR = 0.3, 0.01
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PADDING = 2  # px, as in our augment.padding


@dataclass(frozen=True)
class Case:
    device: str
    image_size: int  # px
    backbone: str
    crop: str
    shape: tuple[int, int]  # height and width of the files in px; every third file has them swapped
    batch_size: int
    train: int  # images
    val: int
    goal: float  # times the reference's speed


class ReferenceLoop:
    """Two networks; ``epoch`` trains them on ``folder``/train and evaluates them on ``folder``/val."""

    def __init__(self, case: Case, folder: Path, workers: int) -> None:
        torch.manual_seed(0)
        self.device = torch.device(case.device)
        model = ModelConfig(backbone=case.backbone)
        self.networks = [build(model, CLASSES, case.image_size).to(self.device) for _ in range(2)]
        self.optimisers = [
            torch.optim.SGD(network.parameters(), lr=LR, momentum=0.9, weight_decay=5e-4, nesterov=True)
            for network in self.networks
        ]
        end = [transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
        train = [*training_crop(case), transforms.RandomHorizontalFlip(), *end]
        self.train_loader = self._loader(case, folder / "train", train, workers, shuffle=True)
        self.val_loader = self._loader(case, folder / "val", [*evaluation_crop(case), *end], workers)

    def _loader(
        self, case: Case, folder: Path, steps: list[nn.Module], workers: int, *, shuffle: bool = False
    ) -> DataLoader[tuple[Tensor, Tensor]]:
        return DataLoader(
            ImageFolder(str(folder), transforms.Compose(steps)),
            batch_size=case.batch_size,
            shuffle=shuffle,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=case.device == "cuda",
        )

    def epoch(self) -> list[float]:
        self.train()
        return [self.accuracy(network) for network in self.networks]

    def train(self) -> float:
        for network in self.networks:
            network.train()
        total = 0.0
        for images, labels in self.train_loader:
            images = images.to(self.device, non_blocking=True)
            labels = labels.to(self.device, non_blocking=True)
            first_BC, second_BC = (network(images) for network in self.networks)
            losses = peer_losses(first_BC, second_BC, labels)
            for loss, optimiser in zip(losses, self.optimisers, strict=True):
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                total += loss.item()
        return total / len(self.train_loader)

    @torch.no_grad()
    def accuracy(self, network: nn.Module) -> float:
        network.eval()
        right, seen = 0, 0
        for images, labels in self.val_loader:
            images = images.to(self.device, non_blocking=True)
            labels = labels.to(self.device, non_blocking=True)
            right += (network(images).argmax(1) == labels).sum().item()
            seen += len(labels)
        return right / seen


def training_crop(case: Case) -> list[nn.Module]:
    if case.crop == "padded":
        return [transforms.RandomCrop(case.image_size, padding=PADDING, padding_mode="reflect")]
    return [transforms.RandomResizedCrop(case.image_size, scale=(0.5, 1.0))]


def evaluation_crop(case: Case) -> list[nn.Module]:
    if case.crop == "padded":
        return []
    return [transforms.Resize(round(case.image_size / 0.875)), transforms.CenterCrop(case.image_size)]


def peer_losses(first_BC: Tensor, second_BC: Tensor, labels_B: Tensor) -> tuple[Tensor, Tensor]:
    """Each network's mean loss over the disagreed samples and the agreed ones that its peer finds easy."""
    losses = [F.cross_entropy(logits_BC, labels_B, reduction="none") for logits_BC in (first_BC, second_BC)]
    is_agreed_B = first_BC.argmax(1) == second_BC.argmax(1)
    agreed, disagreed = is_agreed_B.nonzero().squeeze(1), (~is_agreed_B).nonzero().squeeze(1)
    kept = int((1 - DROP_RATE) * len(agreed))
    own = []
    for losses_B, peers_B in (losses, losses[::-1]):
        easy = agreed[peers_B[agreed].detach().argsort()[:kept]]
        own.append(losses_B[torch.cat([disagreed, easy])].mean())
    return own[0], own[1]


def peak_memory(device: str) -> dict[str, float]:
    """MB: the most that this process has held, and on a GPU the most that its tensors have held."""
    peaks = {"process": process_peak_megabytes()}
    if device == "cuda":
        peaks["GPU"] = torch.cuda.max_memory_allocated() / 2**20
    return peaks


def print_memory() -> None:
    folder, described = sys.argv[1:]
    case = Case(**json.loads(described))
    loop = ReferenceLoop(case, Path(folder), workers=0)
    for _ in range(2):
        loop.epoch()
    print(json.dumps(peak_memory(case.device)))


if __name__ == "__main__":
    print_memory()
