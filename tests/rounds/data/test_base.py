"""The manifest of round 1 holds the splits and labels that a sweep of the space would have drawn."""

import pandas as pd
import pytest

from platform.datasets.data_config import DataConfig
from platform.datasets.image_size import Size
from platform.datasets.preparation.prepare import prepare
from platform.rounds.data.base import held_out_digests, write_base

SIZE = Size(8, 8)


@pytest.mark.parametrize(
    "noise", [{"kind": "symmetric", "rate": 0.3}, {"kind": "patterned", "rate": 0.3}, None]
)
def test_a_sweep_of_the_manifest_has_the_rows_of_a_sweep_of_the_space(noise, tmp_path):
    config = DataConfig.model_validate({"source": "digits", "val_share": 0.2, "noise": noise})
    made = write_base(config, SIZE, tmp_path / "base.parquet")
    own = DataConfig(source=str(tmp_path / "base.parquet"), clean_label="clean" if noise else None)
    there = prepare(own, SIZE).manifest_frame()
    expected = prepare(config, SIZE).manifest_frame()
    columns = ["path", "label", "split", *(["clean"] if noise else [])]
    pd.testing.assert_frame_equal(there[columns], expected[columns])
    assert held_out_digests(made.rows).keys() == {"val", "test"}


def test_a_digest_tells_a_changed_label_or_a_missing_image_of_validation(tmp_path):
    config = DataConfig(source="digits", val_share=0.2)
    rows = write_base(config, SIZE, tmp_path / "base.parquet").rows
    before = held_out_digests(rows)
    val = rows.index[rows["split"] == "val"]
    train = rows.index[rows["split"] == "train"]
    changed = rows.copy()
    changed.loc[train[0], "label"] = "x"
    assert held_out_digests(changed) == before
    changed.loc[val[0], "label"] = "x"
    assert held_out_digests(changed)["val"] != before["val"]
    assert held_out_digests(changed)["test"] == before["test"]
    assert held_out_digests(rows.drop(index=val[0]))["val"] != before["val"]
    assert held_out_digests(rows.sample(frac=1, random_state=0)) == before
