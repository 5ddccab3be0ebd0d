"""Shape of one label in plain numpy and scipy: slow, obvious, for tests."""

from __future__ import annotations

import numpy as np
from scipy.spatial import ConvexHull


def covariance(inside: np.ndarray) -> np.ndarray:
    """Covariance of the pixel indices of a label, each pixel a point."""
    return np.cov(np.argwhere(inside).T.astype(float), ddof=0)


def hull_area(inside: np.ndarray) -> float:
    """Area of the convex hull of the corners of the pixels of a label, ``(y, x)``."""
    place = np.argwhere(inside)
    corners = np.concatenate([place + np.array(c) for c in ((0, 0), (0, 1), (1, 0), (1, 1))])
    return float(ConvexHull(corners).volume)
