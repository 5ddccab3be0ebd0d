"""Joining the basins of a watershed that a high neck connects, or that make one straight rod."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import find_objects

#: A rod: at least so much longer than wide, as two touching disks are not,
_ROD_ASPECT = 2.5
#: hardly wider than the wider piece,
_ROD_WIDTH = 1.25
#: and nearly as convex as its pieces are, by the share of the convex hull that is filled.
_ROD_DENT = 0.05
#: Its pixels, not a neck, make the ridge of a thin rod uneven: the pass may be lower by this.
_ROD_NECK = 0.75


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


def join_rods(labels: np.ndarray, height: np.ndarray, neck: float) -> np.ndarray:
    """Join pieces of thin rods, whose ridge rises and falls with the pixels it runs through.

    Parameters
    ----------
    labels : ndarray
        ``(y, x)`` int, 0 = background.
    height : ndarray
        Of the same shape, not negative: the landscape that was flooded.
    neck : float
        As for `merge_basins`; three quarters of it are asked for here.

    Returns
    -------
    ndarray
        Labels, not renumbered. Two are joined that together are long, hardly wider, and dent no
        more than each by itself: a neck between two particles is a dent.
    """
    count = int(labels.max(initial=0)) + 1
    first, second, height_of = _passes(labels, height, count)
    summit = np.zeros(count)
    np.maximum.at(summit, labels.ravel(), height.ravel())
    high = height_of > _ROD_NECK * neck * np.minimum(summit[first], summit[second])
    edges = [(int(a), int(b)) for a, b in zip(first[high], second[high], strict=True)]
    if not edges:
        return labels
    joined, boxes, name = labels.copy(), find_objects(labels), np.arange(count)
    found = True
    while found:
        found = False
        for edge in edges:
            a, b = name[list(edge)]
            if a == b:
                continue
            box = tuple(
                slice(min(i.start, j.start), max(i.stop, j.stop))
                for i, j in zip(boxes[a - 1], boxes[b - 1], strict=True)
            )
            window = joined[box]
            if _is_rod(window == a, window == b):
                window[window == b] = a
                name[name == b], boxes[a - 1], found = a, box, True
    return joined


def _is_rod(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two masks together are long, no wider and as convex as they are by themselves."""
    both = one | other
    across, along = _spreads(both)
    widest = max(_spreads(one)[0], _spreads(other)[0])
    # Side by side they would be a rod, too, but a wider one.
    if along < _ROD_ASPECT * across or across > _ROD_WIDTH * widest:
        return False
    filled, alone = _hull(both), _hull(one) + _hull(other)
    # Shares of the hull that is filled: of both, and of each, weighted by its hull.
    return bool(both.sum() / filled >= both.sum() / alone - _ROD_DENT)


def _spreads(mask: np.ndarray) -> np.ndarray:
    """Standard deviation of the place of the pixels across and along the long axis."""
    place = np.array(np.nonzero(mask), float)
    place -= place.mean(axis=1, keepdims=True)
    # A pixel is a square, not a point.
    return np.sqrt(np.linalg.eigvalsh(place @ place.T / place.shape[1] + np.eye(2) / 12.0))


def _hull(mask: np.ndarray) -> float:
    """Area of the convex hull, pixels."""
    from socwidgets.kernels.regions import hulls

    return float(hulls(mask.astype(np.int32))[1])


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
