"""Displacement and likeness of whole images, for `socwidgets.analysis.drift`."""

from __future__ import annotations

import numpy as np

from socwidgets.analysis.cross_correlation import CrossCorrelation


class PlainCorrelation:
    """Compares whole images.

    Parameters
    ----------
    window : ndarray
        ``(y, x)``, weights of every frame, which fade toward the border.
    workers : int
        Threads of the Fourier transforms; the numbers do not depend on it.
    """

    def __init__(self, window: np.ndarray, *, workers: int = 1) -> None:
        self._window, self._workers = window, workers

    def displacement(
        self, reference: np.ndarray, moved: np.ndarray, upsample: int, *, near: bool = False
    ) -> np.ndarray:
        """Displacement ``(dy, dx)`` in px of `moved` against `reference`, both ``(y, x)``.

        Zero where one of them is empty. `near` makes no difference here.
        """
        a, b = reference * self._window, moved * self._window
        if not (a.any() and b.any()):
            return np.zeros(2)
        # Both are tapered already, less than a Hann window would.
        compare = CrossCorrelation(a, upsample=upsample, window=False, workers=self._workers)
        found = compare.displacement(b)
        return found if np.isfinite(found).all() else np.zeros(2)

    def correlation(self, reference: np.ndarray, aligned: np.ndarray) -> float:
        """Pearson correlation; NaN without contrast."""
        a, b = reference * self._window, aligned * self._window
        a, b = a - a.mean(), b - b.mean()
        norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
        return float((a * b).sum()) / norm if norm > 0 else float("nan")
