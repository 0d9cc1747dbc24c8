"""Every rule in reports/ensembles/rules/ is found by its file, and does what a rule must."""

import tracemalloc

import numpy as np
import pytest

from reports.ensembles.rules import (
    greedy,
    mean_logit,
    mean_probability,
    median_logit,
    median_probability,
    rules,
    stacked_logistic,
    stacked_trees,
    vote,
    weighted_mean,
)

LEARNING = [name for name, rule in rules().items() if rule.fit]


def random_probabilities(members, samples=40, classes=5):
    rng = np.random.default_rng(members)
    return rng.dirichlet(np.ones(classes), size=(members, samples)).astype(np.float32)


def logits_of(probabilities_MNC):
    """Each sample's with a constant of its own, as a network's may have."""
    constants = np.arange(np.asarray(probabilities_MNC).shape[1])[:, None] % 7 - 3
    return (np.log(np.clip(probabilities_MNC, 1e-12, None)) + constants).astype(np.float32)


def known(members=3, samples=400, classes=5, noise=1.0):
    """Labels and logits of members that are the better, the later they come."""
    rng = np.random.default_rng(7)
    labels_N = rng.integers(classes, size=samples)
    logits_MNC = noise * rng.normal(size=(members, samples, classes)).astype(np.float32)
    logits_MNC[:, np.arange(samples), labels_N] += np.linspace(0.0, 2.0, members)[:, None]
    return logits_MNC, labels_N


def test_rules_are_the_files():
    assert {"mean_probability", "vote"} <= set(rules())
    assert set(LEARNING) == {"greedy", "stacked_logistic", "stacked_trees", "weighted_mean"}


@pytest.mark.parametrize("name", rules())
@pytest.mark.parametrize("members", [1, 2, 5])
def test_a_rule_gives_probabilities_whatever_the_order_of_members(name, members):
    logits_MNC, labels_N = known(members)
    rule = rules()[name]
    combined_NC = rule.combine(logits_MNC, **rule.learn(logits_MNC, labels_N))
    assert combined_NC.shape == (400, 5)
    assert combined_NC.dtype == np.float32
    assert (combined_NC >= 0).all()
    np.testing.assert_allclose(combined_NC.sum(1), 1, rtol=1e-5)
    turned = logits_MNC[::-1]
    again_NC = rule.combine(turned, **rule.learn(turned, labels_N))
    if name != "stacked_trees":  # of features that split equally well the first is taken
        np.testing.assert_allclose(again_NC, combined_NC, atol=2e-4)


@pytest.mark.parametrize("name", rules())
def test_a_constant_in_a_samples_logits_changes_nothing(name):
    logits_MNC, labels_N = known()
    rule = rules()[name]
    learnt = rule.learn(logits_MNC, labels_N)
    shifted = logits_MNC + np.linspace(-4, 4, 3 * 400, dtype=np.float32).reshape(3, 400, 1)
    if name == "mean_logit":
        learnt = {}
    np.testing.assert_allclose(rule.combine(shifted, **learnt), rule.combine(logits_MNC, **learnt), atol=2e-5)


@pytest.mark.parametrize("name", sorted(set(rules()) - set(LEARNING)))
def test_a_single_member_decides_alone(name):
    logits_MNC = logits_of(random_probabilities(1))
    combined_NC = rules()[name].combine(logits_MNC)
    np.testing.assert_array_equal(combined_NC.argmax(1), logits_MNC[0].argmax(1))


@pytest.mark.parametrize(
    ("rule", "by_hand"),
    [
        (mean_probability, lambda p: np.mean(p, axis=0)),
        (mean_logit, lambda p: np.exp(np.mean(np.log(p), axis=0))),
        (median_probability, lambda p: np.median(p, axis=0)),
        (median_logit, lambda p: np.exp(np.median(np.log(p), axis=0))),
    ],
)
def test_means_and_medians(rule, by_hand):
    probabilities_MNC = random_probabilities(3)
    expected_NC = by_hand(probabilities_MNC.astype(np.float64))
    expected_NC /= expected_NC.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(rule.combine(logits_of(probabilities_MNC)), expected_NC, rtol=2e-5, atol=1e-7)


def test_the_mean_of_many_takes_the_memory_of_few():
    logits_MNC = np.zeros((16, 2000, 50), dtype=np.float32)
    tracemalloc.start()
    mean_probability.combine(logits_MNC)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6 * logits_MNC[0].astype(np.float64).nbytes


def test_the_majority_wins_against_a_confident_minority():
    logits_MNC = logits_of(np.array([[[0.51, 0.49]], [[0.51, 0.49]], [[0.0, 1.0]]]))
    assert vote.combine(logits_MNC).argmax(1) == [0]
    assert mean_probability.combine(logits_MNC).argmax(1) == [1]
    assert median_probability.combine(logits_MNC).argmax(1) == [0]


def test_a_tied_vote_goes_to_the_highest_mean_probability_among_the_tied():
    # Classes 0 and 1 have a vote each; class 2 has the highest mean of all, but no vote.
    logits_MNC = logits_of(np.array([[[0.50, 0.02, 0.48]], [[0.03, 0.52, 0.45]]]))
    combined_NC = vote.combine(logits_MNC)
    assert combined_NC.argmax(1) == [1]
    assert combined_NC.argmin(1) == [2]


def test_votes_count_like_a_loop_over_samples():
    probabilities_MNC = random_probabilities(4)
    winners = vote.combine(logits_of(probabilities_MNC)).argmax(1)
    for sample, winner in enumerate(winners):
        counts = [0] * 5
        for member in probabilities_MNC:
            counts[int(member[sample].argmax())] += 1
        tied = [label for label in range(5) if counts[label] == max(counts)]
        means = {
            label: float(np.mean([member[sample, label] for member in probabilities_MNC])) for label in tied
        }
        assert winner == max(means, key=means.__getitem__)


def test_the_weighted_mean_is_the_likeliest_on_the_simplex():
    logits_MNC, labels_N = known()

    def likelihood(weights_M):
        said_NC = weighted_mean.combine(logits_MNC, np.asarray(weights_M))
        return np.log(said_NC[np.arange(len(labels_N)), labels_N]).mean()

    weights_M = weighted_mean.fit(logits_MNC, labels_N)["weights_M"]
    assert weights_M.sum() == pytest.approx(1) and weights_M.argmax() == 2
    corners = np.eye(3)
    for share in (0.0, 0.01, 0.1, 0.5):
        for corner in corners:
            assert likelihood(weights_M) >= likelihood((1 - share) * weights_M + share * corner) - 1e-7


def test_greedy_selection_is_carried_out_as_published():
    logits_MNC, labels_N = known(4, samples=60)
    probabilities_MNC = np.exp(logits_MNC) / np.exp(logits_MNC).sum(2, keepdims=True)

    def score(bag):
        mean_NC = probabilities_MNC[bag].mean(axis=0)
        right = (mean_NC.argmax(1) == labels_N).mean()
        return right, np.log(mean_NC[np.arange(60), labels_N]).mean()

    bag, best, kept = [], (-1.0, 0.0), 0
    for _ in range(greedy.ROUNDS):
        bag.append(max(range(4), key=lambda member: (score([*bag, member]), -member)))
        if score(bag) > best:
            best, kept = score(bag), len(bag)
    expected = np.bincount(bag[:kept], minlength=4) / kept
    np.testing.assert_allclose(greedy.fit(logits_MNC, labels_N)["weights_M"], expected)


def test_stacked_logistic_weighs_members_by_what_they_know_and_learns_a_class_that_all_miss():
    logits_MNC, labels_N = known()
    logits_MNC[:, :, 0] -= 3  # nobody says class 0
    learnt = stacked_logistic.fit(logits_MNC, labels_N)
    assert learnt["weights_MC"].mean(axis=1).argmax() == 2
    assert learnt["bias_C"].argmax() == 0
    stacked = stacked_logistic.combine(logits_MNC, **learnt)
    mean = mean_logit.combine(logits_MNC)
    assert (stacked.argmax(1) == labels_N).mean() > (mean.argmax(1) == labels_N).mean() + 0.05


def test_trees_take_the_expert_where_he_is_sure():
    rng = np.random.default_rng(0)
    labels_N = rng.integers(4, size=1200)
    noise = rng.normal(size=(2, 1200, 4)).astype(np.float32)
    is_expert = rng.random(1200) < 0.5
    noise[0, is_expert, labels_N[is_expert]] += 8  # sure and right, elsewhere loud and wrong
    noise[0, ~is_expert] *= 3
    noise[1, np.arange(1200), labels_N] += 1
    learnt = stacked_trees.fit(noise[:, :800], labels_N[:800])
    trees = (stacked_trees.combine(noise[:, 800:], **learnt).argmax(1) == labels_N[800:]).mean()
    mean = (mean_probability.combine(noise[:, 800:]).argmax(1) == labels_N[800:]).mean()
    assert trees > mean
    assert all(array.dtype.kind in "fi" for array in learnt.values()), "arrays alone, no pickled objects"


def test_trees_that_are_never_right_leave_the_mean():
    logits_MNC = logits_of(np.eye(12)[None, np.zeros(30, dtype=int)] * 0.5 + 0.01)
    learnt = stacked_trees.fit(logits_MNC, np.full(30, 11))
    combined_NC = stacked_trees.combine(logits_MNC, **learnt)
    np.testing.assert_allclose(combined_NC.sum(1), 1, rtol=1e-5)
    assert (combined_NC.argmax(1) == 0).all()


@pytest.mark.parametrize("name", LEARNING)
def test_what_a_rule_learnt_is_judged_on_samples_it_did_not_see(name):
    """Of labels drawn at random nothing can be learnt: only a fit that saw them would seem to know them."""
    rng = np.random.default_rng(3)
    logits_MNC = rng.normal(size=(6, 300, 5)).astype(np.float32)
    labels_N = rng.integers(5, size=300)
    rule = rules()[name]
    seen = (rule.combine(logits_MNC, **rule.learn(logits_MNC, labels_N)).argmax(1) == labels_N).mean()
    judged = (rule.judged(logits_MNC, labels_N).argmax(1) == labels_N).mean()
    assert judged < 0.27 < seen or name == "weighted_mean"
    np.testing.assert_array_equal(rule.judged(logits_MNC, labels_N), rule.judged(logits_MNC, labels_N))


@pytest.mark.parametrize("name", rules())
def test_two_samples_are_enough(name):
    logits_MNC, labels_N = known(2, samples=2)
    assert np.isfinite(rules()[name].judged(logits_MNC, labels_N)).all()
