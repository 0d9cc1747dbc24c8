"""What the section ``augment`` accepts and refuses."""

import json

import pytest
from pydantic import ValidationError

from platform.datasets.augmentation.augment import AugmentConfig
from platform.datasets.image_size import Size


def read(**fields):
    return AugmentConfig.model_validate_json(json.dumps(fields))


def test_nothing_is_on_unless_asked():
    config = AugmentConfig()
    assert not config.changes_appearance
    assert config.mixing is None


def test_lists_are_taken_as_ranges_in_python_too():
    """As a stage's merged settings come."""
    config = AugmentConfig.model_validate(
        {"scale": [0.2, 1.0], "jpeg": {"quality": [10, 50]}, "motion_blur": {"kernel_size": [3, 5]}}
    )
    assert (config.scale, config.jpeg.quality, config.motion_blur.kernel_size) == (
        (0.2, 1.0),
        (10, 50),
        (3, 5),
    )


@pytest.mark.parametrize(
    "section",
    [
        {"policy": {"name": "trivial_augment_wide"}},
        {"policy": {"name": "rand_augment", "num_ops": 3, "magnitude": 5}},
        {"policy": {"name": "augmix", "chain_depth": 2}},
        {"color_jitter": {"brightness": 0.4, "contrast": 0.4}},
        {"grayscale": 0.2},
        {"random_erasing": {}},
        {"cutout": {"size": 3}},
        {"down_up": {}},
        {"jpeg": {}},
        {"motion_blur": {}},
    ],
)
def test_each_section_alone_changes_pictures(section):
    assert read(**section).changes_appearance


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"policy": {"name": "auto_augment"}}, "trivial_augment_wide"),
        (
            {"policy": {"name": "rand_augment", "magnitude": 31}},
            "magnitude must be < num_magnitude_bins (31), got 31",
        ),
        ({"policy": {"name": "augmix", "chain_depth": 0}}, "must be -1 or at least 1, got 0"),
        ({"policy": {"name": "augmix", "severity": 11}}, "less than or equal to 10"),
        ({"color_jitter": {"hue": 0.6}}, "less than or equal to 0.5"),
        ({"color_jitter": {"probability": 1.1}}, "less than or equal to 1"),
        ({"grayscale": -0.1}, "greater than or equal to 0"),
        ({"random_erasing": {"scale": [0.5, 0.1]}}, "must be [lower, upper], got [0.5, 0.1]"),
        ({"random_erasing": {"scale": [0.1, 1.5]}}, "must be at most 1, got 1.5"),
        ({"random_erasing": {"ratio": [0, 1]}}, "must be above 0, got 0"),
        ({"random_erasing": {"value": "white"}}, "'mean', 'black' or 'noise'"),
        ({"cutout": {"size": 0}}, "greater than or equal to 1"),
        ({"down_up": {"scale": [0.0, 0.5]}}, "must be [lower, upper] above 0, at most 1, got [0, 0.5]"),
        ({"jpeg": {"quality": [0, 50]}}, "must be [lower, upper] from 1 to 100, got [0, 50]"),
        ({"jpeg": {"quality": ["10", "50"]}}, "valid integer"),
        ({"motion_blur": {"kernel_size": [3, 6]}}, "must be odd numbers from 3 on, got [3, 6]"),
        ({"motion_blur": {"kernel_size": [7, 5]}}, "must be [lower, upper], got [7, 5]"),
        ({"mixing": {}}, "mixup_alpha or cutmix_alpha must be > 0"),
        ({"mixing": {"mixup_alpha": -1}}, "greater than or equal to 0"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(section, message):
    with pytest.raises(ValidationError) as refused:
        read(**section)
    error = refused.value.errors()[0]
    assert message in error["msg"]
    assert "\n" not in error["msg"]


@pytest.mark.parametrize(
    ("section", "found"),
    [
        ({"padding": 7, "cutout": {"size": 7}, "motion_blur": {"kernel_size": [3, 7]}}, None),
        ({"padding": 8}, ("padding", 8)),
        ({"padding": 8, "crop": "none"}, None),
        ({"cutout": {"size": 9}}, ("cutout.size", 9)),
        ({"motion_blur": {"kernel_size": [3, 9]}}, ("motion_blur.kernel_size", 9)),
    ],
)
def test_what_is_too_large_for_the_pictures_is_named(section, found):
    problem = read(**section).check_image_size(Size(8, 8))
    assert problem == (found and (found[0], "must be < image_size (8)", found[1]))
    problem = read(**section).check_image_size(Size(16, 8))
    assert problem == (found and (found[0], "must be < both sides of image_size (16x8)", found[1]))
