"""Sums over pairs of pixels at a fixed offset, compiled; the base of variograms and Moran's I.

Twin: `socwidgets.kernels.pairs_reference`.
"""

from __future__ import annotations

import numpy as np

from socwidgets.kernels import doors

#: Columns of the result of `pair_sums`.
PAIR_COLUMNS = ("pairs", "half_square", "product", "sum", "noise")

door = doors.door(error_model="numpy")


@door
def pair_sums(values, noise, block, label, dy, dx, result):
    """Add up all pairs ``(r, r + (dy, dx))`` whose pixels both lie in the mask.

    Parameters
    ----------
    values, noise : ndarray
        ``(y, x)`` float64, value (best with the mean taken off) and noise variance.
    block : ndarray
        ``(y, x)`` int32, -1 outside the mask, else the resampling unit of the pixel. A pair
        belongs to the unit of its first pixel.
    label : ndarray
        ``(y, x)`` int32; only pairs of the same label count. Constant where all pairs shall.
    dy, dx : int
        The offset; `dy` from 0, `dx` of either sign.
    result : ndarray
        ``(units, 5)`` float64, added to: number of pairs, ``(a - b)^2/2``, ``a b``, ``a + b``,
        mean noise variance of the two pixels, each summed over the pairs.
    """
    height, width = values.shape
    first = max(0, -dx)
    last = min(width, width - dx)
    for y in range(height - dy):
        for x in range(first, last):
            unit = block[y, x]
            if unit < 0 or block[y + dy, x + dx] < 0:
                continue
            if label[y, x] != label[y + dy, x + dx]:
                continue
            a, b = values[y, x], values[y + dy, x + dx]
            result[unit, 0] += 1.0
            result[unit, 1] += 0.5 * (a - b) * (a - b)
            result[unit, 2] += a * b
            result[unit, 3] += a + b
            result[unit, 4] += 0.5 * (noise[y, x] + noise[y + dy, x + dx])


@door
def shuffled_sums(values, partner_first, partner_second, seed, result):
    """Pair sums after shuffling the values over the pixels, once per row of `result`.

    Parameters
    ----------
    values : ndarray
        ``(n,)`` float64, mean taken off; shuffled in place.
    partner_first, partner_second : ndarray
        ``(pairs,)`` int32, positions in `values` of the two pixels of each pair.
    seed : int
        Seed of this thread's generator.
    result : ndarray
        ``(permutations, 2)`` float64, filled with the sums of ``a b`` and of ``(a - b)^2/2``.
    """
    np.random.seed(seed)  # noqa: NPY002 (the compiled generator has no other interface)
    for draw in range(result.shape[0]):
        np.random.shuffle(values)  # noqa: NPY002
        product, square = 0.0, 0.0
        for i in range(partner_first.size):
            a, b = values[partner_first[i]], values[partner_second[i]]
            product += a * b
            square += 0.5 * (a - b) * (a - b)
        result[draw, 0] = product
        result[draw, 1] = square
