import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from platform.losses import contrastive
from platform.losses.contrastive import simclr, supcon
from platform.losses.distillation import feature_distance, soft_cross_entropy


@pytest.mark.parametrize("at_once", [3, 512])
@pytest.mark.parametrize("name", ["supcon", "simclr"])
@pytest.mark.parametrize("number", [0, 1])
def test_value_and_gradient_equal_the_published_code(name, number, at_once, equals_published, monkeypatch):
    monkeypatch.setattr(contrastive, "ANCHORS_AT_ONCE", at_once)

    def loss(golden):
        options = {key: golden[key].item() for key in ("temperature", "base_temperature")}
        labels = (golden["labels"],) if name == "supcon" else ()
        return {"supcon": supcon, "simclr": simclr}[name](golden["features"], *labels, **options)

    equals_published(f"{name}_{number}", loss, trained="features")


def pair_by_pair(features, labels, temperature, anchors):
    """The formula in words, with plain loops."""
    samples, versions = features.shape[:2]
    everyone = [(sample, version) for sample in range(samples) for version in range(versions)]
    found = []
    for sample, version in everyone:
        if anchors == "one" and version:
            continue
        others = [other for other in everyone if other != (sample, version)]
        positives = [
            other
            for other in others
            if other[0] == sample or (labels[other[0]] == labels[sample] and labels[sample] != -1)
        ]
        if not positives:
            continue
        similar = {other: features[sample, version] @ features[other] / temperature for other in others}
        everything = torch.stack(list(similar.values())).logsumexp(0)
        found.append(-torch.stack([similar[other] - everything for other in positives]).mean())
    return torch.stack(found).mean() if found else torch.tensor(0.0, dtype=features.dtype)


@given(
    st.lists(st.integers(-1, 3), min_size=1, max_size=7),
    st.integers(1, 3),
    st.sampled_from(["all", "one"]),
    st.sampled_from([0.05, 0.5, 10.0]),
)
def test_equals_plain_loops(labels, versions, anchors, temperature):
    rng = torch.Generator().manual_seed(len(labels) * 10 + versions)
    features = F.normalize(torch.randn(len(labels), versions, 4, generator=rng, dtype=torch.float64), dim=2)
    found = supcon(features, torch.tensor(labels), temperature=temperature, anchors=anchors)
    torch.testing.assert_close(found, pair_by_pair(features, labels, temperature, anchors))


@pytest.mark.parametrize("temperature", [1e-3, 1e3])
@pytest.mark.parametrize("shape", [(1, 1, 4), (1, 2, 4), (3, 1, 4), (5, 2, 4)])
def test_it_and_its_gradient_are_finite(shape, temperature):
    features = F.normalize(torch.randn(shape, generator=torch.Generator().manual_seed(0)), dim=2)
    features.requires_grad_()
    loss = supcon(features, torch.arange(shape[0]), temperature=temperature)
    loss.backward()
    assert loss.isfinite() and features.grad.isfinite().all()
    if shape[1] == 1:
        assert loss == 0 and (features.grad == 0).all(), "no anchor has a positive"


def test_gradients_are_right():
    features = torch.randn(4, 2, 3, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([0, 0, 1, -1])
    assert torch.autograd.gradcheck(lambda x: supcon(x, labels, temperature=0.5), (features,))


@pytest.mark.parametrize("case", ["distill_soft_ce_0", "distill_soft_ce_1"])
def test_distillation_equals_the_published_code(case, equals_published):
    def loss(golden):
        temperature = golden["temperature"].item()
        return soft_cross_entropy(
            golden["student_logits"], golden["teacher_logits"], temperature=temperature
        ).mean()

    equals_published(case, loss, trained="student_logits", constant="teacher_logits")


def test_the_distance_of_equal_features_is_zero():
    features = torch.randn(3, 4)
    assert (feature_distance(features, features) == 0).all()
    assert feature_distance(features, features + 2) == pytest.approx([4, 4, 4])


@pytest.mark.parametrize(
    ("loss", "arguments"), [(simclr, (torch.ones(2, 2, 3),)), (soft_cross_entropy, (torch.ones(2, 3),) * 2)]
)
def test_a_temperature_must_be_positive(loss, arguments):
    with pytest.raises(ValueError, match="temperature must be > 0, got 0"):
        loss(*arguments, temperature=0)
