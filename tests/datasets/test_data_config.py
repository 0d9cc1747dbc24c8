import json

import pytest
from pydantic import ValidationError

from platform.datasets.augmentation.augment import AugmentConfig
from platform.datasets.data_config import (
    EMBEDDED,
    AsymmetricNoise,
    ColumnNoise,
    DataConfig,
    SymmetricNoise,
    reader_names,
)
from platform.datasets.preparation.listing import load_reader
from platform.datasets.sources.source import EMBEDDED as embedded_sources


def config(**fields):
    return DataConfig.model_validate_json(json.dumps(fields))


def test_defaults_leave_the_digits_as_they_are():
    assert DataConfig().source == "digits"
    assert DataConfig().noise is None
    assert DataConfig().imbalance == 1


@pytest.mark.parametrize(
    ("noise", "section"),
    [
        ({"kind": "symmetric", "rate": 0.2}, SymmetricNoise(kind="symmetric", rate=0.2)),
        (
            {"kind": "asymmetric", "rate": 0.3, "class_map": {"3": "8"}},
            AsymmetricNoise(kind="asymmetric", rate=0.3, class_map={"3": "8"}),
        ),
        ({"kind": "column", "column": "worse"}, ColumnNoise(kind="column", column="worse")),
    ],
)
def test_noise_is_told_apart_by_its_kind(noise, section):
    assert config(noise=noise).noise == section


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"noise": {"kind": "symetric"}}, "symetric"),
        ({"noise": {"kind": "symmetric", "rate": 1.2}}, "less than or equal to 1"),
        ({"noise": {"kind": "asymmetric", "class_map": {"3": "3"}}}, "must map a class to another one"),
        ({"noise": {"kind": "asymmetric", "class_map": {}}}, "at least 1"),
        ({"noise": {"kind": "column", "column": "label"}}, "must be another column than data.label"),
        ({"imbalance": 0.5}, "greater than or equal to 1"),
        ({"val_share": 0.0}, "greater than 0"),
        ({"test_share": 1.0}, "less than 1"),
        ({"max_bad": 2}, "less than or equal to 1"),
        ({"decode_size": 0}, "greater than or equal to 4"),
        ({"reader": "class_folder"}, "did you mean 'class_folders'"),
        ({"imbalence": 3}, "Extra inputs"),
    ],
)
def test_mistakes_are_refused(fields, words):
    with pytest.raises(ValidationError, match=words):
        config(**fields)


def test_every_reader_is_found_and_says_what_it_reads():
    assert {"class_folders", "digits", "labels_beside_images", "labels_table"} <= set(reader_names())
    for name in reader_names():
        reader = load_reader(name)
        assert reader.LAYOUT
        assert callable(reader.recognises)
        assert callable(reader.read)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"scale": [0.9, 0.5]}, "must be \\[lower, upper\\]"),
        ({"scale": [0.0, 0.5]}, "greater than 0"),
        ({"ratio": [1.0]}, "Field required"),
        ({"padding": -1}, "greater than or equal to 0"),
        ({"padding_mode": "mirror"}, "constant"),
        ({"horizontal_flip": 1.5}, "less than or equal to 1"),
    ],
)
def test_mistakes_in_augment_are_refused(fields, words):
    with pytest.raises(ValidationError, match=words):
        AugmentConfig.model_validate_json(json.dumps(fields))


def problems_of(**fields):
    with pytest.raises(ValidationError) as raised:
        DataConfig.model_validate(fields)
    (error,) = raised.value.errors()
    return {problem.path: problem.message for problem in error["ctx"]["problems"]}


def test_what_spoils_images_of_ones_own_is_refused_with_the_override_that_mends_it():
    found = problems_of(source="photos", imbalance=5, noise={"kind": "symmetric"})
    assert {*found} == {"noise", "imbalance"}, "both are said at once"
    assert "replace labels of photos" in found["noise"] and "data.noise.on_purpose=true" in found["noise"]
    assert "data.imbalance=1" in found["imbalance"] and "data.imbalance_on_purpose" in found["imbalance"]


@pytest.mark.parametrize(
    "fields",
    [
        {"source": "digits"},
        {"source": "photos", "clean_label": "truth"},
        {
            "source": "photos",
            "imbalance_on_purpose": True,
            "noise": {"kind": "symmetric", "on_purpose": True},
        },
    ],
    ids=["embedded", "true labels known", "on purpose"],
)
def test_noise_and_imbalance_where_somebody_meant_them(fields):
    config = DataConfig.model_validate({"imbalance": 5, "noise": {"kind": "symmetric"}} | fields)
    assert config.imbalance == 5 and config.noise is not None


def test_the_embedded_data_are_those_that_the_project_has():
    assert {*EMBEDDED} == {*embedded_sources}
