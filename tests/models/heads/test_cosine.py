"""The classifier of scaled cosines in timm's networks."""

import pytest
import torch

from platform.models.build import build
from platform.models.errors import ModelError
from platform.models.heads.cosine import CosineClassifier
from platform.models.layers import head_parameters, set_trainable
from platform.models.model_config import EmbeddingConfig, ModelConfig


@pytest.mark.parametrize("embedding", [None, EmbeddingConfig(dim=6)])
@pytest.mark.parametrize("backbone", ["test_resnet", "test_vit", "test_convnext"])
def test_logits_are_scaled_cosines(backbone, embedding):
    torch.manual_seed(0)
    network = build(ModelConfig(backbone=backbone, cosine_scale=20.0, embedding=embedding), 5, 32).eval()
    (classifier,) = (module for module in network.modules() if isinstance(module, CosineClassifier))
    taken = []
    classifier.register_forward_pre_hook(lambda _, inputs: taken.append(inputs[0]))
    logits_BC = network(torch.randn(3, 3, 32, 32))
    for features_F, logits_C in zip(taken[0], logits_BC, strict=True):
        for weights_F, logit in zip(classifier.weight, logits_C, strict=True):
            expected = 20 * torch.nn.functional.cosine_similarity(features_F, weights_F, dim=0)
            torch.testing.assert_close(logit, expected)
    set_trainable(network, "head")
    assert any(parameter is classifier.weight for parameter in network.parameters())
    assert classifier.weight.requires_grad
    assert head_parameters(network)


def test_half_precision_and_empty_features_are_finite():
    classifier = CosineClassifier(8, 5000, 30.0)
    features_BF = torch.randn(2, 8).mul(1e4).requires_grad_()
    with torch.no_grad():
        features_BF[1] = 0
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits_BC = classifier(features_BF.bfloat16())
    assert logits_BC.dtype == torch.float32
    logits_BC.sum().backward()
    assert features_BF.grad.isfinite().all()
    assert logits_BC[1].abs().max() == 0


def test_a_classifier_that_is_no_linear_layer_is_refused():
    with pytest.raises(ModelError, match=r"model\.cosine_scale: the classifier of resnetv2_50x1_bit"):
        build(ModelConfig(backbone="resnetv2_50x1_bit", cosine_scale=30.0), 5, 32)
