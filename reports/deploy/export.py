"""Exports networks to files that need no code of this project: ``--export torchscript``.

Shapes: B images, S x T: height and width of the input (px), C classes.
"""

import io
import json
import warnings
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from platform.datasets.batches.prediction_views import PLAIN
from platform.models.heads.embedding import embed
from platform.storage.whole_files import npz, write_whole
from platform.training.evaluation.prediction import Predictor
from platform.tuning.folder.sweep_folder import SweepFolder
from reports.deploy.chosen import Chosen, load_chosen
from reports.deploy.predict import Say
from reports.deploy.winner_model import LEARNT
from reports.evaluation.checkpoints import ReportError

FOLDER = "export"
DESCRIPTION = "model.json"
TOLERANCE = 1e-4  # of probabilities, between the original in float32 and its export
BATCHES = (1, 5)  # sizes of the batches that check the export; it is traced with another size

# torch.export is to replace TorchScript, but cannot leave the batch size free for every model of timm
DEPRECATED = r"`torch\.jit\..*` is deprecated"


@dataclass(frozen=True)
class Exported:
    """An exported network.

    ``difference``: the largest one between the outputs of the original and of the file. ``views``: the
    test-time views that the winner uses with it. ``gives``: what it outputs, features if the winner is a
    classifier of features (learnt.npz).
    """

    file: Path
    trial: str
    difference: float
    views: tuple[str, ...] = ()
    gives: str = "probabilities"


class PixelsToProbabilities(nn.Module):
    """Pixels [B, 3, S, T] of 0 to 255 -> the mean of the networks' probabilities [B, C], in float32."""

    scale: Tensor
    offset: Tensor

    def __init__(self, predictor: Predictor) -> None:
        super().__init__()
        self.networks = nn.ModuleList([deepcopy(one).cpu().eval() for one in predictor.networks])
        mean, std = (torch.tensor(values) for values in vars(predictor.normalisation).values())
        self.register_buffer("scale", (1 / (255 * std)).view(1, 3, 1, 1))
        self.register_buffer("offset", (-mean / std).view(1, 3, 1, 1))

    def forward(self, pixels: Tensor) -> Tensor:
        images = pixels.float() * self.scale + self.offset
        probabilities = [network(images).float().softmax(1) for network in self.networks]
        return torch.stack(probabilities).mean(0)


class PixelsToFeatures(PixelsToProbabilities):
    """Pixels [B, 3, S, T] of 0 to 255 -> the networks' features [B, D], each of unit length, concatenated."""

    def forward(self, pixels: Tensor) -> Tensor:
        images = pixels.float() * self.scale + self.offset
        return torch.cat([normalize(embed(network, images).float()) for network in self.networks], dim=1)


_WHAT: dict[type[PixelsToProbabilities], str] = {
    PixelsToProbabilities: "probabilities",
    PixelsToFeatures: "features",
}


def torchscript(
    predictor: Predictor, name: str, gives: type[PixelsToProbabilities] = PixelsToProbabilities
) -> tuple[bytes, float]:
    """The content of a TorchScript file, and its largest difference from the networks' own output.

    ``gives``: the module to export, which gives probabilities or features.

    Raises:
        ReportError: the file fails with a batch of another size, or differs by more than TOLERANCE.
    """
    original = gives(predictor)
    draws = torch.Generator().manual_seed(0)

    def pixels(count: int) -> Tensor:
        return torch.randint(0, 256, (count, 3, *predictor.image_size), generator=draws, dtype=torch.uint8)

    content = io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=DEPRECATED)
        torch.jit.save(torch.jit.trace(original, pixels(3), check_trace=False), content)
        content.seek(0)
        again = torch.jit.load(content)
        difference = 0.0
        for count in BATCHES:
            images = pixels(count)
            try:
                largest = float((again(images) - original(images)).abs().max())
            except RuntimeError as error:
                raise ReportError(
                    f"{name}: its TorchScript does not run with {count} images: {str(error).splitlines()[-1]}"
                ) from error
            difference = max(difference, largest)
    if not difference <= TOLERANCE:
        raise ReportError(
            f"{name}: its TorchScript differs from the network by {difference:.1e} in probability, more than "
            f"{TOLERANCE:.0e}"
        )
    return content.getvalue(), difference


def export(run_folder: Path, out: Path | None = None, *, progress: Say | None = None) -> list[Exported]:
    """Write a file for each network of the winner's members (1_TRIAL.pt, …), and model.json.

    model.json has the classes, the rule, and how an image becomes each member's pixels. A trial in several
    test-time views has one file for each image size; model.json lists the looks.

    ``out``: the folder, ``runs/NAME/export`` unless given.

    Raises:
        UserError: there is no winner, or a file differs from its network.
    """
    say = progress or (lambda _: None)
    folder = SweepFolder(run_folder)
    chosen = load_chosen(folder, say)
    out = folder.path / FOLDER if out is None else out
    return write_exported(chosen, out, say)


def write_exported(chosen: Chosen, out: Path, say: Say) -> list[Exported]:
    """Export and check every network, then write the files."""
    files = _files(chosen)
    gives = PixelsToFeatures if chosen.winner.kind == "concat" else PixelsToProbabilities
    pairs = list(zip(chosen.winner.members, chosen.predictors, strict=True))
    exported: dict[str, tuple[bytes, Exported]] = {}
    for file, (member, predictor) in zip(files, pairs, strict=True):
        if file not in exported:
            name = member.model_copy(update={"view": PLAIN}).name
            say(f"exporting trial {name}")
            content, difference = torchscript(predictor, f"trial {name}", gives)
            views = tuple(
                other.view.name
                for place, other in enumerate(chosen.winner.members)
                if files[place] == file and other.view != PLAIN
            )
            exported[file] = content, Exported(out / file, name, difference, views, _WHAT[gives])
    for file, (content, _) in exported.items():
        write_whole(out / file, content)
    if chosen.ensemble is not None and chosen.ensemble.learnt:
        write_whole(out / LEARNT, npz(chosen.ensemble.learnt))
    write_whole(out / DESCRIPTION, json.dumps(_description(chosen, files), indent=1))
    return [one for _, one in exported.values()]


def _files(chosen: Chosen) -> list[str]:
    """The name of each member's file; members with the same network at the same size share one."""
    names: dict[int, str] = {}
    for member, predictor in zip(chosen.winner.members, chosen.predictors, strict=True):
        names.setdefault(id(predictor), f"{len(names) + 1}_{'+'.join(member.soup) or member.trial}.pt")
    return [names[id(predictor)] for predictor in chosen.predictors]


def _description(chosen: Chosen, files: list[str]) -> dict[str, object]:
    """The content of model.json: classes, the rule, and how an image becomes each member's pixels."""
    winner = chosen.winner
    return {
        "classes": winner.classes,
        "kept": winner.model_dump(mode="json")["kept"],
        "rule": winner.rule,
        "kind": winner.kind,
        "temperature": winner.temperature,
        "members": [
            {
                "trial": member.name,
                "file": file,
                "temperature": member.temperature,
                "image_size": list(predictor.image_size),
                "whole": predictor.whole,
                "looks": member.model_dump(mode="json")["view"]["looks"],
            }
            for member, predictor, file in zip(winner.members, chosen.predictors, files, strict=True)
        ],
    }
