"""Mean and spread of images over background sentences."""

from __future__ import annotations

import numpy as np

from core.search.background import mean_and_spread


def test_a_few_matching_sentences_change_neither() -> None:
    """Both are those of the sentences that have nothing to do with the image."""
    rng = np.random.default_rng(3)
    background = rng.standard_normal((1001, 64)).astype(np.float32)
    background /= np.linalg.norm(background, axis=1, keepdims=True)
    image = background[:1]
    mean, spread = mean_and_spread(np.concatenate([image, -image]), background)
    others = background[1:] @ image[0]
    assert abs(mean[0] - np.median(others)) < 1e-3
    assert np.allclose(spread, others.std(), rtol=0.1)
    assert np.allclose(mean[0], -mean[1], atol=1e-6)


def test_without_sentences_scores_stay_cosines() -> None:
    """The calibrated score is then the cosine."""
    mean, spread = mean_and_spread(np.eye(4, dtype=np.float32), np.zeros((0, 4), np.float32))
    assert mean.tolist() == [0, 0, 0, 0]
    assert spread.tolist() == [1, 1, 1, 1]
