"""Slopes of maps that end somewhere: particles have borders, and borders are no cliffs."""

from __future__ import annotations

import numpy as np


def neighbor_slope(values: np.ndarray, axis: int) -> np.ndarray:
    """Derivative per pixel along one axis, from the neighbors that have a value.

    Parameters
    ----------
    values : ndarray
        Any shape; NaN is no value.
    axis : int
        Along which.

    Returns
    -------
    ndarray
        Of the same shape: mean of the steps from and to the next pixel, one of them at a border;
        NaN where there is none.
    """
    steps = np.diff(values, axis=axis)
    pad = [(1, 1) if a == axis else (0, 0) for a in range(values.ndim)]
    padded = np.pad(steps, pad, constant_values=np.nan)
    part = [slice(None)] * values.ndim
    ahead = padded[(*part[:axis], slice(1, None))]
    behind = padded[(*part[:axis], slice(None, -1))]
    known = np.isfinite(ahead).astype(int) + np.isfinite(behind)
    total = np.nan_to_num(ahead) + np.nan_to_num(behind)
    return np.where(known > 0, total / np.maximum(known, 1), np.nan)
