"""Summits of a landscape and the basins around them, compiled.

Twins: `scipy.ndimage.maximum_filter` and `skimage.segmentation.watershed`, to which the tests
compare them. The watershed of scikit-image keeps its front in a heap; here every pixel has its
place in the order of heights from the start, so that the front is a row of flags and the time grows
with the number of pixels alone.
"""

from __future__ import annotations

import numpy as np

from socwidgets.kernels.doors import doors

door, inner = doors(error_model="numpy")


def basins(height: np.ndarray, seeds: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Flood a landscape from its seeds downward; pixels that share a side are neighbors.

    Parameters
    ----------
    height : ndarray
        ``(y, x)`` or ``(z, y, x)`` float, finite where `mask` is.
    seeds : ndarray
        Of the same shape, int32, 0 = no seed.
    mask : ndarray
        bool of the same shape: what can be flooded.

    Returns
    -------
    ndarray
        int32, the seed whose flood came first; 0 outside the mask and where none came. Of
        equally high pixels those that come first in memory are flooded first.

    Notes
    -----
    Meyer (1994, Signal Process. 38, 113).
    """
    # A frame of pixels that cannot be flooded spares the flood to look where the image ends.
    shape = tuple(n + 2 for n in height.shape)
    core = (slice(1, -1),) * height.ndim
    labels = np.zeros(shape, np.int32)
    labels[core] = np.where(mask, seeds, 0)
    framed = np.zeros(shape, np.bool_)
    framed[core] = mask
    order = np.flatnonzero(framed)[np.argsort(-height[mask], kind="stable")]
    place = np.full(labels.size, -1, np.int32)
    place[order] = np.arange(order.size, dtype=np.int32)
    steps = np.cumprod((1, *shape[:0:-1]))
    _flood(order, place, labels.reshape(-1), np.concatenate([steps, -steps]))
    return np.ascontiguousarray(labels[core])


@door
def _flood(order, place, labels, steps):
    """Label the pixels of `order` (flat indices, highest first; `place` is its inverse)."""
    waiting = np.zeros(order.size, np.bool_)
    for i in range(order.size):
        waiting[i] = labels[order[i]] > 0
    # Pixels higher than the front are summits without a seed: they are flooded at once.
    above = np.empty(order.size + 1, order.dtype)
    for level in range(order.size):
        if not waiting[level]:
            continue
        above[0], count = order[level], 1
        while count:
            count -= 1
            here = above[count]
            for step in steps:
                there = here + step
                at = place[there]
                if at < 0 or labels[there] > 0:
                    continue
                labels[there] = labels[here]
                if at > level:
                    waiting[at] = True
                else:
                    above[count] = there
                    count += 1


def summits(height: np.ndarray, mask: np.ndarray, reach: int) -> np.ndarray:
    """Pixels that no pixel around them exceeds.

    Parameters
    ----------
    height : ndarray
        ``(y, x)`` or ``(z, y, x)`` float, finite.
    mask : ndarray
        bool of the same shape: where a summit may be.
    reach : int
        Pixels to either side along each axis that are compared.

    Returns
    -------
    ndarray
        bool; all pixels of a flat summit.
    """
    found = np.zeros(height.shape, np.bool_)
    deep = (1,) * (3 - height.ndim) + height.shape
    cube = np.ascontiguousarray(height).reshape(deep)
    # Few pixels pass the nearest neighbors; only they are compared with all others.
    _summits(cube, np.ascontiguousarray(mask).reshape(deep), reach, found.reshape(deep))
    return found


@door
def _summits(height, mask, reach, found):
    depth, rows, columns = height.shape
    for z in range(depth):
        for y in range(rows):
            for x in range(columns):
                if mask[z, y, x] and _highest(height, z, y, x, 1):
                    found[z, y, x] = _highest(height, z, y, x, reach)


@inner
def _highest(height, z, y, x, reach):
    here = height[z, y, x]
    depth, rows, columns = height.shape
    for k in range(max(z - reach, 0), min(z + reach + 1, depth)):
        for j in range(max(y - reach, 0), min(y + reach + 1, rows)):
            for i in range(max(x - reach, 0), min(x + reach + 1, columns)):
                if height[k, j, i] > here:
                    return False
    return True
