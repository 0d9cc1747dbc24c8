"""The section ``retrieval``: how images of identities are found again."""

from typing import Literal

from pydantic import Field

from platform.config.section import Section


class RetrievalConfig(Section):
    """What an image's embedding is made of. Of use for data with ``identities`` alone."""

    flip: bool = Field(True, description="embed the mirror image too, and take the mean of both")
    networks: Literal["all", "first", "second"] = Field(
        "all", description="whose embeddings are compared, of a method with two networks"
    )
    combination: Literal["mean", "concatenation"] = Field(
        "concatenation", description="what several networks' embeddings become; mean needs equal widths"
    )
