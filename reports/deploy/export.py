"""Networks as files that need no code of this project: ``python -m reports runs/NAME --export torchscript``.

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
from platform.training.evaluation.prediction import Predictor
from platform.tuning.folder.sweep_folder import SweepFolder
from reports.deploy.chosen import Chosen, load_chosen
from reports.evaluation.checkpoints import ReportError
from platform.storage.whole_files import npz, write_whole
from reports.deploy.predict import Say
from reports.deploy.winner_model import LEARNT

FOLDER = "export"
DESCRIPTION = "model.json"
TOLERANCE = 1e-4  # of probabilities, between the original in float32 and its export
BATCHES = (1, 5)  # with which the export is checked; it is traced with another

# torch says that torch.export is to replace TorchScript; that cannot leave the batch free for all of timm
DEPRECATED = r"`torch\.jit\..*` is deprecated"


@dataclass(frozen=True)
class Exported:
    """``difference``: the largest between probabilities of the original and of the file.

    ``views``: those that the winner looks at images in with it, besides that of evaluation. ``gives``: what
    comes out of it, features where the winner is a classifier of these (learnt.npz).
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
    """Pixels [B, 3, S, T] of 0 to 255 -> the networks' features [B, D] side by side, of unit length each."""

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
    """The content of a TorchScript file of what ``gives`` probabilities or features, and how far it is off.

    Raises:
        ReportError: the file does not say what the networks say, of some number of images.
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
                found = float((again(images) - original(images)).abs().max())
            except RuntimeError as error:
                raise ReportError(
                    f"{name}: its TorchScript does not run with {count} images: {str(error).splitlines()[-1]}"
                ) from error
            difference = max(difference, found)
    if not difference <= TOLERANCE:
        raise ReportError(
            f"{name}: its TorchScript differs from the network by {difference:.1e} of probability, more than "
            f"{TOLERANCE:.0e}"
        )
    return content.getvalue(), difference


def export(
    run_folder: Path, kind: str, out: Path | None = None, *, progress: Say | None = None
) -> list[Exported]:
    """A file a network of the winner's members, 1_TRIAL.pt and so on; model.json says what the files do not.

    Of a trial in several views there is one file for each image size: the looks are told in model.json.

    ``out``: the folder, ``runs/NAME/export`` unless given.

    Raises:
        UserError: ``kind`` is not to be had; there is no winner; a file differs from what it was made of.
    """
    if kind == "onnx":
        raise ReportError(
            "--export onnx: the package onnx is not among those of this project (requirements.lock); "
            "--export torchscript needs nothing more"
        )
    say = progress or (lambda _: None)
    folder = SweepFolder(run_folder)
    chosen = load_chosen(folder, say)
    out = folder.path / FOLDER if out is None else out
    try:
        return write_exported(chosen, out, say)
    except OSError as error:
        raise ReportError(f"{out}: cannot be written ({error.strerror})") from error


def write_exported(chosen: Chosen, out: Path, say: Say) -> list[Exported]:
    """Nothing is written before all is made and checked."""
    files = _files(chosen)
    gives = PixelsToFeatures if chosen.winner.kind == "concat" else PixelsToProbabilities
    pairs = list(zip(chosen.winner.members, chosen.predictors, strict=True))
    made: dict[str, tuple[bytes, Exported]] = {}
    for file, (member, predictor) in zip(files, pairs, strict=True):
        if file not in made:
            name = member.model_copy(update={"view": PLAIN}).name
            say(f"exporting trial {name}")
            content, difference = torchscript(predictor, f"trial {name}", gives)
            views = tuple(
                other.view.name
                for place, other in enumerate(chosen.winner.members)
                if files[place] == file and other.view != PLAIN
            )
            made[file] = content, Exported(out / file, name, difference, views, _WHAT[gives])
    for file, (content, _) in made.items():
        write_whole(out / file, content)
    if chosen.ensemble is not None and chosen.ensemble.learnt:
        write_whole(out / LEARNT, npz(chosen.ensemble.learnt))
    write_whole(out / DESCRIPTION, json.dumps(_description(chosen, files), indent=1))
    return [one for _, one in made.values()]


def _files(chosen: Chosen) -> list[str]:
    """The name of each member's file; members that are the same network at the same size share one."""
    names: dict[int, str] = {}
    for member, predictor in zip(chosen.winner.members, chosen.predictors, strict=True):
        names.setdefault(id(predictor), f"{len(names) + 1}_{'+'.join(member.soup) or member.trial}.pt")
    return [names[id(predictor)] for predictor in chosen.predictors]


def _description(chosen: Chosen, files: list[str]) -> dict[str, object]:
    """What the files do not say: classes, the rule, how an image becomes each member's pixels."""
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
