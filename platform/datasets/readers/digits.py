"""The embedded handwritten digits. A fifth becomes the test split unless ``test_share`` is set."""

import pandas as pd

from platform.datasets.data_config import DataConfig
from platform.datasets.sources.embedded_digits import TEST_SHARE
from platform.datasets.sources.source import DigitsSource, Source
from platform.datasets.tables.label_columns import labels_of_names, only_one_label

DEFAULT_TEST_SHARE = TEST_SHARE
LAYOUT = "digits"


def recognises(source: Source) -> bool:
    return isinstance(source, DigitsSource)


def read(source: Source, config: DataConfig) -> pd.DataFrame:
    assert isinstance(source, DigitsSource)
    only_one_label(config, "the embedded digits")
    return labels_of_names(pd.Series(source.labels), config).assign(path=source.files)
