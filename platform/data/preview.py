"""``python -m platform.data preview SPACE.yaml``: training images, augmented as a trial does it."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from platform.config.errors import UserError
from platform.config.help_text import HelpFormatter, help_end
from platform.config.invocation import command_line
from platform.data.exit_codes import DONE, EXIT_CODES
from platform.data.sheets import check_out, save

if TYPE_CHECKING:
    from platform.config.load import LoadedSpace
    from platform.datasets.preview.preview import PreviewStage
    from platform.tuning.settings.sweep_config import SweepConfig


def parser_of_preview() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{command_line('platform.data')} preview",
        description="Draw training images, augmented as in each stage of a trial.",
        epilog=help_end(
            EXIT_CODES,
            command_line("platform.data", "preview", "search_spaces/peer.yaml", "--out", "preview.png"),
        ),
        formatter_class=HelpFormatter,
    )
    parser.add_argument("space", type=Path, metavar="SPACE.yaml", help="the search space")
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="key.path=value",
        help="replace a setting of the YAML by a value or a range",
    )
    parser.add_argument(
        "--data", metavar="PATH", help="images of this folder, zip or table in place of the YAML's data"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.png", help="the image to write")
    parser.add_argument("--samples", type=int, default=6, metavar="N", help="number of images (default: 6)")
    parser.add_argument(
        "--epochs", type=int, default=6, metavar="N", help="epochs to draw of each stage (default: 6)"
    )
    return parser


def run(options: argparse.Namespace) -> int:
    from platform.config.document import read_document

    read_document(options.space)  # before the imports below, which take seconds

    from platform.config.load import load_space
    from platform.tuning.settings.shortcuts import Shortcuts, overrides_of
    from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig

    for name in ("samples", "epochs"):
        if getattr(options, name) < 1:
            raise UserError(f"--{name}: must be at least 1, got {getattr(options, name)}")
    check_out(options.out)
    overrides = overrides_of(options.space, options.overrides, Shortcuts(data=options.data))
    loaded = load_space(options.space, SweepConfig, overrides=overrides, fixed=SWEEP_FIELDS)

    from platform.datasets.errors import counted
    from platform.datasets.preview.preview import choose_samples, class_names, columns, describe
    from platform.datasets.preview.preview_sheet import Block, draw_sheet, unwritable

    config = loaded.first()
    samples = choose_samples(config.data, config.largest_image, options.samples)
    blocks = [
        Block(stage.heading, describe(stage.augment), columns(samples, stage, config.seed, options.epochs))
        for stage in _stages(config)
    ]
    title = f"{options.space} · {config.data.source} · seed {config.seed}"
    names = class_names(samples)
    save(draw_sheet(title, blocks, names), options.out)
    if note := _first_corner(loaded):
        print(note)
    if samples.unlabelled:
        print(f"{counted(samples.unlabelled, 'training image has', 'training images have')} no label")
    if rows := unwritable(names):
        print("no font here has the characters of these class names (Noto Sans CJK has many):")
        print("\n".join(rows))
    print(f"{counted(len(samples.rows), 'image')} in {counted(len(config.phases), 'stage')}: {options.out}")
    return DONE


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
        if phase.method.augmentations > 1:
            second = phase.second_augment or phase.augment
            heading += ", second augmentation"
            yield PreviewStage(heading, phase.image_size, second, first, phase.epochs, augmentation=1)
        first += phase.epochs


def _first_corner(loaded: "LoadedSpace[SweepConfig]") -> str | None:
    """A note on the values drawn for settings that the space searches."""
    names = [parameter.path for parameter in loaded.space.parameters() if _is_visible(parameter.path)]
    return (
        f"the sheet shows the lowest value or first choice of {', '.join(dict.fromkeys(names))}"
        if names
        else None
    )


def _is_visible(path: str) -> bool:
    parts = path.split(".")
    if parts[0] == "stages":
        parts = parts[2:] or ["image_size"]
    return parts[0] in ("augment", "image_size", "epochs", "seed")
