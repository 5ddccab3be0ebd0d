"""Joining the basins of a watershed that a high neck connects."""

from __future__ import annotations

import numpy as np


def merge_basins(labels: np.ndarray, height: np.ndarray, neck: float) -> np.ndarray:
    """Join neighbors whose neck is nearly as high as the lower of their two summits.

    Parameters
    ----------
    labels : ndarray
        Image or volume, int, 0 = background.
    height : ndarray
        Of the same shape, not negative: the landscape that was flooded.
    neck : float
        Basins are joined if the highest pass between them is above this share of the lower
        summit, the highest pass first. A joined basin has the higher summit of the two.

    Returns
    -------
    ndarray
        Labels, not renumbered.
    """
    count = int(labels.max(initial=0)) + 1
    first, second, pass_height = _passes(labels, height, count)
    summit = np.zeros(count)
    np.maximum.at(summit, labels.ravel(), height.ravel())
    parent = np.arange(count)

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return int(i)

    for edge in np.argsort(pass_height)[::-1]:
        a, b = root(first[edge]), root(second[edge])
        if a != b and pass_height[edge] > neck * min(summit[a], summit[b]):
            parent[b] = a
            summit[a] = max(summit[a], summit[b])
    return np.array([root(i) for i in range(count)], dtype=labels.dtype)[labels]


def _passes(
    labels: np.ndarray, height: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of touching labels and the highest pass between them."""
    keys, heights = [], []
    for axis in range(labels.ndim):
        one = tuple(slice(1, None) if i == axis else slice(None) for i in range(labels.ndim))
        other = tuple(slice(None, -1) if i == axis else slice(None) for i in range(labels.ndim))
        touch = (labels[one] != labels[other]) & (labels[one] > 0) & (labels[other] > 0)
        a, b = labels[one][touch].astype(np.int64), labels[other][touch].astype(np.int64)
        keys.append(np.minimum(a, b) * count + np.maximum(a, b))
        heights.append(np.minimum(height[one][touch], height[other][touch]))
    key, index = np.unique(np.concatenate(keys), return_inverse=True)
    highest = np.zeros(key.size)
    np.maximum.at(highest, index, np.concatenate(heights))
    return key // count, key % count, highest
