"""Models that are sums of stock parts, compiled once for all of them."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from socwidgets.kernels.lineshapes import (
    ARCTAN_STEP,
    ERF_STEP,
    EXPONENTIAL,
    FIELDS,
    GAUSSIAN,
    LORENTZIAN,
    POLYNOMIAL,
    PSEUDO_VOIGT,
    VOIGT,
    evaluate,
)
from socwidgets.kernels.lm_lanes import LANES, function_pointer, jit_disabled
from socwidgets.kernels.lm_plan import Model

#: Kind and number of parameters of the parts that are not polynomials.
PARTS = {
    "gaussian": (GAUSSIAN, 3),
    "lorentzian": (LORENTZIAN, 3),
    "pseudo_voigt": (PSEUDO_VOIGT, 4),
    "voigt": (VOIGT, 4),
    "arctan": (ARCTAN_STEP, 3),
    "erf": (ERF_STEP, 3),
    "exponential": (EXPONENTIAL, 2),
}


@cache
def block(kind: type) -> Any:
    """`lineshapes.evaluate` for one float type; its type is that of every model."""
    return evaluate if jit_disabled() else function_pointer(evaluate.py_func, kind, cache=True)


def composite(
    parts: tuple[str, ...],
    axis: np.ndarray,
    *,
    degree: int = -1,
    own_axes: dict[int, np.ndarray] | None = None,
) -> Model:
    """A sum of parts and a polynomial.

    Parameters
    ----------
    parts : tuple of str
        Names in `PARTS`; their parameters follow each other in this order.
    axis : ndarray
        ``(E,)``, scaled to about [-1, 1].
    degree : int
        Degree of the polynomial, whose coefficients come last; -1 for none.
    own_axes : dict, optional
        ``{number of the part: (E,)}`` for parts that run on an axis of their own: a power law is
        an exponential of the logarithm.
    """
    rows, numbers, first = [np.asarray(axis, float)], [], 0
    for n, name in enumerate(parts):
        kind, count = PARTS[name]
        row = 0
        if own_axes and n in own_axes:
            rows.append(np.asarray(own_axes[n], float))
            row = len(rows) - 1
        numbers += [int(kind), first, count, row]
        first += count
    if degree >= 0:
        numbers += [int(POLYNOMIAL), first, degree + 1, len(rows)]
        rows += [rows[0] ** power for power in range(degree + 1)]
        first += degree + 1
    head = [len(numbers) // int(FIELDS), first, len(rows), LANES]
    return Model(block, first, np.array([*head, *numbers], np.uintp), np.stack(rows))
