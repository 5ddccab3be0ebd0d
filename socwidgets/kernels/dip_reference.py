"""The dip by its definition, as a linear program for each possible mode: slow and obvious."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog


def dip_reference(values: np.ndarray) -> float:
    """Smallest ``d`` such that a distribution with one peak stays within ``d`` of the sample's.

    Parameters
    ----------
    values : ndarray
        ``(n,)``, finite and all different; n up to some dozens.
    """
    x = np.sort(values)
    return min(_dip_with_mode(x, mode) for mode in range(x.size))


def _dip_with_mode(x: np.ndarray, mode: int) -> float:
    """Best distance for a mode at ``x[mode]``, where the distribution function may jump."""
    n = x.size
    # Unknowns: heights at the points before and at the mode (left limit), at the mode (right
    # limit) and after it, then d.
    left = [(x[i], i) for i in range(mode + 1)]
    right = [(x[i], i + 1) for i in range(mode, n)]
    size = n + 2
    rows, bounds = [], []

    def add(coefficients: dict[int, float], limit: float) -> None:
        row = np.zeros(size)
        for index, value in coefficients.items():
            row[index] += value
        rows.append(row)
        bounds.append(limit)

    for points in (left, right):
        for position, index in points:
            rank = int(np.searchsorted(x, position))
            at_mode = rank == mode
            # Within d of the step function on both sides of its step, one side only at the jump.
            before, after = rank / n, (rank + 1) / n
            if not (at_mode and points is right):
                add({index: 1.0, n + 1: -1.0}, before)
                add({index: -1.0, n + 1: -1.0}, -before)
            if not (at_mode and points is left):
                add({index: 1.0, n + 1: -1.0}, after)
                add({index: -1.0, n + 1: -1.0}, -after)
    for points, sign in ((left, 1.0), (right, -1.0)):
        for (x0, i0), (x1, i1), (x2, i2) in zip(points, points[1:], points[2:], strict=False):
            # Rising slopes before the mode, falling after it.
            a, b = sign / (x1 - x0), sign / (x2 - x1)
            add({i1: a + b, i0: -a, i2: -b}, 0.0)
    for i in range(n):
        add({i: 1.0, i + 1: -1.0}, 0.0)
    cost = np.zeros(size)
    cost[-1] = 1.0
    found = linprog(cost, A_ub=np.array(rows), b_ub=np.array(bounds), bounds=(0.0, 1.0))
    return float(found.fun)
