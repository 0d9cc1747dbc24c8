"""The ``data`` section of a YAML: where the images come from and what is done to their labels."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from platform.config.errors import did_you_mean
from platform.config.section import Section, reject
from platform.datasets.identity_config import IdentityConfig

READERS = Path(__file__).parent / "readers"
IDENTITIES = "identities"
"""The reader of what ``data.identities`` describes."""


class SymmetricNoise(Section):
    """Labels of training rows are replaced by another class, each other class as likely."""

    kind: Literal["symmetric"]
    rate: float = Field(0.4, ge=0, le=1, description="share of the training rows whose label is replaced")


class AsymmetricNoise(Section):
    """Labels of training rows are replaced by the class that theirs is taken for."""

    kind: Literal["asymmetric"]
    rate: float = Field(
        0.3, ge=0, le=1, description="share of the mapped classes' rows whose label is replaced"
    )
    class_map: dict[str, str] = Field(min_length=1, description="class -> the class it is taken for")

    @field_validator("class_map")
    @classmethod
    def _changes_the_label(cls, class_map: dict[str, str]) -> dict[str, str]:
        for source, target in class_map.items():
            if source == target:
                raise ValueError(f"must map a class to another one, got {source!r}: {target!r}")
        return class_map


class ColumnNoise(Section):
    """Labels of training rows are those of another column; the column ``label`` becomes the true label."""

    kind: Literal["column"]
    column: str = Field(min_length=1, description="column of noisy labels")


class PatternedNoise(Section):
    """Labels of training rows are replaced by the class that the picture itself would be taken for.

    Pictures are compared by their colours and edges; see picture_features.py and look_alikes.py.
    """

    kind: Literal["patterned"]
    rate: float = Field(0.2, ge=0, le=1, description="share of the training rows whose label is replaced")
    model: Literal["linear", "nearest"] = Field(
        "linear",
        description="linear: the runner-up of a linear model trained on the labels of other images; "
        "nearest: the class of the most similar image of another class",
    )


Noise = Annotated[
    SymmetricNoise | AsymmetricNoise | ColumnNoise | PatternedNoise, Field(discriminator="kind")
]


class DataConfig(Section):
    """What to learn from. Splits, imbalance and noise depend on ``seed`` and the paths, on nothing else."""

    source: str = Field(
        "digits",
        min_length=1,
        description="digits or figures (embedded; ./digits is a folder), or a folder, CSV, Parquet or zip "
        "file's path",
    )
    reader: str = Field("auto", description="auto: the one that recognises the source; or a file in readers/")
    identities: IdentityConfig | None = Field(
        None,
        description="who is to be found again under other cameras (re-identification); null: classification",
    )
    label: str = Field("label", min_length=1, description="column of the labels that a method sees")
    clean_label: str | None = Field(
        "clean",
        min_length=1,
        description="column of true labels, seen by evaluation only; null: there is none",
    )
    unlabelled: Literal["refuse", "leave_out", "use"] = Field(
        "refuse",
        description="training images without a label: none may be there; they are left out; or they are used "
        "by a method that learns without labels too (supcon). Those of val and test need one",
    )
    unlabelled_folder: str | None = Field(
        None, min_length=1, description="of class folders the one whose images have no label; null: none"
    )
    val_share: float = Field(
        0.1,
        gt=0,
        lt=1,
        description="share of the training rows held out where the source has no val split; of identities: "
        "share of those to learn from",
    )
    test_share: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="share of rows or identities held out as test; null: 0.2 of digits, else only what the "
        "source has",
    )
    val_label: Literal["given", "clean"] = Field(
        "given", description="labels that val/… metrics compare with"
    )
    many_shot: int = Field(100, ge=0, description="classes of more training images count as val/many_shot")
    few_shot: int = Field(20, ge=0, description="classes of fewer training images count as val/few_shot")
    imbalance: float = Field(1, ge=1, description="largest over smallest training class; 1: left as it is")
    noise: Noise | None = Field(None, description="noise put into the training labels; null: none")
    seed: int = Field(0, ge=0, lt=2**63, description="of val split, imbalance and noise")
    decode_size: Literal["auto"] | Annotated[int, Field(ge=4, le=4096)] = Field(
        "auto", description="px of the shorter side that is kept; auto: what image_size needs"
    )
    max_bad: float = Field(
        0.01, ge=0, le=1, description="share of unreadable images above which nothing starts"
    )

    @field_validator("reader")
    @classmethod
    def _reader_exists(cls, reader: str) -> str:
        choices = ["auto", *reader_names()]
        if reader not in choices:
            raise ValueError(
                f"must be one of {', '.join(choices)}, got {reader!r}{did_you_mean(reader, choices)}"
            )
        return reader

    @model_validator(mode="after")
    def _identities_have_their_reader(self) -> "DataConfig":
        if self.identities is not None and self.reader not in ("auto", IDENTITIES):
            reject("reader", f"must be auto or {IDENTITIES} with data.identities", self.reader)
        if self.identities is None and self.reader == IDENTITIES:
            reject("reader", "needs data.identities: {} suits Market-1501's file names", self.reader)
        return self

    @model_validator(mode="after")
    def _columns_differ(self) -> "DataConfig":
        if isinstance(self.noise, ColumnNoise) and self.noise.column == self.label:
            reject("noise.column", "must be another column than data.label", self.noise.column)
        return self

    @model_validator(mode="after")
    def _unlabelled_are_told_apart(self) -> "DataConfig":
        if self.identities is not None and self.unlabelled != "refuse":
            reject("unlabelled", "must be refuse with data.identities: each image shows one", self.unlabelled)
        if self.unlabelled_folder is not None and self.unlabelled == "refuse":
            reject("unlabelled_folder", "needs data.unlabelled: leave_out or use", self.unlabelled_folder)
        return self

    @model_validator(mode="after")
    def _few_are_less_than_many(self) -> "DataConfig":
        if self.few_shot > self.many_shot:
            reject("few_shot", f"must be <= many_shot ({self.many_shot})", self.few_shot)
        return self


def reader_names() -> list[str]:
    """The readers that there are, by their files' names: adding a file adds a reader."""
    return sorted(path.stem for path in READERS.glob("*.py") if not path.stem.startswith("_"))
