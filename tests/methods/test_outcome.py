"""What all methods say of a sample, against plain loops."""

import pytest
import torch

from platform.methods._outcome import logit_margin, sample_outcome


def test_the_margin_equals_its_definition_sample_by_sample():
    draws = torch.Generator().manual_seed(0)
    logits_BC = torch.randn(6, 4, generator=draws)
    labels_B = torch.tensor([0, 3, 1, 1, 2, 0])
    rows = zip(logits_BC.tolist(), labels_B.tolist(), strict=True)
    expected = [row[y] - max(z for c, z in enumerate(row) if c != y) for row, y in rows]
    assert logit_margin(logits_BC, labels_B).tolist() == pytest.approx(expected)
    assert logit_margin(logits_BC.bfloat16(), labels_B).dtype == torch.float32


def test_a_sample_without_a_label_has_some_margin_and_breaks_nothing():
    assert logit_margin(torch.tensor([[1.0, 3.0]]), torch.tensor([-1])).tolist() == [-2.0]


def test_the_outcome_has_a_row_for_each_network():
    logits = [torch.tensor([[2.0, 0.5], [0.0, 1.0]]), torch.tensor([[0.0, 1.0], [0.0, 1.0]])]
    labels_B = torch.tensor([0, 0])
    outcome = sample_outcome(logits, labels_B, [torch.zeros(2)] * 2)
    assert outcome.margins_MB.tolist() == [[1.5, -1.0], [-1.0, -1.0]]
    assert outcome.predictions_MB.tolist() == [[0, 1], [1, 1]]
    assert outcome.selected_MB.all()
