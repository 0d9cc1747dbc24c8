"""The data sets and recipes on which training methods are compared."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Case:
    """A data set and its recipe. ``file``: of ../shared/data, None where the data are embedded."""

    name: str
    data: Mapping[str, Any]
    epochs: int
    tuning_epochs: int
    image_size: int
    batch_size: int
    backbone: str
    augment: Mapping[str, Any]
    file: str | None = None

    def settings(self, folder: Path) -> list[str]:
        """What replaces a space's own settings, as on the command line."""
        source = {} if self.file is None else {"source": str(folder / self.file)}
        given = {
            "data": {**self.data, **source},
            "image_size": self.image_size,
            "batch_size": self.batch_size,
            "augment": dict(self.augment),
            "model": {"backbone": self.backbone},
            "schedule": {"name": "cosine", "warmup_epochs": 1},
        }
        return [f"{name}={json.dumps(value)}" for name, value in given.items()]


_PADDED = {"crop": "padded", "padding": 2, "horizontal_flip": 0.0}
_FLIPPED = {"crop": "padded", "padding": 4, "horizontal_flip": 0.5}
_CIFAR = {"clean_label": "clean", "val_share": 0.4, "max_images": 14_000}
CASES: Mapping[str, Case] = {
    case.name: case
    for case in (
        Case(
            "digits",
            {
                "source": "digits",
                "test_share": 0.3,
                "val_share": 0.3,
                "imbalance": 5,
                "noise": {"kind": "patterned", "rate": 0.4},
            },
            epochs=15,
            tuning_epochs=15,
            image_size=16,
            batch_size=32,
            backbone="test_resnet",
            augment=_PADDED,
        ),
        *(
            Case(
                name,
                {**_CIFAR, "label": name},
                epochs=20,
                tuning_epochs=10,
                image_size=32,
                batch_size=128,
                backbone="test_byobnet",
                augment=_FLIPPED,
                file="cifar10n.zip",
            )
            for name in ("worse", "random1")
        ),
        Case(
            "birds",
            {
                "clean_label": "label",
                "val_share": 0.25,
                "imbalance": 3,
                "noise": {"kind": "patterned", "rate": 0.4},
            },
            epochs=30,
            tuning_epochs=15,
            image_size=64,
            batch_size=32,
            backbone="test_byobnet",
            augment=_FLIPPED,
            file="birds.zip",
        ),
    )
}
