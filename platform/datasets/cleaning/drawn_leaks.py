"""Leaks into splits that the source does not have: an audit finds copies, and the draw may part them."""

import pandas as pd

from platform.datasets.audit.findings import SCHEMA, members_of_groups

COPIES = ("duplicate", "near_duplicate")


def drawn_leaks(rows: pd.DataFrame, findings: pd.DataFrame) -> pd.DataFrame:
    """Findings ``leak`` on training images of groups of copies that reach into val or test.

    ``rows``: of a manifest, with the splits as they were drawn. Images with such a finding already get no
    second one.
    """
    own = members_of_groups(findings, COPIES)
    own = own.assign(split=own["path"].map(rows.set_index("path")["split"]))
    held = own[own["split"].isin(["val", "test"])].sort_values("path").drop_duplicates("group")
    known = findings["path"][findings["kind"] == "leak"]
    leaking = own[(own["split"] == "train") & own["group"].isin(held["group"]) & ~own["path"].isin(known)]
    there = held.set_index("group").loc[leaking["group"], ["path", "split"]]
    why = "a copy of it, " + there["path"].to_numpy(dtype=object) + ", is in " + there["split"].to_numpy()
    found: pd.DataFrame = leaking.assign(kind="leak", suggestion="drop", why=why)[SCHEMA.names]
    return found.reset_index(drop=True)
