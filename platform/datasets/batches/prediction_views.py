"""Ways to look at an image when predicting: mirrored, through windows of it, at another size.

S x T: height and width of the network's input (px).
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from platform.datasets.geometry import CROP_SHARE, Frame, evaluation_frame
from platform.datasets.image_size import AnySize, Size

Corner = Literal["top_left", "top_right", "bottom_left", "bottom_right", "centre"]


class _Record(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Look(_Record):
    """One picture of an image.

    ``window``: which window [S, T] of the image enlarged to 1 / 0.875 of the input (ten-crop's 224 of 256:
    Krizhevsky, Sutskever and Hinton, NeurIPS 2012, section 4.1); None: what evaluation sees.
    """

    window: Corner | None = None
    mirrored: bool = False

    def frame(self, size: Size, *, whole: bool) -> Frame:
        """What of the image is resized to the canvas that the window is cut from."""
        if self.window is None:
            return evaluation_frame(size, whole=whole)
        canvas = size.scaled(1 / CROP_SHARE)
        return Frame(canvas, canvas.width if size.is_square and not whole else None)

    def corner(self, size: Size, canvas: Size) -> tuple[int, int]:
        """px down and right from the canvas's corner to the window's."""
        down, right = canvas.height - size.height, canvas.width - size.width
        if self.window is None:
            return 0, 0
        if self.window == "centre":
            return down // 2, right // 2
        return down * self.window.startswith("bottom"), right * self.window.endswith("right")


class View(_Record):
    """How a network is shown an image: its prediction is the mean over ``looks`` of its probabilities.

    ``image_size``: of its input (px); None: what it saw in its last evaluation.
    """

    name: str
    image_size: AnySize | None = None
    looks: tuple[Look, ...] = Field((Look(),), min_length=1, strict=False)


PLAIN = View(name="plain")
"""As evaluation sees it."""
