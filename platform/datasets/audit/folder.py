"""``audit/NAME``: which files an audit leaves, and who reads them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from platform.config.errors import UserError
from platform.datasets.audit.findings import SCHEMA, in_order
from platform.storage.disk import written_to
from platform.storage.whole_files import whole_file

Stage = Literal["files", "copies", "labels", "off_topic"]
STAGES: Final[tuple[str, ...]] = get_args(Stage)
"""What an audit does, in this order; each stage writes findings of its own."""


@dataclass(frozen=True)
class AuditFolder:
    """The files of an audit; row i of ``images.parquet`` is row i of each array beside it.

    Attributes:
        path: The folder, such as ``audit/photos``.
    """

    path: Path

    @property
    def record_file(self) -> Path:
        """What was audited, how, and which stages are done."""
        return self.path / "audit.json"

    @property
    def shards(self) -> Path:
        """Folder of the pass over the files: one Parquet file for each so many images."""
        return self.path / "shards"

    @property
    def images_file(self) -> Path:
        """One row an image of the listing, sorted by path, with what the pass found of it."""
        return self.path / "images.parquet"

    @property
    def thumbnails_file(self) -> Path:
        """A small picture of each image as JPEG or PNG bytes; null where it cannot be read."""
        return self.path / "thumbnails.parquet"

    @property
    def embeddings_file(self) -> Path:
        """[N, D] float16, unit length; a row of zeros is an image without an embedding."""
        return self.path / "embeddings.npy"

    @property
    def label_scores_file(self) -> Path:
        """One row a labelled training image: its scores, the probability of a wrong label, a better one."""
        return self.path / "label_scores.parquet"

    @property
    def budgets_file(self) -> Path:
        """Expected precision and recall for each number of images reviewed, the most suspect first."""
        return self.path / "budgets.parquet"

    @property
    def wrong_by_class_file(self) -> Path:
        """The expected number of wrong labels of each class."""
        return self.path / "wrong_by_class.parquet"

    @property
    def halves_file(self) -> Path:
        """One row an image of a class that falls into two groups: which it is in, and how far out."""
        return self.path / "halves.parquet"

    @property
    def answers_file(self) -> Path:
        """What a person said of images, a line an answer; the last one of an image counts."""
        return self.path / "answers.jsonl"

    @property
    def issues_file(self) -> Path:
        """All findings of all stages."""
        return self.path / "issues.parquet"

    @property
    def page(self) -> Path:
        return self.path / "index.html"

    def findings_file(self, stage: Stage) -> Path:
        """The findings of one stage."""
        return self.path / "findings" / f"{stage}.parquet"

    def images(self, columns: list[str] | None = None) -> pd.DataFrame:
        """``images.parquet``, or some of its columns; raises UserError where there is none."""
        return read_table(self.images_file, columns)

    def issues(self) -> pd.DataFrame:
        """``issues.parquet``; raises UserError where there is none."""
        return read_table(self.issues_file)

    def write_findings(self, stage: Stage, table: pd.DataFrame) -> None:
        """Replace the findings of a stage, and ``issues.parquet``, which holds those of all stages."""
        write_table(self.findings_file(stage), table, SCHEMA)
        parts = [read_table(file) for file in map(self.findings_file, get_args(Stage)) if file.exists()]
        write_table(self.issues_file, in_order(pd.concat(parts, ignore_index=True)), SCHEMA)


def read_table(file: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """A Parquet file of an audit; raises UserError where it is missing or damaged."""
    try:
        table: pd.DataFrame = pq.read_table(file, columns=columns).to_pandas()
    except FileNotFoundError as error:
        raise UserError(f"{file}: is missing: {file.parent} is no finished audit") from error
    except (OSError, pa.ArrowInvalid) as error:
        raise UserError(f"{file}: cannot be read: {' '.join(str(error).split())}") from error
    return table


def write_table(file: Path, table: pd.DataFrame, schema: pa.Schema | None = None) -> None:
    """Write Parquet, whole or not at all; the same table gives the same bytes."""
    arrow = pa.Table.from_pandas(table, schema=schema, preserve_index=False).replace_schema_metadata(None)
    with whole_file(file) as draft, written_to(file):
        pq.write_table(arrow, draft, compression="zstd")
