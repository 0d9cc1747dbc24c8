"""The ``data`` section of a YAML: the source of the images, their labels, splits, imbalance and noise."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from platform.config.errors import did_you_mean
from platform.config.section import SAID, Problem, Section, combination
from platform.datasets.geometry import KeptSize
from platform.datasets.identity_config import IdentityConfig

READERS = Path(__file__).parent / "readers"
IDENTITIES = "identities"
"""The reader of re-identification data, which ``data.identities`` describes."""
DIGITS, FIGURES = "digits", "figures"
EMBEDDED = (DIGITS, FIGURES)
"""The data sets that come with the project: their labels are true."""


class _Noise(Section):
    """What every kind of noise has."""

    on_purpose: bool = Field(
        False,
        description="allow wrong labels on purpose in images of your own, whose true labels "
        "data.clean_label does not name: an experiment, not a mistake",
    )


class SymmetricNoise(_Noise):
    """Replace labels of training rows by another class, drawn uniformly."""

    kind: Literal["symmetric"]
    rate: float = Field(0.4, ge=0, le=1, description="share of the training rows whose label is replaced")


class AsymmetricNoise(_Noise):
    """Replace labels of training rows by the class that ``class_map`` gives for theirs."""

    kind: Literal["asymmetric"]
    rate: float = Field(
        0.3,
        ge=0,
        le=1,
        description="share of the training rows of the mapped classes whose label is replaced",
    )
    class_map: dict[str, str] = Field(
        min_length=1,
        description="for each class the class that its labels become",
        examples=[{"7": "1", "3": "8"}],
    )

    @field_validator("class_map")
    @classmethod
    def _changes_the_label(cls, class_map: dict[str, str]) -> dict[str, str]:
        for source, target in class_map.items():
            if source == target:
                raise ValueError(f"must map a class to another one, got {source!r}: {target!r}")
        return class_map


class ColumnNoise(_Noise):
    """Take the labels of training rows from another column in place of ``label``."""

    kind: Literal["column"]
    column: str = Field(
        min_length=1, description="column of the table that holds noisy labels", examples=["web_label"]
    )


class PatternedNoise(_Noise):
    """Replace labels of training rows by the class that the image resembles most, besides its own.

    Images are compared by their colours and edges; see picture_features.py and look_alikes.py.
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
    """What to learn from. Splits, imbalance and noise depend on ``seed`` and the paths only."""

    source: str = Field(
        "digits",
        min_length=1,
        description="the images: path of a folder or of a CSV, Parquet or zip file; or digits or figures, "
        "which come with the platform (a folder of that name is ./digits)",
        examples=["photos"],
    )
    reader: str = Field(
        "auto",
        description="how the source is read: the name of a file in platform/datasets/readers; auto: the "
        "one that recognises the source",
        examples=["class_folders"],
    )
    identities: IdentityConfig | None = Field(
        None,
        description="how identity and camera are read from file names, for identities to be found again "
        "(re-identification); {} suits Market-1501's names; null: classification",
        examples=[{}],
    )
    label: str = Field(
        "label",
        min_length=1,
        description="column of the given labels, from which methods learn",
        examples=["category"],
    )
    clean_label: str | None = Field(
        None,
        min_length=1,
        description="column of the true labels, which only evaluation sees; the same as label: the given "
        "labels are true (of class folders, too); null: which labels are true is not known",
        examples=["clean"],
    )
    normalise_labels: bool = Field(
        False,
        description="take labels for the same that differ only in blanks or in Unicode form (NFC, single "
        "blanks, none at the ends)",
    )
    unlabelled: Literal["refuse", "leave_out", "use"] = Field(
        "refuse",
        description="training images without a label: refuse the data; leave them out; or use them, with a "
        "method that learns without labels too (supcon). Images of val and test need a label",
        examples=["leave_out"],
    )
    unlabelled_folder: str | None = Field(
        None,
        min_length=1,
        description="name of the class folder whose images have no label; null: none",
        examples=["unsorted"],
    )
    val_share: float = Field(
        0.1,
        gt=0,
        lt=1,
        description="share of the training rows (or identities) that become validation if the source has "
        "no val split",
    )
    test_share: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="share of all rows (or identities) that become test if the source has no test split; "
        "null: 0.2 of digits, none of others",
        examples=[0.2],
    )
    val_label: Literal["given", "clean"] = Field(
        "given",
        description="labels that val/… metrics compare with: the given, noisy ones, or the clean ones, if "
        "validation has them",
    )
    max_images: int | None = Field(
        None,
        ge=10,
        description="take about this many images, the same share of each class and split but at least two of "
        "each, to try a space out; null: all",
        examples=[1000],
    )
    many_shot: int = Field(
        100, ge=0, description="classes with more training images than this count as val/many_shot"
    )
    few_shot: int = Field(
        20, ge=0, description="classes with fewer training images than this count as val/few_shot"
    )
    imbalance: float = Field(
        1,
        ge=1,
        description="make a long tail: leave out training images until the largest class has this many "
        "times the images of the smallest; 1: all stay",
        examples=[50],
    )
    imbalance_on_purpose: bool = Field(
        False,
        description="allow imbalance in images of your own, whose true labels data.clean_label does not name",
    )
    noise: Noise | None = Field(
        None,
        description="replace some training labels by wrong ones, to compare methods; null: none",
        examples=[{"kind": "symmetric", "rate": 0.4}],
    )
    seed: int = Field(
        0, ge=0, lt=2**63, description="seed of the val split, imbalance and noise; one for the whole sweep"
    )
    decode_size: Literal["auto"] | Annotated[int, Field(ge=4, le=4096)] = Field(
        "auto",
        description="px of the shorter side that decoded images keep in memory; auto: what image_size needs",
        examples=[256],
    )
    bits: int = Field(
        16,
        ge=8,
        le=16,
        description="bits that images stored with 16 bits a channel really use: 12 makes 4095 white",
        examples=[12],
    )
    max_megapixels: float = Field(
        90,
        gt=0,
        description="do not decode larger images (1e6 px); a decoded one takes up to 15 bytes of memory a px",
    )
    max_file_mb: float = Field(
        256,
        gt=0,
        description="do not read larger image files, or files of a zip that unpack to more (1e6 bytes)",
    )
    max_bad: float = Field(
        0.01, ge=0, le=1, description="share of unreadable or missing images above which the data are refused"
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

    def reading(self, kept: KeptSize) -> KeptSize:
        """``kept`` with the bits and limits of this section."""
        return replace(
            kept,
            bits=self.bits,
            max_pixels=round(self.max_megapixels * 1e6),
            max_bytes=round(self.max_file_mb * 1e6),
        )

    @property
    def is_embedded(self) -> bool:
        return self.source in EMBEDDED

    @combination
    def _identities_have_their_reader(self) -> Iterator[Problem]:
        if self.identities is not None and self.reader not in ("auto", IDENTITIES):
            yield Problem("reader", f"must be auto or {IDENTITIES} with data.identities", self.reader)
        if self.identities is None and self.reader == IDENTITIES:
            yield Problem("reader", "needs data.identities: {} suits Market-1501's file names", self.reader)

    @combination
    def _columns_differ(self) -> Iterator[Problem]:
        if isinstance(self.noise, ColumnNoise) and self.noise.column == self.label:
            yield Problem("noise.column", "must be another column than data.label", self.noise.column)

    @combination
    def _spoils_on_purpose(self) -> Iterator[Problem]:
        """Noise and imbalance of a demo must not be taken over to somebody's own images unnoticed."""
        if self.is_embedded or self.clean_label is not None:
            return
        known = (
            "for an experiment; or data.clean_label, if the true labels are known (data.clean_label=label: "
            "the given ones are true)"
        )
        if self.noise is not None and not self.noise.on_purpose:
            what = f"would replace labels of {self.source} by wrong ones"
            how = f"set data.noise=null; or data.noise.on_purpose=true, {known}"
            yield Problem("noise", f"{what}: {how}", SAID)
        if self.imbalance > 1 and not self.imbalance_on_purpose:
            what = f"would leave out images of {self.source}"
            how = f"set data.imbalance=1; or data.imbalance_on_purpose=true, {known}"
            yield Problem("imbalance", f"{what}: {how}", SAID)

    @combination
    def _unlabelled_are_told_apart(self) -> Iterator[Problem]:
        if self.identities is not None and self.unlabelled != "refuse":
            message = "must be refuse with data.identities: each image shows one"
            yield Problem("unlabelled", message, self.unlabelled)
        if self.unlabelled_folder is not None and self.unlabelled == "refuse":
            message = "needs data.unlabelled: leave_out or use"
            yield Problem("unlabelled_folder", message, self.unlabelled_folder)

    @combination
    def _identities_are_whole(self) -> Iterator[Problem]:
        if self.identities is not None and self.max_images is not None:
            yield Problem("max_images", "must be null with data.identities", self.max_images)

    @combination
    def _few_are_less_than_many(self) -> Iterator[Problem]:
        if self.few_shot > self.many_shot:
            yield Problem("few_shot", f"must be <= many_shot ({self.many_shot})", self.few_shot)


def reader_names() -> list[str]:
    """Names of all readers. Adding a file to ``readers/`` adds a reader."""
    return sorted(path.stem for path in READERS.glob("*.py") if not path.stem.startswith("_"))
