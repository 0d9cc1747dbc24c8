"""Every rule in reports/ensemble/ is found by its file, and does what a rule must."""

import numpy as np
import pytest

from reports.ensemble import mean_probability, rules, vote


def random_probabilities(members, samples=40, classes=5):
    rng = np.random.default_rng(members)
    return rng.dirichlet(np.ones(classes), size=(members, samples)).astype(np.float32)


def test_rules_are_the_files():
    assert {"mean_probability", "vote"} <= set(rules())


@pytest.mark.parametrize("name", rules())
@pytest.mark.parametrize("members", [1, 2, 5])
def test_a_rule_gives_probabilities_whatever_the_order_of_members(name, members):
    probabilities_MNC = random_probabilities(members)
    combined_NC = rules()[name](probabilities_MNC)
    assert combined_NC.shape == (40, 5)
    assert combined_NC.dtype == np.float32
    assert (combined_NC >= 0).all()
    np.testing.assert_allclose(combined_NC.sum(1), 1, rtol=1e-5)
    np.testing.assert_array_equal(rules()[name](probabilities_MNC[::-1]), combined_NC)


@pytest.mark.parametrize("name", rules())
def test_a_single_member_decides_alone(name):
    probabilities_MNC = random_probabilities(1)
    combined_NC = rules()[name](probabilities_MNC)
    np.testing.assert_array_equal(combined_NC.argmax(1), probabilities_MNC[0].argmax(1))


def test_mean_probability_is_the_mean():
    probabilities_MNC = random_probabilities(3)
    expected_NC = [[sum(p[n, c] for p in probabilities_MNC) / 3 for c in range(5)] for n in range(40)]
    np.testing.assert_allclose(mean_probability.combine(probabilities_MNC), expected_NC, rtol=1e-6)


def test_the_majority_wins_against_a_confident_minority():
    probabilities_MNC = np.array([[[0.51, 0.49]], [[0.51, 0.49]], [[0.0, 1.0]]], dtype=np.float32)
    assert vote.combine(probabilities_MNC).argmax(1) == [0]
    assert mean_probability.combine(probabilities_MNC).argmax(1) == [1]


def test_a_tied_vote_goes_to_the_highest_mean_probability_among_the_tied():
    # Classes 0 and 1 have a vote each; class 2 has the highest mean of all, but no vote.
    probabilities_MNC = np.array([[[0.50, 0.02, 0.48]], [[0.03, 0.52, 0.45]]], dtype=np.float32)
    combined_NC = vote.combine(probabilities_MNC)
    assert combined_NC.argmax(1) == [1]
    assert combined_NC.argmin(1) == [2]


def test_votes_count_like_a_loop_over_samples():
    probabilities_MNC = random_probabilities(4)
    winners = vote.combine(probabilities_MNC).argmax(1)
    for sample, winner in enumerate(winners):
        counts = [0] * 5
        for member in probabilities_MNC:
            counts[int(member[sample].argmax())] += 1
        tied = [label for label in range(5) if counts[label] == max(counts)]
        means = {
            label: float(np.mean([member[sample, label] for member in probabilities_MNC])) for label in tied
        }
        assert winner == max(means, key=means.__getitem__)
