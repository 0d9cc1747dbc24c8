"""Means over an epoch's samples from the means over its batches."""

import pytest
import torch

from platform.methods import SampleOutcome, StepOutput
from platform.training.loop.epoch_means import EpochMeans


@pytest.fixture
def output():
    """``output({"loss": 1.0}, accuracy=2)``: a step's, whose accuracy is a mean over 2 samples."""
    nothing = torch.zeros(1, 0)
    samples = SampleOutcome(nothing, nothing.long(), nothing, nothing.bool())

    def make(metrics, **counts):
        metrics = {name: torch.tensor(value) for name, value in metrics.items()}
        counted = {name: torch.tensor(count) for name, count in counts.items()}
        return StepOutput((torch.zeros(()),), samples, metrics, counted)

    return make


def test_batches_count_by_their_samples(output):
    means = EpochMeans()
    means.add(output({"loss": 1.0}), 30)
    means.add(output({"loss": 4.0}), 10)
    assert means.means() == {"loss": 1.75}


def test_a_metric_of_some_samples_counts_by_these(output):
    means = EpochMeans()
    means.add(output({"loss": 1.0, "accuracy": 1.0}, accuracy=1), 30)
    means.add(output({"loss": 1.0, "accuracy": 0.5}, accuracy=4), 10)
    means.add(output({"loss": 1.0, "accuracy": 0.0}, accuracy=0), 10)
    assert means.means() == {"loss": 1.0, "accuracy": pytest.approx(3 / 5)}


def test_a_mean_over_no_sample_is_absent(output):
    means = EpochMeans()
    means.add(output({"loss": 1.0, "accuracy": 0.0}, accuracy=0), 8)
    assert means.means() == {"loss": 1.0}
