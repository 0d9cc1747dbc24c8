"""The sections of ``augment`` for what follows the crop: operations on one image, and mixing of two."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from platform.config.section import Section

Probability = Annotated[float, Field(ge=0, le=1, description="probability for each image")]
Strength = Annotated[float, Field(ge=0)]


def ascending(ends: tuple[Any, Any]) -> tuple[Any, Any]:
    """Return the range [lower, upper]; ValueError if lower > upper."""
    if ends[0] > ends[1]:
        raise ValueError(f"must be [lower, upper], got [{ends[0]:g}, {ends[1]:g}]")
    return ends


class TrivialAugmentWide(Section):
    """One operation of fourteen, at a random strength (Müller & Hutter, ICCV 2021, arXiv 2103.10158)."""

    name: Literal["trivial_augment_wide"] = "trivial_augment_wide"
    num_magnitude_bins: int = Field(31, ge=2, description="number of strengths")


class RandAugment(Section):
    """Several operations, all at one strength (Cubuk et al., CVPR Workshops 2020, arXiv 1909.13719)."""

    name: Literal["rand_augment"] = "rand_augment"
    num_ops: int = Field(2, ge=1, description="operations per image, one after the other")
    magnitude: int = Field(9, ge=0, description="their strength, from 0 to num_magnitude_bins - 1")
    num_magnitude_bins: int = Field(31, ge=2, description="number of strengths")

    @model_validator(mode="after")
    def _magnitude_is_a_bin(self) -> "RandAugment":
        if self.magnitude >= self.num_magnitude_bins:
            bins = self.num_magnitude_bins
            raise ValueError(f"magnitude must be < num_magnitude_bins ({bins}), got {self.magnitude}")
        return self


class AugMix(Section):
    """Several chains of operations, mixed with each other and the image (Hendrycks et al., ICLR 2020,
    arXiv 1912.02781; without the consistency loss of that paper)."""

    name: Literal["augmix"] = "augmix"
    severity: int = Field(3, ge=1, le=10, description="greatest strength of an operation, 1 to 10")
    mixture_width: int = Field(3, ge=1, description="number of chains")
    chain_depth: int = Field(-1, ge=-1, description="operations per chain; -1: 1 to 3 at random")
    alpha: float = Field(
        1.0, gt=0, description="parameter of the Dirichlet and Beta distributions of the weights"
    )

    @field_validator("chain_depth")
    @classmethod
    def _is_deep(cls, depth: int) -> int:
        if depth == 0:
            raise ValueError("must be -1 or at least 1, got 0")
        return depth


Policy = Annotated[TrivialAugmentWide | RandAugment | AugMix, Field(discriminator="name")]


class ColorJitter(Section):
    """Multiply brightness, contrast and saturation by factors in [max(0, 1 - x), 1 + x] and turn the hue by
    up to x, in random order."""

    probability: Probability = 1.0
    brightness: Strength = Field(
        0.0, description="share by which the brightness may change; 0: none", examples=[0.4]
    )
    contrast: Strength = Field(
        0.0, description="share by which the contrast may change; 0: none", examples=[0.4]
    )
    saturation: Strength = Field(
        0.0, description="share by which the saturation may change; 0: none", examples=[0.4]
    )
    hue: float = Field(
        0.0,
        ge=0,
        le=0.5,
        description="share of the colour circle by which the hue may turn, either way; 0: none",
        examples=[0.1],
    )


class RandomErasing(Section):
    """Overwrite a rectangle (Zhong et al., AAAI 2020, arXiv 1708.04896)."""

    probability: Probability = 0.25
    scale: tuple[float, float] = Field(
        (0.02, 0.33),
        strict=False,
        description="smallest and largest share of the image's area that is overwritten",
    )
    ratio: tuple[float, float] = Field(
        (0.3, 3.3), strict=False, description="smallest and largest height / width of the rectangle"
    )
    value: Literal["mean", "black", "noise"] = Field(
        "mean", description="what is written: the mean colour of the training images, black, or random pixels"
    )

    @field_validator("scale", "ratio")
    @classmethod
    def _is_a_range(cls, ends: tuple[float, float]) -> tuple[float, float]:
        if ends[0] <= 0:
            raise ValueError(f"must be above 0, got {ends[0]:g}")
        return ascending(ends)

    @field_validator("scale")
    @classmethod
    def _is_a_share(cls, scale: tuple[float, float]) -> tuple[float, float]:
        if scale[1] > 1:
            raise ValueError(f"must be at most 1, got {scale[1]:g}")
        return scale


class Cutout(Section):
    """Overwrite a square, which may reach beyond the image, with the mean colour (DeVries & Taylor, 2017,
    arXiv 1708.04552)."""

    probability: Probability = 1.0
    size: int = Field(8, ge=1, description="side of the square in px")


class DownUp(Section):
    """Shrink and enlarge again, as if the image came from a thumbnail on the web."""

    probability: Probability = 0.3
    scale: tuple[float, float] = Field(
        (0.25, 0.9),
        strict=False,
        description="smallest and largest size in between, as a share of image_size",
    )

    @field_validator("scale")
    @classmethod
    def _is_a_share(cls, scale: tuple[float, float]) -> tuple[float, float]:
        if not 0 < scale[0] <= scale[1] <= 1:
            raise ValueError(f"must be [lower, upper] above 0, at most 1, got [{scale[0]:g}, {scale[1]:g}]")
        return scale


class Jpeg(Section):
    """Compress as JPEG."""

    probability: Probability = 0.3
    quality: tuple[int, int] = Field(
        (30, 90), strict=False, description="lowest and highest quality, 1 to 100"
    )

    @field_validator("quality")
    @classmethod
    def _is_a_quality(cls, quality: tuple[int, int]) -> tuple[int, int]:
        if not 1 <= quality[0] <= quality[1] <= 100:
            raise ValueError(f"must be [lower, upper] from 1 to 100, got [{quality[0]}, {quality[1]}]")
        return quality


class MotionBlur(Section):
    """Blur along a line of random direction."""

    probability: Probability = 0.3
    kernel_size: tuple[int, int] = Field(
        (3, 9),
        strict=False,
        description="smallest and largest length of the line in px, odd numbers from 3 on",
    )

    @field_validator("kernel_size")
    @classmethod
    def _is_odd(cls, ends: tuple[int, int]) -> tuple[int, int]:
        if ends[0] < 3 or ends[0] % 2 == 0 or ends[1] % 2 == 0:
            raise ValueError(f"must be odd numbers from 3 on, got [{ends[0]}, {ends[1]}]")
        return ascending(ends)


class MixingConfig(Section):
    """Mix each image of a batch, and its label, with its neighbour.

    mixup (Zhang et al., ICLR 2018, arXiv 1710.09412) averages two images; cutmix (Yun et al., ICCV 2019,
    arXiv 1905.04899) pastes a rectangle of one into the other. The share comes from Beta(alpha, alpha).
    """

    mixup_alpha: float = Field(
        0.0,
        ge=0,
        description="alpha of mixup: the larger, the more evenly two images are mixed; 0: no mixup",
        examples=[0.2],
    )
    cutmix_alpha: float = Field(
        0.0,
        ge=0,
        description="alpha of cutmix: the larger, the more often half of an image is replaced; 0: no cutmix",
        examples=[1.0],
    )
    probability: float = Field(1.0, ge=0, le=1, description="share of the batches that are mixed")
    switch_probability: float = Field(
        0.5, ge=0, le=1, description="share of the mixed batches that get cutmix if both are on"
    )

    @model_validator(mode="after")
    def _mixes(self) -> "MixingConfig":
        if self.mixup_alpha == 0 and self.cutmix_alpha == 0:
            raise ValueError("mixup_alpha or cutmix_alpha must be > 0; leave the section out for no mixing")
        return self
