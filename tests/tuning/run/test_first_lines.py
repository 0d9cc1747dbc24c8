"""What the data are, in short, and whether images are far larger than they are learnt at."""

from typing import Any

from platform.datasets.image_size import Size
from platform.datasets.preparation.data import Summary
from platform.tuning.run.first_lines import data_line, too_large_for


def summary(*sizes, **changes):
    values: dict[str, Any] = {
        "source": "photos",
        "reader": "class_folders",
        "classes": ("a", "b"),
        "class_sizes": (900, 3),
    }
    values |= {"rows": {"train": 903, "val": 100}, "image_sizes": sizes} | changes
    return Summary(**values)


def test_the_data_are_one_line():
    assert data_line(summary(Size(300, 400), Size(375, 500), unlabelled=7)) == (
        "photos (class_folders): 2 classes of 3 to 900 training images; 903 train, 100 val; 7 of train have "
        "no label; 400x300 to 500x375 px"
    )
    assert data_line(summary(class_sizes=(5, 5))).endswith("2 classes; 903 train, 100 val")


def test_images_far_larger_than_they_are_learnt_at_are_said_with_the_cost():
    (line,) = too_large_for(Size(16, 16), summary(Size(375, 500)))
    assert line == (
        "Images are 500x375 px and are learnt at 16: details of less than 23 px are lost. image_size=224 "
        "shows more and costs about 196 times the computation of an epoch."
    )


def test_nothing_is_said_of_images_that_are_large_enough_or_unknown():
    assert not [*too_large_for(Size(224, 224), summary(Size(375, 500)))]
    assert not [*too_large_for(Size(16, 16), summary(Size(28, 28)))]
    assert not [*too_large_for(Size(16, 16), summary())]
