"""The section ``model``: one network, checked without importing timm."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from platform.config.section import Section, reject
from platform.datasets.image_size import Size
from platform.models.backbones import Backbone, find_backbone, nearest_backbones, table_is_current

BYTES_PER_PARAMETER = 4


class EmbeddingConfig(Section):
    """The head of re-identification: linear, batch norm, LeakyReLU, dropout, classifier."""

    dim: int = Field(512, ge=1, description="dimensions of the embedding, which retrieval compares")
    dropout: float = Field(
        0.5, ge=0, lt=1, description="dropout between embedding and classifier, a probability"
    )


class ModelConfig(Section):
    """A timm backbone with a classifier."""

    backbone: str = Field(description="any timm name, with or without a tag: resnet50, resnet50.a1_in1k")
    pretrained: bool = Field(False, description="start from timm's published weights (downloaded once)")
    weights: str | None = Field(
        None, description="start from this local file (.safetensors, .pth), as far as its tensors fit"
    )
    stem: Literal["auto", "small", "original"] = Field(
        "auto",
        description="small: the stem keeps the resolution; auto: small for convolutional nets under 64 px",
    )
    dropout: float = Field(
        0.0, ge=0, lt=1, description="dropout before the classifier or the embedding, a probability"
    )
    drop_path: float = Field(0.0, ge=0, lt=1, description="stochastic depth of the last block, a probability")
    embedding: EmbeddingConfig | None = Field(
        None, description="a head with an embedding, for re-identification; null: timm's classifier"
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
            reject("weights", "start from pretrained or from weights, not both", self.weights)
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
        """Why the backbone cannot take images of this size; None where it can, or is unknown."""
        known = find_backbone(self.backbone)
        if known is not None and known.size_multiple > 1 and any(side % known.size_multiple for side in size):
            return f"must be a multiple of {known.size_multiple} for {known.name}"
        return None


def checkpoint_bytes(config: ModelConfig, classes: int) -> int:
    """Bytes of one network's weights in float32; 0 for a backbone newer than the table."""
    known = find_backbone(config.backbone)
    if known is None:
        return 0
    head = known.parameters_per_class * classes
    if config.embedding is not None:
        dim = config.embedding.dim  # each costs what a class does, two parameters of its norm besides
        head = (known.parameters_per_class + 2) * dim + (dim + 1) * classes
    return BYTES_PER_PARAMETER * (known.parameters + head)


def _timm_knows(backbone: str) -> bool:
    import timm

    return bool(timm.is_model(backbone))
