"""What was passed over or assumed when data were read: typed facts, and one sentence about each."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from platform.config.errors import one_line
from platform.datasets.errors import counted, listed

SHOWN = 4
"""Names that a sentence lists before it counts the others."""


@dataclass(frozen=True)
class PassedOver:
    """A file that is not read. ``ending``: '' if its name has none; ``is_image``: by its name or content."""

    path: str
    ending: str
    reason: str
    is_image: bool = False


@dataclass(frozen=True)
class Remarks:
    """What a user must know about data that were read, besides the counts of classes and splits.

    Attributes:
        read_as_splits: folders that were taken for splits though their names are others -> the split.
        classes_like_splits: classes with the name of a split, such as train beside bus and car.
        passed_over: files in the folder or zip that are not read, annotations and tables among them.
        told_by_content: ending -> images without an image's ending, told by their first bytes.
        tables_passed_over: tables of labels at the top that the reader does not use.
        folders_passed_over: folders beside the images' -> the number of files below each.
        folders_without_images: folders where a class would be, without an image that can be read.
        folders_of_folders: classes whose images all lie in folders below theirs -> the names of these.
        same_folders: folders that are links to one another.
        missing: listed images that are not there, and links that lead nowhere; they count as bad images.
        unlisted_images: images that lie in the source but not in its table.
        look_alike_labels: labels that differ only by blanks or by Unicode form.
        normalised_labels: number of labels that data.normalise_labels changed.
        classes_without_images: classes that lost all their training images because none can be read.
        classes: number of classes, if some of them have no image in the val split.
        classes_without_validation: those classes.
        copies_under_labels: number of contents that several training images with different labels share.
        copies_of_training: split -> number of its images whose content a training image has, too.
        flat_channels: channels that have one value in all training images.
        used_bits: bits that images with 16 bits a channel use, if these are fewer than data.bits; else 0.
        notes: other facts, as sentences.
    """

    read_as_splits: Mapping[str, str] = field(default_factory=dict)
    classes_like_splits: tuple[str, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()
    told_by_content: Mapping[str, int] = field(default_factory=dict)
    tables_passed_over: tuple[str, ...] = ()
    folders_passed_over: Mapping[str, int] = field(default_factory=dict)
    folders_without_images: tuple[str, ...] = ()
    folders_of_folders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    same_folders: tuple[tuple[str, ...], ...] = ()
    missing: tuple[str, ...] = ()
    unlisted_images: int = 0
    look_alike_labels: tuple[tuple[str, ...], ...] = ()
    normalised_labels: int = 0
    classes_without_images: tuple[str, ...] = ()
    classes: int = 0
    classes_without_validation: tuple[str, ...] = ()
    copies_under_labels: int = 0
    copies_of_training: Mapping[str, int] = field(default_factory=dict)
    flat_channels: tuple[str, ...] = ()
    used_bits: int = 0
    notes: tuple[str, ...] = ()

    @property
    def passed_over_by_ending(self) -> dict[str, int]:
        """Ending -> number of files, the most frequent first."""
        return dict(Counter(one.ending for one in self.passed_over).most_common())

    @property
    def passed_over_by_reason(self) -> dict[str, int]:
        """Reason -> number of files, the most frequent first."""
        return dict(Counter(one.reason for one in self.passed_over).most_common())

    def sentences(self) -> list[str]:
        """One sentence for each fact, those that change what is learnt first."""
        sentences = [*self._layout(), *self._files(), *self._labels(), *self._decoded(), *self.notes]
        # names that are not UTF-8 could be neither printed nor written; others are commands to a terminal
        return [one_line(one) for one in sentences]

    def _layout(self) -> Iterator[str]:
        if self.read_as_splits:
            named = [f"{folder}/ as {split}" for folder, split in self.read_as_splits.items()]
            yield f"Folders were read as splits: {listed(named, 6)}."
        for name in self.classes_like_splits:
            yield f"The class {name} has the name of a split; it is learnt as a class."
        for folder, count in self.folders_passed_over.items():
            yield f"The folder {folder}/ was passed over ({counted(count, 'file')})."
        if self.folders_without_images:
            named = [f"{folder}/" for folder in self.folders_without_images]
            yield f"No class was made of {listed(named, SHOWN)}: no image in it can be read."
        if self.folders_of_folders:
            first, inner = next(iter(self.folders_of_folders.items()))
            total = len(self.folders_of_folders)
            yield (
                f"{counted(total, 'class holds', 'classes hold')} folders only, such as {first}/ with "
                f"{listed(inner, SHOWN)}: if those are the classes, name the folder above them."
            )
        for same in self.same_folders:
            folders = " and ".join(f"{folder}/" for folder in same)
            yield f"{folders} are one folder: their images are the same."

    def _files(self) -> Iterator[str]:
        if self.told_by_content:
            total = sum(self.told_by_content.values())
            images = f"{counted(total, 'image')} without an image's ending {_were(total)}"
            yield f"{images} told by the first bytes: {by_ending(self.told_by_content)}."
        if self.passed_over:
            total = len(self.passed_over)
            yield (
                f"{counted(total, 'file')} {_were(total)} passed over: "
                f"{by_ending(self.passed_over_by_ending)}. {_reasons(self.passed_over_by_reason)}."
            )
        if self.tables_passed_over:
            tables = listed(self.tables_passed_over, SHOWN)
            were = _were(len(self.tables_passed_over))
            yield f"{tables} {were} passed over: labels come from the folders' names."
        if self.missing:
            total = len(self.missing)
            yield (
                f"{counted(total, 'image')} {'is' if total == 1 else 'are'} not there and will be left out: "
                f"{listed(self.missing, SHOWN)}."
            )
        if self.unlisted_images:
            yield f"No table lists {counted(self.unlisted_images, 'image')} that the folder holds."

    def _labels(self) -> Iterator[str]:
        for alike in self.look_alike_labels:
            yield (
                f"The labels {', '.join(map(ascii, alike))} differ only by blanks or Unicode form and are "
                "classes of their own; data.normalise_labels=true makes them one."
            )
        if self.normalised_labels:
            yield f"data.normalise_labels changed {counted(self.normalised_labels, 'label')}."

    def _decoded(self) -> Iterator[str]:
        for name in self.classes_without_images:
            yield f"The class {name} is gone: none of its training images can be read."
        if self.classes_without_validation:
            total = len(self.classes_without_validation)
            yield (
                f"{total} of {self.classes} classes have no image in the val split "
                f"({listed(self.classes_without_validation, SHOWN)}): the val metrics, macro accuracy among "
                f"them, cover the other {self.classes - total}."
            )
        for split, copies in self.copies_of_training.items():
            images = counted(copies, f"{split} image is", f"{split} images are")
            yield f"{images} in train, too, as exact copies: the {split} metrics are too good."
        if self.copies_under_labels:
            pictures = counted(self.copies_under_labels, "picture occurs", "pictures occur")
            yield f"{pictures} in train under different labels, as exact copies."
        if self.flat_channels:
            yield (
                f"All training images have one value in {' and '.join(self.flat_channels)}: "
                "only the other channels tell them apart."
            )
        if self.used_bits:
            yield (
                f"Images with 16 bits a channel use {self.used_bits} of them, so all are dark as they are "
                f"read; data.bits={self.used_bits} scales them to the full range."
            )


def by_ending(counts: Mapping[str, int]) -> str:
    """``20 without an ending, 10 .heic and 3 more``."""
    named = [f"{count:,} {ending or 'without an ending'}" for ending, count in counts.items()]
    shown, others = named[:SHOWN], list(counts.values())[SHOWN:]
    return ", ".join(shown) + (f" and {sum(others):,} more" if others else "")


def _reasons(counts: Mapping[str, int]) -> str:
    if len(counts) == 1:
        return f"Reason: {next(iter(counts))}"
    return f"Reasons: {'; '.join(f'{reason} ({count:,})' for reason, count in list(counts.items())[:SHOWN])}"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"
