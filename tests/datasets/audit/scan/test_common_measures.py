"""What most images are is a trait of them, and no finding."""

import pandas as pd

from platform.datasets.audit.scan.file_findings import MEASURES, common_measures


def table(entropies):
    count = len(entropies)
    measures = {str(measure.kind): [1.0] * count for measure in MEASURES}
    return pd.DataFrame({"readable": [True] * count} | measures | {"low_information": entropies})


def test_a_measure_of_most_images_is_common():
    assert common_measures(table([0.1, 0.2, 0.2, 0.9])) == {"low_information": 3}


def test_a_measure_of_half_of_them_is_not():
    assert common_measures(table([0.1, 0.2, 0.9, 0.9])) == {}


def test_images_that_cannot_be_read_do_not_count():
    images = table([0.1, 0.2, 0.9]).assign(readable=[True, True, False])
    assert common_measures(images) == {"low_information": 2}
