"""Statistics of labels in plain numpy: slow, obvious, for tests."""

from __future__ import annotations

import numpy as np


def describe(
    values: np.ndarray, weights: np.ndarray | None, levels: np.ndarray
) -> dict[str, float | np.ndarray]:
    """Statistics of the pixels of one label, ``(n,)``; values that are not finite are left out."""
    seen = np.isfinite(values)
    if not seen.any():
        return {"count": 0}
    v = values[seen].astype(np.float64)
    result: dict[str, float | np.ndarray] = {
        "count": v.size,
        "mean": v.mean(),
        "std": v.std(),
        "min": v.min(),
        "max": v.max(),
        "quantiles": np.quantile(v, levels),
    }
    if weights is not None:
        w = weights[seen].astype(np.float64)
        v, w = v[w > 0], w[w > 0]
        mean = np.average(v, weights=w)
        result["weighted_mean"] = mean
        result["weighted_std"] = np.sqrt(np.average((v - mean) ** 2, weights=w))
    return result
