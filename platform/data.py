"""``python -m platform.data preview SPACE.yaml --out FILE.png``: what the images look like in training."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from platform.config.errors import UserError

if TYPE_CHECKING:
    from platform.config.load import LoadedSpace
    from platform.datasets.preview.preview import PreviewStage
    from platform.tuning.settings.sweep_config import SweepConfig

DONE, BAD_USAGE, INTERRUPTED = 0, 2, 130


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_intermixed_args(arguments)
    try:
        return _preview(options)
    except UserError as error:
        print(error, file=sys.stderr)
        return BAD_USAGE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m platform.data",
        description="Draw some training images as each stage of a trial will show them to the networks.",
        epilog="exit codes: 0 done; 2 bad usage or configuration",
    )
    parser.add_argument("command", choices=["preview"])
    parser.add_argument("space", type=Path, metavar="SPACE.yaml", help="the search space")
    parser.add_argument(
        "overrides", nargs="*", metavar="key.path=value", help="lay a value or a range over the YAML"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.png", help="where to draw")
    parser.add_argument("--samples", type=int, default=6, metavar="N", help="images (default: 6)")
    parser.add_argument("--epochs", type=int, default=6, metavar="N", help="epochs a stage (default: 6)")
    return parser


def _preview(options: argparse.Namespace) -> int:
    from platform.config.load import load_space
    from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig

    for name in ("samples", "epochs"):
        if getattr(options, name) < 1:
            raise UserError(f"--{name}: must be at least 1, got {getattr(options, name)}")
    _check_out(options.out)
    loaded = load_space(options.space, SweepConfig, overrides=options.overrides, fixed=SWEEP_FIELDS)

    from platform.datasets.errors import counted
    from platform.datasets.preview.preview import choose_samples, class_names, columns, describe
    from platform.datasets.preview.preview_sheet import Block, draw_sheet

    config = loaded.first()
    samples = choose_samples(config.data, config.largest_image, options.samples)
    blocks = [
        Block(stage.heading, describe(stage.augment), columns(samples, stage, config.seed, options.epochs))
        for stage in _stages(config)
    ]
    title = f"{options.space} · {config.data.source} · seed {config.seed}"
    sheet = draw_sheet(title, blocks, class_names(samples))
    try:
        sheet.save(options.out)
    except OSError as error:
        raise UserError(f"--out: {options.out} cannot be written: {error.strerror or error}") from error
    if note := _first_corner(loaded):
        print(note)
    if samples.unlabelled:
        print(f"{counted(samples.unlabelled, 'training image has', 'training images have')} no label")
    print(f"{counted(len(samples.rows), 'image')} in {counted(len(config.phases), 'stage')}: {options.out}")
    return DONE


def _check_out(out: Path) -> None:
    """Before anything that takes long."""
    if out.suffix.lower() != ".png":
        raise UserError(f"--out: must end in .png, got {out}")
    if not out.parent.is_dir():
        raise UserError(f"--out: there is no folder {out.parent}")


def _stages(config: "SweepConfig") -> Iterator["PreviewStage"]:
    from platform.datasets.preview.preview import PreviewStage

    first = 0
    for number, phase in enumerate(config.phases, start=1):
        heading = f"stage {number}{f', {phase.name}' if phase.name else ''}: " if config.stages else ""
        epochs = (
            f"epoch {first + 1}" if phase.epochs == 1 else f"epochs {first + 1} to {first + phase.epochs}"
        )
        heading += f"{phase.image_size} px, {epochs}"
        yield PreviewStage(heading, phase.image_size, phase.augment, first, phase.epochs)
        if phase.method.views > 1:
            second = phase.second_augment or phase.augment
            heading += ", second view"
            yield PreviewStage(heading, phase.image_size, second, first, phase.epochs, view=1)
        first += phase.epochs


def _first_corner(loaded: "LoadedSpace[SweepConfig]") -> str | None:
    """What is shown where the space leaves something open."""
    names = [parameter.path for parameter in loaded.space.parameters() if _is_seen(parameter.path)]
    return (
        f"shown is the lowest value or first choice of {', '.join(dict.fromkeys(names))}" if names else None
    )


def _is_seen(path: str) -> bool:
    parts = path.split(".")
    if parts[0] == "stages":
        parts = parts[2:] or ["image_size"]
    return parts[0] in ("augment", "image_size", "epochs", "seed")


if __name__ == "__main__":
    sys.exit(main())
