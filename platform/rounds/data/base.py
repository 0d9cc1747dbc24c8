"""The manifest that round 1 learns from: the space's images with splits, noise and labels that stay.

Every round's sweep names a manifest as its source, so that validation and test are rows in it and never
drawn again.
"""

import hashlib
import json
from pathlib import Path

import pandas as pd

from platform.datasets.cleaning.drawn import COLUMNS, Drawn, drawn
from platform.datasets.cleaning.manifest_table import ManifestTable, as_given, facts_for, write_manifest
from platform.datasets.data_config import DataConfig, PatternedNoise
from platform.datasets.image_size import Size
from platform.datasets.preparation.prepare import prepare
from platform.datasets.sources.source import ManifestSource, open_source

HELD_OUT = ("val", "test")


def write_base(config: DataConfig, image_size: Size, file: Path) -> ManifestTable:
    """Draw splits and noise once, and write them.

    Images that cannot be read are among the rows; each sweep leaves them out, as far as data.max_bad lets it.

    Args:
        image_size: the largest of the space; only patterned noise decodes images.

    Raises:
        UserError: the data cannot be read.
    """
    source = open_source(config.source)
    made = _drawn(config, image_size)
    section = config.model_dump(mode="json") | {"test_share": made.test_share}
    facts = facts_for(config.source, file, section, "clean")
    if isinstance(source, ManifestSource):  # what was cleaned before goes on from there
        own = source.facts
        facts = facts_for(own.place(source.file), file, own.section, "clean", round=own.round)
    return write_manifest(file, made.rows, facts)


def _drawn(config: DataConfig, image_size: Size) -> Drawn:
    if not isinstance(config.noise, PatternedNoise):
        return drawn(config, frozenset())
    frame = prepare(config, image_size).manifest_frame()[list(COLUMNS)]
    texts = frame[["label", "clean"]].astype(object)
    for name in texts:
        frame[name] = texts[name].where(texts[name].notna(), None)
    return Drawn(as_given(frame), config.test_share)


def held_out_digests(rows: pd.DataFrame) -> dict[str, str]:
    """SHA-256 of paths, given and true labels of validation and test, for the splits that have rows."""
    found = {}
    for split in HELD_OUT:
        own = rows.loc[rows["split"] == split, ["path", "label", *(["clean"] if "clean" in rows else [])]]
        if len(own):
            sha = hashlib.sha256()
            own = own.astype(object).where(own.notna(), None).sort_values("path")
            for row in own.itertuples(index=False, name=None):
                sha.update(json.dumps(row).encode())
            found[split] = sha.hexdigest()
    return found
