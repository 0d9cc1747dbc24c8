import torch

from platform.training.seeding import Purpose, seed_torch


def test_each_purpose_and_index_has_its_own_numbers():
    drawn = {}
    for seed in (0, 1, 2**63 - 1):
        for purpose in Purpose:
            for index in (0, 1, 2):
                seed_torch(seed, purpose, index)
                drawn[seed, purpose, index] = torch.rand(1).item()
    assert len(set(drawn.values())) == len(drawn)
    seed_torch(1, Purpose.EPOCH, 2)
    assert torch.rand(1).item() == drawn[1, Purpose.EPOCH, 2]
