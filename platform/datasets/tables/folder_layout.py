"""Which folder level names the splits and which the classes, and layouts that would be misread."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from platform.datasets.errors import DataError, listed

SPLIT_WORDS = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "eval", "evaluation"), "val"),
    **dict.fromkeys(("test", "testing", "tst"), "test"),
}
_WORDS = "|".join(sorted(SPLIT_WORDS, key=len, reverse=True))
_KINDS = r"sets?|images?|imgs?|photos|pictures|data|dataset|folder|split|\d{4}"
_SPLIT = re.compile(rf"(?P<before>.+[ _-])?(?P<word>{_WORDS})(?:[ _-]?(?:{_KINDS}))?")
_FOLD = re.compile(r"(?:k?folds?|splits?|cv|parts?)[ _-]?\d+")

IMAGE_FOLDERS = ("images", "image", "imgs", "img", "jpegimages", "photos", "pictures")
ANNOTATION_FOLDERS = (
    *("annotations", "annotation", "annots", "labels", "lists", "imagesets", "xml", "xmls", "json", "meta"),
    *("masks", "mask", "trimaps", "segmentations", "segmentation", "parts", "attributes", "boxes", "bboxes"),
)


@dataclass(frozen=True)
class FolderLayout:
    """Where in a path the class stands.

    Attributes:
        images: the images that belong to a class or a split; not those of annotations.
        base: number of folders around everything: 1 for ``images/cat/1.jpg`` beside ``annotations/``.
        splits: folder of a split -> split; empty if there are none.
        repeated: folders of splits with one folder of the same name inside, which says nothing.
        passed_over: folders that hold annotations.
    """

    images: tuple[PurePosixPath, ...]
    base: int = 0
    splits: dict[str, str] = field(default_factory=dict)
    repeated: frozenset[str] = frozenset()
    passed_over: tuple[str, ...] = ()

    def place(self, parts: Sequence[str]) -> int:
        """The place of the class among the parts of a path."""
        return self.base + bool(self.splits) + (bool(self.splits) and parts[self.base] in self.repeated)

    def loose(self) -> list[str]:
        """Images that are in no class's folder."""
        return [str(path) for path in self.images if len(path.parts) <= self.place(path.parts) + 1]

    def class_of(self, path: PurePosixPath) -> str:
        return path.parts[self.place(path.parts)]

    def split_of(self, path: PurePosixPath) -> str:
        return self.splits[path.parts[self.base]]

    def classes(self) -> set[str]:
        return {self.class_of(path) for path in self.images if len(path.parts) > self.place(path.parts) + 1}


def folder_layout(images: Sequence[PurePosixPath]) -> FolderLayout:
    """Find the level of the classes: below splits, and below a folder that wraps everything."""
    base, passed_over, kept = 0, [], tuple(images)
    while kept and all(len(path.parts) > base + 2 for path in kept):
        tops = sorted({path.parts[base] for path in kept})
        named = [top for top in tops if top.lower() in IMAGE_FOLDERS]
        others = [top for top in tops if top not in named]
        if len(tops) == 1 and split_word(tops[0]) is None:
            base += 1
        elif len(named) == 1 and all(top.lower() in ANNOTATION_FOLDERS for top in others):
            kept = tuple(path for path in kept if path.parts[base] == named[0])
            passed_over += others
            base += 1
        else:
            break
    splits = split_folders({path.parts[base] for path in kept if len(path.parts) > base + 1})
    if any(len(path.parts) == base + 1 for path in kept):
        splits = {}
    return FolderLayout(kept, base, splits, _repeated(kept, base, splits), tuple(passed_over))


def split_word(folder: str) -> str | None:
    """The split that a folder's name says, by itself: ``training_set``, ``Test``, ``val2017``."""
    match = _SPLIT.fullmatch(folder.lower())
    return SPLIT_WORDS[match["word"]] if match and not match["before"] else None


def split_folders(folders: Collection[str]) -> dict[str, str]:
    """Folder -> split, if all folders are named after splits, with one word before (``seg_train``) or none.

    Empty if one of them is not, or none is for training.
    """
    matches = {folder: _SPLIT.fullmatch(folder.lower()) for folder in sorted(folders)}
    found = {folder: match for folder, match in matches.items() if match}
    splits = {folder: SPLIT_WORDS[match["word"]] for folder, match in found.items()}
    alike = len({match["before"] for match in found.values()}) == 1
    is_single = len(folders) == 1 and all(match["before"] for match in found.values())
    return (
        splits
        if len(found) == len(folders) and alike and not is_single and "train" in splits.values()
        else {}
    )


def _repeated(images: Iterable[PurePosixPath], base: int, splits: Collection[str]) -> frozenset[str]:
    inner: dict[str, set[str]] = {}
    for path in images if splits else ():
        inner.setdefault(path.parts[base], set()).add(
            path.parts[base + 1] if len(path.parts) > base + 3 else ""
        )
    return frozenset(top for top, names in inner.items() if {name.lower() for name in names} == {top.lower()})


def refuse_misread(layout: FolderLayout, source: object) -> None:
    """Raise :class:`DataError` where folders of splits, folds or annotations would become classes."""
    if layout.splits:
        return
    inside = inner_folders(layout)
    splits = [name for name in sorted(inside) if split_word(name)]
    others = sorted(set(inside) - set(splits))
    if len(splits) > 1:
        raise DataError(
            f"data.source: {source} holds the splits {', '.join(splits)} and beside them images in "
            f"{listed(others, 3)}: move those away, or list the images in a CSV"
            if others
            else f"data.source: {source} holds {', '.join(splits)}, of which none is for training: name it "
            "train, or list the images in a CSV"
        )
    if not all(inside.values()):
        return  # some folder holds images directly, as classes do
    shared = (
        [name for name in sorted(set.union(*inside.values())) if _is_shared(name, inside)] if inside else []
    )
    folds = [name for name in inside if _FOLD.fullmatch(name.lower())]
    if shared and (splits or len(folds) == len(inside)):
        raise DataError(
            f"data.source: {source} holds {listed(sorted(inside), 4)}, and each of them the folders "
            f"{listed(shared, 3)}: these look like splits or folds, not like classes. Name them train/, val/ "
            "and test/, or list the images in a CSV with the columns path, label and split"
        )


def inner_folders(layout: FolderLayout) -> dict[str, set[str]]:
    """Class -> the folders inside it; an empty set if it holds images directly."""
    inside: dict[str, set[str]] = {}
    direct: set[str] = set()
    for path in layout.images:
        place = layout.place(path.parts)
        if len(path.parts) <= place + 1:
            continue
        name = path.parts[place]
        if len(path.parts) == place + 2:
            direct.add(name)
        inside.setdefault(name, set()).add(path.parts[place + 1])
    return {name: set() if name in direct else folders for name, folders in inside.items()}


def _is_shared(name: str, inside: dict[str, set[str]]) -> bool:
    return sum(name in folders for folders in inside.values()) > 1
