"""Test-time views: an image mirrored, cut into crops, or at another size.

S x T: height and width of the network's input (px).
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from platform.datasets.geometry import CROP_SHARE, Frame, evaluation_frame
from platform.datasets.image_size import AnySize, Size

Corner = Literal["top_left", "top_right", "bottom_left", "bottom_right", "centre"]


class _Record(BaseModel):
    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", validate_by_name=True, serialize_by_alias=True
    )


class Crop(_Record):
    """One crop of an image, as the network sees it.

    ``window``: which crop window [S, T] of the image, after the image is enlarged to 1 / 0.875 of the input
    (ten-crop's 224 of 256: Krizhevsky, Sutskever and Hinton, NeurIPS 2012, section 4.1); None: the crop of
    evaluation.
    """

    window: Corner | None = None
    mirrored: bool = False

    def frame(self, size: Size, *, whole: bool) -> Frame:
        """The part of the image that is resized to the canvas, from which the window is cut."""
        if self.window is None:
            return evaluation_frame(size, whole=whole)
        canvas = size.scaled(1 / CROP_SHARE)
        return Frame(canvas, canvas.width if size.is_square and not whole else None)

    def corner(self, size: Size, canvas: Size) -> tuple[int, int]:
        """The window's top left corner: px down and right from the canvas's."""
        down, right = canvas.height - size.height, canvas.width - size.width
        if self.window is None:
            return 0, 0
        if self.window == "centre":
            return down // 2, right // 2
        return down * self.window.startswith("bottom"), right * self.window.endswith("right")


EVALUATION = Crop()
"""The crop of evaluation."""


class View(_Record):
    """A version of each image in which a trial is evaluated: its prediction is the mean over ``crops``.

    ``image_size``: of the network's input (px); None: that of the trial's last evaluation. Files call the
    crops ``looks``.
    """

    name: str
    image_size: AnySize | None = None
    crops: tuple[Crop, ...] = Field((Crop(),), min_length=1, strict=False, alias="looks")


PLAIN = View(name="plain")
"""The view of evaluation."""
