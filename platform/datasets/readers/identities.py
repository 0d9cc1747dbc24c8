"""Images of identities under several cameras, as Market-1501, DukeMTMC-reID and CUHK03 lay them out.

Folders ``train``, ``query`` and ``gallery`` (or ``bounding_box_train``, ``query``, ``bounding_box_test``) at
the top, images anywhere below; query and gallery are the test split. Without ``query`` and ``gallery`` all
images are training images, until some identities are held out. A table works too
(:mod:`platform.datasets.tables.identity_table`).
"""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

import pandas as pd

from platform.datasets.data_config import DataConfig
from platform.datasets.errors import DataError, counted, listed
from platform.datasets.identity_config import IdentityConfig
from platform.datasets.remarks import Remarks
from platform.datasets.sources.source import Source
from platform.datasets.tables.folder_layout import split_word
from platform.datasets.tables.identity_layout import (
    GALLERY,
    JUNK,
    QUERY,
    SET_ASIDE,
    TRAIN,
    is_divided,
    parts_of,
)
from platform.datasets.tables.identity_table import read_identity_table
from platform.datasets.tables.label_columns import (
    clean_column_notice,
    labels_of_names,
    only_one_label,
    refuse_column_noise,
)
from platform.datasets.tables.table_files import read_table

LAYOUT = "train/, query/ and gallery/, or with data.identities any folders of images"
DIGITS_OF_A_NUMBER = 18  # more may not fit into 64 bits


def recognises(source: Source) -> bool:
    return source.table is None and is_divided(source.kinds.images)


def read(source: Source, config: DataConfig) -> pd.DataFrame:
    """Columns ``path``, ``label`` (the identity), ``camera``, ``split``, ``role``, of tables ``clean``."""
    if config.identities is None:
        raise DataError(
            f"data.identities: {source} holds train, query and gallery, as data for re-identification do: "
            "set it ({} for Market-1501's names)"
        )
    if source.table is not None:
        refuse_column_noise(config, "tables of identities")
        rows = read_identity_table(source, config)
        _check(rows, source)
        return rows
    only_one_label(config, "images of identities")
    images = [path for path in source.kinds.images if path.parts[0] not in SET_ASIDE]
    parts = _parts(source, images)
    below = [path.relative_to(path.parts[0]) if parts else path for path in images]
    label, camera = _names(below, config.identities, source)
    rows = pd.DataFrame(
        {
            "path": [str(path) for path in images],
            **labels_of_names(pd.Series(label, dtype=object), config),
            "camera": _numbers(camera),
            "role": [parts.get(path.parts[0], TRAIN) for path in images],
        }
    )
    rows["split"] = rows["role"].map({TRAIN: "train", QUERY: "test", GALLERY: "test"})
    rows["role"] = rows["role"].replace(TRAIN, "")
    _check(rows, source)
    return rows


def remarks(source: Source, rows: pd.DataFrame, config: DataConfig) -> Remarks:
    """Folders under other names than train, query and gallery, and files that are passed over."""
    if source.table is not None:
        columns = read_table(source, source.table, header_only=True).columns.tolist()
        return Remarks(notes=tuple(clean_column_notice(columns, config, source.table)))
    kinds = source.kinds
    parts = parts_of(kinds.images) if set(rows["role"]) - {""} else {}
    return Remarks(
        read_as_splits={folder: part for folder, part in parts.items() if folder.lower() != part},
        passed_over=kinds.passed_over,
        told_by_content=kinds.told_by_content,
    )


def _parts(source: Source, images: Sequence[PurePosixPath]) -> dict[str, str]:
    """The source's folders -> what each holds; empty if it has no query and gallery."""
    parts = parts_of(images)
    there = set(parts.values())
    if not there & {QUERY, GALLERY}:
        _refuse_other_splits(source, images)
        return {}
    missing = [name for name in (TRAIN, QUERY, GALLERY) if name not in there]
    if missing:
        raise DataError(
            f"data.source: {source} holds images in {', '.join(parts)}, but none for {', '.join(missing)}"
        )
    strange = [str(path) for path in images if path.parts[0] not in parts]
    if strange:
        raise DataError(
            f"data.source: {source} holds {', '.join(parts)} and beside them {listed(strange, 3)}: "
            "move those away"
        )
    return parts


def _refuse_other_splits(source: Source, images: Sequence[PurePosixPath]) -> None:
    """Refuse ``train/`` and ``test/`` (as of MSMT17), which would both be learnt from."""
    tops = sorted({path.parts[0] for path in images if len(path.parts) > 1})
    splits = [top for top in tops if split_word(top)]
    if len(splits) > 1:
        learnt = next((top for top in splits if split_word(top) == "train"), splits[0])
        raise DataError(
            f"data.source: {source} holds {' and '.join(f'{top}/' for top in splits)}, but no query/ and "
            f"gallery/, so they would all be learnt from. Name {source}/{learnt} alone (identities of it "
            "are held out), or list the images in a CSV with the columns path, label, camera, split and role"
        )


def _names(
    paths: Sequence[PurePosixPath], config: IdentityConfig, source: Source
) -> tuple[list[str], list[str]]:
    """Identity and camera of each image, read with the pattern."""
    pattern = re.compile(config.pattern)
    matches = [_match(pattern, path) for path in paths]
    wrong = [str(path) for path, match in zip(paths, matches, strict=True) if match is None]
    if paths and len(wrong) == len(paths):
        raise DataError(
            f"data.identities.pattern: {config.pattern} matches none of {source}'s "
            f"{counted(len(paths), 'image')}, such as {wrong[0]}"
        )
    if wrong:
        raise DataError(
            f"data.identities.pattern: {config.pattern} does not match {len(wrong):,} of {source}'s "
            f"{counted(len(paths), 'image')}: {listed(wrong, 3)}"
        )
    nameless = [str(path) for path, match in zip(paths, matches, strict=True) if match and not match[0]]
    if nameless:
        raise DataError(
            f"data.identities.pattern: {config.pattern} has no group identity, and in {source} "
            f"{listed(nameless, 3)} are in no folder that could name it"
        )
    return [match[0] for match in matches if match], [match[1] for match in matches if match]


def _match(pattern: re.Pattern[str], path: PurePosixPath) -> tuple[str, str] | None:
    """The identity ('' if neither pattern nor folder names one) and the camera; None if there is no match."""
    match = pattern.search(str(path))
    if match is None or not all(match.groupdict().values()):
        return None
    folder = "" if len(path.parts) == 1 else str(path.parent)
    return match.groupdict().get("identity", folder), match["camera"]


def _numbers(cameras: list[str]) -> list[int]:
    """Cameras keep their numbers if all are numbered; else they are numbered in the order of their names."""
    if all(name.isascii() and name.isdigit() and len(name) <= DIGITS_OF_A_NUMBER for name in cameras):
        return [int(name) for name in cameras]
    places = {name: place for place, name in enumerate(sorted(set(cameras)))}
    return [places[name] for name in cameras]


def _check(rows: pd.DataFrame, source: Source) -> None:
    is_junk = (rows["label"] == JUNK) & (rows["role"] != GALLERY)
    if is_junk.any():
        raise DataError(
            f"data.source: {source}: {counted(int(is_junk.sum()), 'image')} of identity {JUNK}, which is "
            f"junk, may only be in a gallery: {listed(rows['path'][is_junk].tolist(), 3)}"
        )
    if rows["camera"].nunique() == 1:
        raise DataError(
            f"data.identities.pattern: all of {source}'s {counted(len(rows), 'image')} are of one camera "
            f"({rows['camera'].iloc[0]}), so no identity can be found again under another"
        )
    learnt = set(rows["label"][rows["split"] == "train"])
    both = sorted(learnt & set(rows["label"][rows["split"] != "train"]))
    if both:
        raise DataError(
            f"data.source: {source}: {counted(len(both), 'identity is', 'identities are')} both in train and "
            f"in query or gallery: {listed(both, 3)}"
        )
