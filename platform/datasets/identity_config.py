"""The section ``data.identities``: people or things to find again under other cameras."""

import re

from pydantic import Field, field_validator

from platform.config.errors import did_you_mean
from platform.config.section import Section

GROUPS = ("identity", "camera")
MARKET = r"(?:^|/)(?P<identity>-?\d+)_c(?P<camera>\d+)"
"""0002_c1s1_000451_03.jpg of Market-1501 and 0001_c2_f0046182.jpg of DukeMTMC-reID."""


class IdentityConfig(Section):
    """How to read identity and camera from an image's path, and how many images become queries.

    Some identities are held out for val, and for test if the source has no query and gallery folders; they
    are not learnt. Only identities seen by several cameras are held out. For each of them, ``queries`` images
    a camera are queries, its other images the gallery. Cameras with no more images than that are taken in
    random order: the first gives all its images to the gallery, the second gives all as queries, and so on.
    So the gallery holds an image by another camera for every query.
    """

    pattern: str = Field(
        MARKET,
        min_length=1,
        description="regular expression searched in the path below the split's folder, with the groups "
        "identity (if absent: the folder's path) and camera; by default that of Market-1501 and "
        "DukeMTMC-reID",
        examples=[r"_(?P<camera>\d+)\.png$"],
    )
    queries: int = Field(
        1,
        ge=1,
        description="images of each camera of a held-out identity that become queries; the others are the "
        "gallery",
    )

    @field_validator("pattern")
    @classmethod
    def _has_its_groups(cls, pattern: str) -> str:
        try:
            groups = re.compile(pattern).groupindex
        except re.error as error:
            raise ValueError(f"must be a regular expression, got {pattern!r}: {error}") from error
        unknown = [name for name in groups if name not in GROUPS]
        if unknown:
            raise ValueError(
                f"may have the groups {' and '.join(GROUPS)}, got {unknown[0]!r}"
                f"{did_you_mean(unknown[0], GROUPS)}"
            )
        if "camera" not in groups:
            raise ValueError(f"must have a group (?P<camera>…), got {pattern!r}: queries need other cameras")
        return pattern
