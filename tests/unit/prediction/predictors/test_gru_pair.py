from typing import Any

import numpy as np
import torch
from scipy import stats

from memorability.prediction.predictors.gru_pair import PairNetwork, draw_pairs, predict_by_pairs
from tests.unit.prediction.problems import study

LATENTS, _, SPLIT = study(n=240)
SCORES, PARTS = SPLIT["score"].to_numpy(), SPLIT["split"].to_numpy()


QUICK: dict[str, Any] = {"seed": 0, "hidden": 16, "learning_rate": 1e-2, "max_epochs": 12}


def test_every_row_is_in_one_pair_and_the_odd_one_beside_itself() -> None:
    generator = np.random.default_rng(0)
    assert draw_pairs(np.arange(5892), generator).shape == (2946, 2)
    assert len(draw_pairs(np.arange(931), generator)) == 466, "as many as the scripts make"
    pairs = draw_pairs(np.arange(7), generator)
    assert sorted(set(pairs.ravel())) == list(range(7))
    assert (pairs[:, 0] == pairs[:, 1]).sum() == 1
    assert pairs[-1, 0] == pairs[-1, 1]


def test_the_network_reads_both_images_and_their_order() -> None:
    network = PairNetwork(20, seed=0, hidden=16).eval()
    pairs = torch.randn(3, 2, 20, generator=torch.Generator().manual_seed(0))
    scores = network(pairs)
    assert scores.shape == (3,)
    assert not torch.allclose(network(pairs.flip(1)), scores)
    assert network.gru.bidirectional
    assert network.gru.num_layers == 2


def test_signal_is_found_in_images_and_in_pairs_of_test_images() -> None:
    predicted, pairs, of_pairs = predict_by_pairs(LATENTS, SCORES, PARTS, **QUICK)
    test = PARTS == "test"
    assert stats.spearmanr(predicted[test], SCORES[test]).statistic > 0.4
    assert stats.spearmanr(of_pairs, SCORES[pairs].mean(axis=1)).statistic > 0.2
    assert (PARTS[pairs] == "test").all()


def test_training_is_repeatable_and_blind_to_test_images() -> None:
    first = predict_by_pairs(LATENTS, SCORES, PARTS, **QUICK)
    latents, scores = LATENTS.copy(), SCORES.copy()
    test = PARTS == "test"
    latents[test] += 50
    scores[test] = np.nan
    second = predict_by_pairs(latents, scores, PARTS, **QUICK)
    np.testing.assert_array_equal(first[0][~test], second[0][~test])
    np.testing.assert_array_equal(first[1], second[1])
    assert (first[0][test] != second[0][test]).all()


def test_shuffled_scores_are_predicted_at_chance() -> None:
    shuffled = np.random.default_rng(1).permutation(SCORES)
    predicted, _, _ = predict_by_pairs(LATENTS, shuffled, PARTS, **QUICK)
    test = PARTS == "test"
    bound = 3 / np.sqrt(test.sum() - 1)
    assert abs(stats.spearmanr(predicted[test], shuffled[test]).statistic) < bound
