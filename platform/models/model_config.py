"""The section ``model``: one network, validated without importing timm."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from platform.config.section import Section, reject
from platform.datasets.image_size import Size
from platform.models.backbones import Backbone, find_backbone, nearest_backbones, table_is_current

BYTES_PER_PARAMETER = 4
P_MIN, P_MAX = 1.0, 16.0
"""Bounds of the exponent of GeM: the mean, and close to the maximum."""


class EmbeddingConfig(Section):
    """The head for re-identification: linear, batch norm, LeakyReLU, dropout, classifier."""

    dim: int = Field(512, ge=1, description="dimensions of the embedding, which is what retrieval compares")
    dropout: float = Field(
        0.5, ge=0, lt=1, description="dropout probability between embedding and classifier"
    )


class PoolConfig(Section):
    """How the last feature map becomes one vector."""

    name: Literal["avg", "max", "avg_max", "avg_max_concat", "gem"] = Field(
        "gem",
        description="avg: mean; max: maximum; avg_max: the mean of both; avg_max_concat: both side by side, "
        "twice as many features; gem: generalised mean, the p-th root of the mean of p-th powers",
        examples=["gem", {"choice": ["avg", "max", "gem"]}],
    )
    p: float = Field(
        3.0,
        gt=P_MIN,
        lt=P_MAX,
        description="for gem: the exponent at the start; towards 1: mean; the higher, the more like max",
    )
    learnable: bool = Field(
        True, description="for gem: whether the exponent is learnt, between 1 and 16; false: it stays"
    )
    negative: Literal["clamp", "sign"] = Field(
        "clamp",
        description="for gem: negative features. clamp: they count as 0.000001 and learn nothing, as "
        "published, for backbones that end in a ReLU; sign: they keep their sign, for Swin and ConvNeXt",
    )


class ModelConfig(Section):
    """A timm backbone with a classifier."""

    backbone: str = Field(
        description="name of the network in timm, with or without the tag of its weights: resnet50, "
        "resnet50.a1_in1k",
        examples=["resnet50", {"choice": ["resnet50", "convnext_tiny"]}],
    )
    pretrained: bool = Field(
        False, description="start from timm's published weights, which are downloaded once and cached"
    )
    weights: str | None = Field(
        None,
        description="start from this local file of weights (.safetensors, .pth); tensors that do not fit "
        "are skipped; null: none",
        examples=["weights/resnet50.safetensors"],
    )
    stem: Literal["auto", "small", "original"] = Field(
        "auto",
        description="the first layers. small: they keep the resolution, for small images; original: as in "
        "timm; auto: small for convolutional networks below 64 px",
    )
    dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="dropout probability before the classifier or the embedding",
        examples=[0.2, {"uniform": [0, 0.5]}],
    )
    drop_path: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="probability that the last block is skipped in a step (stochastic depth); earlier blocks "
        "proportionally less",
        examples=[0.1, {"uniform": [0, 0.2]}],
    )
    pool: PoolConfig | None = Field(
        None,
        description="how the last feature map becomes one vector; null: as in timm, a mean in most networks",
        examples=[{"name": "gem", "p": 3}],
    )
    embedding: EmbeddingConfig | None = Field(
        None,
        description="a head with an embedding, for re-identification; null: timm's classifier alone",
        examples=[{"dim": 512}],
    )

    cosine_scale: float | None = Field(
        None,
        gt=0,
        description="a classifier without bias whose logits are this times the cosine of the angle between "
        "an image's features and a class's weights, as the losses ldam and am_softmax need; more classes "
        "need more of it (published: 30); null: timm's linear classifier",
        examples=[30.0, {"loguniform": [10, 64]}],
    )

    @field_validator("backbone")
    @classmethod
    def _is_a_timm_name(cls, backbone: str) -> str:
        if find_backbone(backbone) is None and (table_is_current() or not _timm_knows(backbone)):
            near = nearest_backbones(backbone)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise ValueError(f"timm has no model {backbone!r}{hint}")
        return backbone

    @model_validator(mode="after")
    def _fits_the_backbone(self) -> "ModelConfig":
        if self.weights is not None and self.pretrained:
            reject("weights", "set pretrained or weights, not both", self.weights)
        known = find_backbone(self.backbone)
        if known is not None:
            self._check_options(known)
        return self

    def _check_options(self, known: Backbone) -> None:
        tag = self.backbone.partition(".")[2]
        if tag and tag not in known.pretrained:
            tags = ", ".join(known.pretrained) or "none"
            reject("backbone", f"{known.name} has no weights of this tag; there are: {tags}", self.backbone)
        if self.pretrained and not known.pretrained:
            reject("pretrained", f"timm has no published weights of {known.name}", True)
        for setting, option in (("dropout", "drop_rate"), ("drop_path", "drop_path_rate")):
            if getattr(self, setting) and option not in known.options:
                reject(setting, f"{known.name} has none, so it must be 0", getattr(self, setting))
        if self.stem == "small" and not known.has_small_stem:
            reject("stem", f"no small stem can be made for {known.name}", self.stem)

    def check_image_size(self, size: Size) -> str | None:
        """Why the backbone cannot take images of this size; None if it can, or is unknown."""
        known = find_backbone(self.backbone)
        if known is not None and known.size_multiple > 1 and any(side % known.size_multiple for side in size):
            return f"must be a multiple of {known.size_multiple} for {known.name}"
        return None


def checkpoint_bytes(config: ModelConfig, classes: int) -> int:
    """Bytes of one network's float32 weights; 0 for a backbone newer than the table."""
    known = find_backbone(config.backbone)
    if known is None:
        return 0
    per_class = known.parameters_per_class
    if config.pool is not None and config.pool.name == "avg_max_concat":
        per_class = 2 * per_class - 1  # twice the features, one bias
    head = per_class * classes
    if config.embedding is not None:
        dim = config.embedding.dim  # each dimension costs as much as a class, plus two parameters of the norm
        head = (per_class + 2) * dim + (dim + 1) * classes
    return BYTES_PER_PARAMETER * (known.parameters + head)


def _timm_knows(backbone: str) -> bool:
    import timm

    return bool(timm.is_model(backbone))
