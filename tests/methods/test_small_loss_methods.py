"""Co-teaching, its control with one network, JoCoR and Decoupling: which images are learnt, and how."""

import pytest
import torch

from platform.losses.cross_entropy import cross_entropy
from platform.methods import co_teaching, decoupling, jocor, small_loss
from tests.methods.fixed_networks import golden_case, step

# Network 1 finds the first images easy, network 2 the last; labels are all right.
LOGITS_1 = [[4.0, 0, 0], [3.0, 0, 0], [0, 2.0, 0], [0, 0, 1.0]]
LOGITS_2 = [[1.0, 0, 0], [2.0, 0, 0], [0, 3.0, 0], [0, 0, 4.0]]
LABELS = [0, 0, 1, 2]
COUNTS = torch.tensor([2, 1, 1])


def learnt(networks):
    return [network.logits_BC.grad.abs().sum(1).bool().tolist() for network in networks]


@pytest.mark.parametrize("case", ["coteaching_0", "coteaching_1", "coteaching_2"])
def test_co_teaching_equals_the_published_code(case):
    golden = golden_case(case)
    config = co_teaching.Config(forget_rate=float(golden["forget_rate"]), ramp_epochs=0)
    method = co_teaching.Method(config, torch.ones(golden["logits_1"].shape[1]))
    networks, output = step(method, (golden["logits_1"], golden["logits_2"]), golden["labels"])
    for number, (network, loss) in enumerate(zip(networks, output.losses, strict=True), start=1):
        assert loss.item() == pytest.approx(float(golden[f"loss_{number}"]))
        torch.testing.assert_close(network.logits_BC.grad, torch.tensor(golden[f"grad_{number}"]))


def test_each_network_learns_what_its_peer_finds_easy():
    method = co_teaching.Method(co_teaching.Config(forget_rate=0.5, ramp_epochs=0), COUNTS)
    networks, output = step(method, (LOGITS_1, LOGITS_2), LABELS)
    assert learnt(networks) == [[False, False, True, True], [True, True, False, False]]
    assert output.samples.selected_MB.tolist() == learnt(networks)
    assert output.metrics["forget_rate"].item() == 0.5


def test_one_network_learns_what_it_finds_easy_itself():
    method = small_loss.Method(small_loss.Config(forget_rate=0.5, ramp_epochs=0), COUNTS)
    networks, output = step(method, (LOGITS_1,), LABELS)
    assert learnt(networks) == [[True, True, False, False]]
    losses_B = cross_entropy(networks[0].logits_BC, torch.tensor(LABELS))
    torch.testing.assert_close(output.losses[0], losses_B[:2].mean())


@pytest.mark.parametrize(
    ("rank_by", "kept"), [("cross_entropy", [True, False]), ("logit_adjusted", [False, True])]
)
def test_a_rare_class_is_kept_where_ranks_are_against_the_class_frequencies(rank_by, kept):
    """The frequent class has the smaller cross-entropy, but less than its frequency makes likely."""
    config = small_loss.Config(forget_rate=0.5, ramp_epochs=0, rank_by=rank_by)
    method = small_loss.Method(config, torch.tensor([10, 100]))
    networks, _ = step(method, ([[0.0, 1.2], [1.0, 0.0]],), [1, 0])
    assert learnt(networks) == [kept]


def test_everything_is_learnt_before_the_ramp():
    method = co_teaching.Method(co_teaching.Config(forget_rate=0.5, ramp_epochs=4), COUNTS)
    networks, _ = step(method, (LOGITS_1, LOGITS_2), LABELS, epoch=0)
    assert learnt(networks) == [[True] * 4] * 2


@pytest.mark.parametrize("case", ["jocor_0", "jocor_1", "jocor_2"])
def test_jocor_equals_the_published_code(case):
    golden = golden_case(case)
    config = jocor.Config(
        forget_rate=float(golden["forget_rate"]), ramp_epochs=0, co_lambda=float(golden["co_lambda"])
    )
    method = jocor.Method(config, torch.ones(golden["logits_1"].shape[1]))
    networks, output = step(method, (golden["logits_1"], golden["logits_2"]), golden["labels"])
    assert sum(output.losses).item() == pytest.approx(float(golden["loss"]))
    for number, network in enumerate(networks, start=1):
        torch.testing.assert_close(network.logits_BC.grad, torch.tensor(golden[f"grad_{number}"]))
    assert output.samples.selected_MB[0].nonzero().squeeze(1).tolist() == sorted(
        golden["small_loss"].tolist()
    )


@pytest.mark.parametrize("case", ["decoupling_0", "decoupling_1", "decoupling_2"])
def test_decoupling_equals_the_published_formula(case):
    golden = golden_case(case)
    method = decoupling.Method(decoupling.Config(warmup_epochs=0), torch.ones(golden["logits_1"].shape[1]))
    _, output = step(method, (golden["logits_1"], golden["logits_2"]), golden["labels"])
    assert output.samples.selected_MB[0].tolist() == golden["disagree"].tolist()
    for number, loss in enumerate(output.losses, start=1):
        assert loss.item() == pytest.approx(float(golden[f"floored_loss_{number}"]))


def test_networks_that_agree_learn_nothing():
    method = decoupling.Method(decoupling.Config(warmup_epochs=2), COUNTS)
    networks, output = step(method, (LOGITS_1, LOGITS_2), LABELS)
    assert [loss.item() for loss in output.losses] == [0.0, 0.0]
    assert learnt(networks) == [[False] * 4] * 2
    networks, _ = step(method, (LOGITS_1, LOGITS_2), LABELS, epoch=1)
    assert learnt(networks) == [[True] * 4] * 2, "in the warm-up they learn everything"
