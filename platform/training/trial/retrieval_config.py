"""The section ``retrieval``: how embeddings are computed for data with identities."""

from typing import Literal

from pydantic import Field

from platform.config.section import Section


class RetrievalConfig(Section):
    """How an image is embedded. Only for data with ``identities``."""

    flip: bool = Field(True, description="average the embeddings of the image and its mirror image")
    networks: Literal["all", "first", "second"] = Field(
        "all", description="whose embeddings are compared where a method trains two networks"
    )
    combination: Literal["mean", "concatenation"] = Field(
        "concatenation",
        description="how several networks' embeddings become one; mean needs equal dimensions",
    )
