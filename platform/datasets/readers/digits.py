"""The embedded handwritten digits; a fifth of them is the test split unless ``test_share`` says otherwise."""

import pandas as pd

from platform.datasets.tables.label_columns import only_one_label
from platform.datasets.data_config import DataConfig
from platform.datasets.sources.embedded_digits import TEST_SHARE
from platform.datasets.sources.source import DigitsSource, Source

DEFAULT_TEST_SHARE = TEST_SHARE
LAYOUT = "digits"


def recognises(source: Source) -> bool:
    return isinstance(source, DigitsSource)


def read(source: Source, config: DataConfig) -> pd.DataFrame:
    assert isinstance(source, DigitsSource)
    only_one_label(config, "the embedded digits")
    return pd.DataFrame({"path": source.files, "label": source.labels})
