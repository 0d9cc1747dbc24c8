"""Where pictures say too little to prove a copy: what is then compared, and suggested."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from platform.datasets.errors import counted

SMALLEST = 24
"""px of the shorter side below which only equal pixels make a copy: 12 x 12 edges prove nothing."""
MOST_ALIKE = 0.25
"""Where more of the images are near duplicates than this share, the images are alike rather than copies."""
WITHOUT_PROOF = ("near_duplicate", "conflicting_labels", "placeholder", "leak")
"""Kinds that may rest on near duplicates."""


def is_too_small(images: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """[N]: readable images whose shorter side is below :data:`SMALLEST`."""
    shorter = images[["width", "height"]].min(axis=1)
    return np.asarray(images["readable"].to_numpy(np.bool_) & (shorter < SMALLEST).to_numpy())


def cautious(findings: pd.DataFrame, images: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The findings, with nothing suggested where images are merely alike; and sentences that say so."""
    cautions = []
    if small := int(is_too_small(images).sum()):
        cautions.append(
            f"{counted(small, 'image')} with a side under {SMALLEST} px {'is' if small == 1 else 'are'} "
            "compared by equal pixels only"
        )
    readable = int(images["readable"].sum())
    alike = findings["path"][findings["kind"] == "near_duplicate"].nunique()
    if readable and alike > MOST_ALIKE * readable:
        cautions.append(
            f"{alike:,} of {counted(readable, 'image')} would be near duplicates: these images are drawings "
            "or series that are alike, so nothing is suggested that does not rest on equal pixels"
        )
        unproven = findings["kind"].isin(WITHOUT_PROOF) & (findings["score"] < 1)
        findings = findings.assign(suggestion=findings["suggestion"].mask(unproven, "look"))
    return findings, cautions
