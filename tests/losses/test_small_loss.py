import pytest
import torch

from platform.losses.small_loss import forget_rate_at, smallest_losses


def test_the_smallest_are_kept_and_ties_go_to_the_first():
    losses_B = torch.tensor([3.0, 1.0, 2.0, 1.0, 1.0])
    assert smallest_losses(losses_B, forget_rate=0.6).tolist() == [False, True, False, True, False]


@pytest.mark.parametrize(
    ("samples", "forget_rate", "kept"), [(10, 0.9, 1), (10, 0.8, 2), (35, 0.4, 21), (4, 0.99, 1), (3, 0.0, 3)]
)
def test_rounding_errors_forget_nobody_and_one_always_stays(samples, forget_rate, kept):
    assert int((1 - 0.9) * 10) == 0, "what the authors' code keeps"
    assert smallest_losses(torch.randn(samples), forget_rate=forget_rate).sum() == kept


@pytest.mark.parametrize("case", ["coteaching_0", "coteaching_1", "coteaching_2"])
def test_the_chosen_are_those_of_the_published_code(case, golden_losses):
    golden = golden_losses(case)
    for number in (1, 2):
        losses_B = torch.nn.functional.cross_entropy(
            golden[f"logits_{number}"], golden["labels"], reduction="none"
        )
        chosen_B = smallest_losses(losses_B, forget_rate=float(golden["forget_rate"]))
        assert chosen_B.nonzero().squeeze(1).tolist() == sorted(golden[f"small_loss_{number}"].tolist())


@pytest.mark.parametrize(("epoch", "rate"), [(0, 0.0), (1, 0.1), (2, 0.2), (4, 0.4), (9, 0.4)])
def test_the_rate_rises_in_a_line(epoch, rate):
    assert forget_rate_at(epoch, forget_rate=0.4, ramp_epochs=4) == pytest.approx(rate)


def test_an_exponent_bends_the_rise_and_no_ramp_is_the_rate_at_once():
    assert forget_rate_at(1, forget_rate=0.4, ramp_epochs=4, exponent=2) == pytest.approx(0.025)
    assert forget_rate_at(0, forget_rate=0.4, ramp_epochs=0) == 0.4


def test_a_rate_that_is_no_share_is_refused():
    with pytest.raises(ValueError, match="forget_rate must be in"):
        smallest_losses(torch.zeros(3), forget_rate=1.5)
