"""What ``SOURCE|SPACE.yaml [data.key=value …]`` of a data command means."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from platform.datasets.data_config import DataConfig


def data_of(source: str, overrides: Sequence[str]) -> "DataConfig":
    """The section data of a folder, zip, table or embedded set, or of a search space.

    Raises UserError, with file, line and column where it is a YAML.
    """
    from platform.tuning.settings.shortcuts import Shortcuts, data_section, overrides_of

    if not source.lower().endswith((".yaml", ".yml")):
        return data_section(source, overrides)
    from platform.config.load import load_space
    from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig

    given = overrides_of(Path(source), overrides, Shortcuts())
    return load_space(Path(source), SweepConfig, overrides=given, fixed=SWEEP_FIELDS).first().data


def name_of(source: str) -> str:
    """The name of a source, as of a folder that is made for it: ``photos`` of ``data/photos.zip``."""
    path = Path(source).expanduser().absolute()
    return path.stem if path.suffix and not path.is_dir() else path.name
