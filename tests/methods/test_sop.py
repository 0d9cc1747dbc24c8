import pytest
import torch

from platform.methods import Progress, sop
from tests.methods.fixed_networks import Fixed, batch_of, tables_of

LOGITS, LABELS = [[4.0, 0, 0], [0, 3.0, 0]], [0, 2]
COUNTS = torch.tensor([8, 1, 1])


def stepped(**settings):
    method = sop.Method(sop.Config(**settings), COUNTS)
    tables = tables_of(method, images=3)
    for table in tables.values():
        table.values_NK.fill_(0.1)
    return method.step([Fixed(LOGITS)], batch_of(LABELS), Progress(tables=tables)), tables


def test_u_and_v_learn_at_their_own_rates_from_the_losses_of_the_step():
    output, tables = stepped(lr_u=0.5, lr_v=2.0)
    u, v = output.learnt
    assert (u.table, u.learning_rate, v.table, v.learning_rate) == (tables["u"], 0.5, tables["v"], 2.0)
    output.losses[0].backward()
    assert u.values_BK.grad[1] < 0, "the wrong label is explained as an error"
    assert v.values_BK.grad[1, 1] < 0
    assert output.metrics["label_error"].item() == pytest.approx(0.01)


def test_the_tables_begin_with_noise_of_the_initial_scale():
    specs = sop.Method(sop.Config(initial_scale=1e-3), COUNTS).tables()
    assert [(spec.name, spec.width, spec.initial, spec.noise) for spec in specs] == [
        ("u", 1, 0.0, 1e-3),
        ("v", 3, 0.0, 1e-3),
    ]


@pytest.mark.parametrize(("prior", "better"), [("class_counts", [8.0, 1, 1]), ("uniform", [1.0, 1, 1])])
def test_the_balance_draws_the_mean_prediction_to_the_chosen_frequencies(prior, better):
    method = sop.Method(sop.Config(balance_weight=1.0, balance_prior=prior), COUNTS)
    torch.testing.assert_close(method.prior_C, torch.tensor(better) / sum(better))
    without, _ = stepped()
    balanced, _ = stepped(balance_weight=2.0, balance_prior=prior)
    assert balanced.losses[0] > without.losses[0]
