"""Pair sums against slicing, with gaps, units and labels."""

import numpy as np
import pytest

from socwidgets.kernels import pairs as kernel
from socwidgets.kernels import pairs_reference


@pytest.mark.parametrize("offset", [(0, 1), (1, 0), (2, 3), (3, -2), (0, -4), (40, 0)])
def test_sums_equal_the_twin(rng, offset):
    values, noise = rng.normal(size=(30, 37)), rng.random((30, 37))
    mask = rng.random(values.shape) < 0.8
    values[~mask] = np.nan
    block = np.where(mask, rng.integers(0, 4, mask.shape), -1).astype(np.int32)
    result = np.zeros((4, 5))
    dy, dx = offset
    kernel.pair_sums(values, noise, block, np.zeros(mask.shape, np.int32), dy, dx, result)
    expected = pairs_reference.pair_sums(values, noise, mask, min(dy, 30), dx)
    np.testing.assert_allclose(result.sum(axis=0), expected, rtol=1e-12, atol=1e-12)


def test_pairs_across_labels_can_be_left_out():
    label = np.repeat(np.array([1, 2], np.int32), 3)[None, :]
    result = np.zeros((1, 5))
    kernel.pair_sums(np.ones((1, 6)), np.ones((1, 6)), 0 * label, label, 0, 1, result)
    assert result[0, 0] == 4


def test_shuffled_sums_keep_the_values(rng):
    values = rng.normal(size=50)
    before = np.sort(values)
    result = np.empty((200, 2))
    first = np.arange(49, dtype=np.int32)
    kernel.shuffled_sums(values, first, first + np.int32(1), 3, result)
    np.testing.assert_array_equal(np.sort(values), before)
    # Expectation of a shuffled product: (S^2 - Q)/(n (n - 1)) per pair.
    expected = 49 * (before.sum() ** 2 - (before**2).sum()) / (50 * 49)
    product = result[:, 0]
    assert product.mean() == pytest.approx(expected, abs=4 * product.std() / np.sqrt(200))
