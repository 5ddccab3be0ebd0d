"""Pair sums in plain numpy: slow, obvious, for tests."""

from __future__ import annotations

import numpy as np


def pair_sums(values: np.ndarray, noise: np.ndarray, mask: np.ndarray, dy: int, dx: int):
    """Sums of `socwidgets.kernels.pairs.pair_sums` for one unit, by slicing."""
    height, width = values.shape
    here = np.s_[: height - dy, max(0, -dx) : min(width, width - dx)]
    there = np.s_[dy:, max(0, dx) : min(width, width + dx)]
    both = mask[here] & mask[there]
    a, b = values[here][both], values[there][both]
    middle = (noise[here][both] + noise[there][both]) / 2
    return np.array(
        [a.size, 0.5 * np.sum((a - b) ** 2), np.sum(a * b), np.sum(a + b), middle.sum()]
    )
