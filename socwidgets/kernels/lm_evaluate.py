"""Evaluate a model for one set of parameters, with the very code that fits."""

from __future__ import annotations

import numpy as np

from socwidgets.kernels.lm_lanes import COLUMN, LANES, ROWS, door
from socwidgets.kernels.lm_plan import Model, padded, padded_axis


def evaluate_model(model: Model, values: np.ndarray) -> np.ndarray:
    """Values of a model.

    Parameters
    ----------
    model : Model
        Composite or user's.
    values : ndarray
        ``(M,)``, parameters as the engine sees them.

    Returns
    -------
    ndarray
        ``(E,)`` float64.
    """
    points = model.axis.shape[1]
    lanes = np.repeat(np.asarray(values, np.float64), LANES)
    out = np.empty(padded(points))
    block = model.block(np.float64)
    _evaluate(
        block, model.numbers, padded_axis(model.axis, np.float64), lanes, np.zeros(2 * lanes.size),
        np.zeros((model.count + 1) * int(COLUMN)), np.zeros(int(COLUMN)), out,
    )  # fmt: skip
    return out[:points]


@door
def _evaluate(block, numbers, axis, q, work, jac, model, out):
    for e in range(0, out.size, ROWS):
        block(numbers, axis, np.uintp(e), q, work, jac, model)
        for u in range(ROWS):
            out[e + u] = model[u * LANES]
