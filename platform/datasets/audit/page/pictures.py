"""The small pictures of some images, as data: URIs."""

import base64
from collections.abc import Iterable

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from platform.datasets.audit.folder import AuditFolder

PNG_START = b"\x89PNG"


def pictures_of(folder: AuditFolder, all_paths: pd.Series, wanted: Iterable[str]) -> dict[str, str]:
    """Path -> picture, of those that can be read; no others are loaded into memory."""
    names = sorted(set(wanted))
    rows = np.sort(pd.Index(all_paths).get_indexer(pd.Index(names, dtype=object)))
    file = pq.ParquetFile(folder.thumbnails_file)
    sizes = [file.metadata.row_group(place).num_rows for place in range(file.num_row_groups)]
    ends = np.cumsum(sizes)
    groups = np.searchsorted(ends, rows, side="right")
    found: dict[str, str] = {}
    for group in np.unique(groups):
        inside = rows[groups == group] - (ends[group] - sizes[group])
        table = file.read_row_group(int(group)).take(inside)
        for path, picture in zip(table["path"].to_pylist(), table["picture"].to_pylist(), strict=True):
            if picture is not None:
                found[path] = _uri(picture)
    return found


def _uri(picture: bytes) -> str:
    kind = "png" if picture.startswith(PNG_START) else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"
