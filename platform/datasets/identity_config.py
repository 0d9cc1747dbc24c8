"""The section ``data.identities``: people or things that are to be found again under other cameras."""

import re

from pydantic import Field, field_validator

from platform.config.errors import did_you_mean
from platform.config.section import Section

GROUPS = ("identity", "camera")
MARKET = r"(?:^|/)(?P<identity>-?\d+)_c(?P<camera>\d+)"
"""0002_c1s1_000451_03.jpg of Market-1501 and 0001_c2_f0046182.jpg of DukeMTMC-reID."""


class IdentityConfig(Section):
    """How an image's path tells whom it shows and which camera saw it, and what becomes a query.

    Identities that are held out, for val always and for test where the source brings no query and gallery,
    are not learnt. Of each of them, ``queries`` images of each camera are queries and its others the gallery;
    of the cameras with no more images than that, in a random order, the first gives all of its images to the
    gallery, the second all as queries, and so on. So every query has an image of its identity by another
    camera in the gallery. Only identities that several cameras saw are held out.
    """

    pattern: str = Field(
        MARKET,
        min_length=1,
        description="regular expression searched for in the path below the split's folder, with the groups "
        "identity (without one: the folder's path) and camera; default: Market-1501's and DukeMTMC-reID's",
    )
    queries: int = Field(1, ge=1, description="query images of each camera of a held-out identity")

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
