"""The images of a data section with the splits that a sweep of it has, drawn once for all manifests of it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from platform.config.errors import UserError
from platform.datasets.cleaning.manifest_table import as_given, read_manifest
from platform.datasets.data_config import DataConfig, PatternedNoise
from platform.datasets.preparation.listing import Listing, list_images
from platform.datasets.preparation.manifest import make_manifest
from platform.datasets.sources.source import ManifestSource
from platform.datasets.tables.label_columns import is_unlabelled
from platform.datasets.tables.table_files import MISSING

COLUMNS = ("path", "label", "clean", "split", "camera", "role")


@dataclass(frozen=True)
class Drawn:
    """``test_share``: of the test split that was drawn; None if the source or a manifest has its own.

    ``listed``: paths of all images that the source has now, with those that noise or imbalance leave out.
    """

    rows: pd.DataFrame
    test_share: float | None
    listed: frozenset[str] = frozenset()


def drawn(config: DataConfig, unreadable: frozenset[str], sweep_manifest: Path | None = None) -> Drawn:
    """The rows of a manifest that changes nothing, or of the one that the section names, sorted by path.

    Validation and test rows are those of a sweep of the section, which leaves ``unreadable`` images out
    before it draws them. ``sweep_manifest``: the file in which a sweep of the section kept its images.

    Raises UserError where the splits or labels cannot be told.
    """
    listing = list_images(config)
    listed = frozenset(listing.rows["path"])
    if isinstance(listing.source, ManifestSource):
        return Drawn(read_manifest(listing.source.file).rows, None, listed)
    table = _made(listing, unreadable) if sweep_manifest is None else _of_sweep(sweep_manifest, listing)
    table = _with_junk(table, listing)
    lost = listing.rows[listing.rows["path"].isin(unreadable) & ~listing.rows["path"].isin(table["path"])]
    rows = pd.concat([table, _as_listed(lost)], ignore_index=True)
    share = listing.default_test_share if config.test_share is None else config.test_share
    return Drawn(as_given(rows.sort_values("path", ignore_index=True)), share or None, listed)


def _made(listing: Listing, unreadable: frozenset[str]) -> pd.DataFrame:
    if isinstance(listing.config.noise, PatternedNoise):
        raise UserError(
            "data.noise: which labels patterned noise replaces is known once images are decoded: audit with "
            "--sweep, whose manifest has them"
        )
    readable = listing.rows[~listing.rows["path"].isin(unreadable)].reset_index(drop=True)
    made = make_manifest(readable, listing.config, listing.default_test_share)
    names = np.array([*made.classes, *made.held_out, None], dtype=object)  # -1 selects the last
    coded = made.table
    named = {column: names[coded[column].to_numpy()] for column in ("label", "clean")}
    return coded.assign(**{column: pd.Series(values, dtype=object) for column, values in named.items()})[
        list(COLUMNS)
    ]


def _with_junk(table: pd.DataFrame, listing: Listing) -> pd.DataFrame:
    """Junk of a gallery, which has no code, under the name that the source gives it."""
    nameless = (table["split"] != "train") & table["label"].isna()
    names = table["path"].map(listing.rows.set_index("path")["label"])
    return table.assign(label=table["label"].astype(object).where(~nameless, names))


def _of_sweep(file: Path, listing: Listing) -> pd.DataFrame:
    if not file.is_file():
        raise UserError(f"{file}: is missing: the sweep of the audit kept no list of its images")
    table = pd.read_parquet(file)[list(COLUMNS)]
    strange = ~table["path"].isin(listing.rows["path"])
    if strange.any():
        first = table["path"][strange].iloc[0]
        raise UserError(f"{file}: lists {first}, which {listing.source} does not have: it is of other data")
    texts = table[["label", "clean"]].astype(object)
    return table.assign(
        label=texts["label"].where(texts["label"].notna(), None),
        clean=texts["clean"].where(texts["clean"].notna(), None),
    )


def _as_listed(rows: pd.DataFrame) -> pd.DataFrame:
    """Images that cannot be read, with the label and split of the source."""
    label = rows["label"].astype(object).where(~is_unlabelled(rows) & (rows["label"] != MISSING), None)
    clean = rows["clean"].astype(object) if "clean" in rows else pd.Series(None, rows.index, dtype=object)
    return pd.DataFrame(
        {
            "path": rows["path"],
            "label": label,
            "clean": clean.where(clean != MISSING, None),
            "split": rows["split"],
            "camera": rows.get("camera", -1),
            "role": rows.get("role", ""),
        }
    )
