"""Which settings of a data section a manifest has settled: they are not applied a second time."""

from typing import Final

from platform.datasets.data_config import DataConfig
from platform.datasets.errors import DataError
from platform.datasets.sources.source import ManifestSource

ONCE: Final = {"noise": None, "imbalance": 1}
"""Settings that change labels or images, and their values that change nothing."""
DRAWN: Final = ("test_share", "max_images")
"""Settings that choose images: a manifest holds what they chose."""


def settled(config: DataConfig, source: ManifestSource) -> DataConfig:
    """``config`` without what the manifest's own section did already.

    Raises :class:`DataError` for settings that would do it again, or otherwise.
    """
    own = source.facts.section
    if source.facts.made_by == "split":  # it drew its splits itself, and changed nothing else
        return config
    for name, nothing in ONCE.items():
        if own.get(name, nothing) != nothing and getattr(config, name) != nothing:
            shown = "null" if nothing is None else nothing
            raise DataError(
                f"data.{name}: {source.name} was made from data that had it already: set data.{name}={shown}"
            )
    for name in DRAWN:
        now = getattr(config, name)
        if now is not None and now != own.get(name):
            was = own.get(name)
            raise DataError(
                f"data.{name}: {source.name} was made with {'null' if was is None else was}, and its splits "
                f"stay: must be that or null, got {now}"
            )
    return config.model_copy(update=dict.fromkeys(DRAWN))
