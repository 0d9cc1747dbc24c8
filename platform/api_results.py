"""What :mod:`platform.api` returns: what was seen of data, a checked search space, a sweep that was run."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from platform.config.load import LoadedSpace
    from platform.datasets.look.look import Look
    from platform.datasets.preparation.listing import Listing
    from platform.tuning.run.plan import Plan
    from platform.tuning.settings.sweep_config import SweepConfig


@dataclass(frozen=True, repr=False)
class DataLook:
    """What :func:`look` saw; a notebook shows it as ``print`` does.

    Attributes:
        found: every fact, as :class:`platform.datasets.look.look.Look` has it.
        listing: the images with their labels and splits, before any is opened.
    """

    found: "Look"
    listing: "Listing"

    @property
    def classes(self) -> "pd.DataFrame":
        """A row a class: ``train``, ``val``, ``test`` (images), ``opened``, ``readable``."""
        import pandas as pd

        rows = {
            one.name: {**one.images, "opened": one.opened, "readable": one.readable}
            for one in self.found.classes
        }
        return pd.DataFrame.from_dict(rows, orient="index").fillna(0).astype(int).rename_axis("class")

    @property
    def images(self) -> "pd.DataFrame":
        """A row an image: ``path``, ``label``, ``split`` and what else the source says of it."""
        return self.listing.rows.copy()

    def as_dict(self) -> dict[str, Any]:
        """All of it, as ``python -m platform.data look PATH --json`` prints it."""
        from platform.datasets.look.words import as_dict

        return as_dict(self.found)

    def __str__(self) -> str:
        from platform.datasets.look.words import lines

        return "\n".join(f"{word}: {sentence}" for word, sentence in lines(self.found))

    __repr__ = __str__


@dataclass(frozen=True, repr=False)
class SearchSpace:
    """A YAML that was read and checked; ``overrides`` took the place of some of its settings.

    Attributes:
        config: the settings of the space's first corner, with every default.
    """

    file: Path
    overrides: tuple[str, ...]
    loaded: "LoadedSpace[SweepConfig]"

    def __repr__(self) -> str:
        searched = "".join(f"\n  {path}: {values}" for path, values in self.parameters.items())
        return f"SearchSpace({' '.join([str(self.file), *self.overrides])}){searched}"

    @property
    def config(self) -> "SweepConfig":
        return self.loaded.first()

    @property
    def parameters(self) -> dict[str, str]:
        """What is searched: each parameter's path and range."""
        return {one.path: str(one.range) for one in self.loaded.space.parameters()}

    def plan(self, name: str | None = None, *, out: str | Path = "runs", address: str | None = None) -> str:
        """What a sweep would do, as ``--plan`` prints it: trials, epochs, data, disk, the space."""
        from platform.tuning.run.plan import as_text

        return as_text(plan_of(self, name, Path(out), address))


@dataclass(frozen=True)
class Sweep:
    """A sweep that was run.

    Attributes:
        folder: ``runs/NAME``, with all that it left.
        is_interrupted: whether it was stopped before its end; :func:`resume` goes on.
        spent: the limit of its budget that ended it, as in "2h of wall time"; None if it ended by itself.
        page: its report.
    """

    folder: Path
    is_interrupted: bool
    spent: str | None
    page: Path

    @property
    def name(self) -> str:
        return self.folder.name


def plan_of(space: SearchSpace, name: str | None, out: Path, address: str | None) -> "Plan":
    """The plan of a sweep of this space, called ``name`` or as the space itself."""
    from platform.tuning.run.plan import make_plan

    config = space.config
    return make_plan(space.loaded, name or config.name or space.file.stem, out=out, address=address)
