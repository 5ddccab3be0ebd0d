"""Bring the samples of some pixels into blocks of lanes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from socwidgets.kernels.lm_lanes import LANES, ZERO, L, compiled
from socwidgets.kernels.lm_plan import padded


@dataclass(frozen=True, slots=True)
class Samples:
    """Room for the samples of some pixels; taking it anew for each batch would cost as much as use.

    Attributes
    ----------
    data, roots : ndarray
        Flat blocks of ``(padded E, LANES)`` in the type of the samples, zero beyond the last
        energy; the square roots of the weights are one number if there are none.
    squares : ndarray
        ``(count,)``, weighted sum of squared samples; not finite where a sample is missing.
    """

    data: np.ndarray
    roots: np.ndarray
    squares: np.ndarray

    @classmethod
    def room(cls, signal: np.ndarray, std: np.ndarray, count: int) -> Samples:
        """Room for `count` pixels of a stack."""
        kind = np.result_type(signal, std)
        size = -(-count // LANES) * padded(signal.shape[0]) * LANES
        roots = np.zeros(size if std.shape[0] else 1, kind)
        return cls(np.zeros(size, kind), roots, np.zeros(count))

    def load(self, signal: np.ndarray, std: np.ndarray, first: int) -> None:
        """Copy pixels from `first` on.

        Parameters
        ----------
        signal, std : ndarray
            ``(E, N)``; `std` has no rows where samples are not weighted. A sample whose sigma is
            not positive has no weight.
        first : int
            First pixel.
        """
        count = np.uintp(self.squares.size)
        _stage(signal, std, np.uintp(first), count, self.data, self.roots, self.squares)


@compiled
def _stage(signal, std, first, count, data, roots, squares):
    points = np.uintp(signal.shape[0])
    stride = np.uintp(data.size) // ((count + L - np.uintp(1)) // L)
    weighted = std.shape[0] > 0
    for start in range(ZERO, count, L):
        lanes = min(L, count - start)
        to, pixel = start // L * stride, first + start
        for p in range(lanes):
            squares[start + p] = 0.0
        for e in range(points):
            for p in range(lanes):
                value = np.float64(signal[e, pixel + p])
                data[to + e * L + p] = value
                if weighted:
                    sigma = np.float64(std[e, pixel + p])
                    weight = 1.0 / sigma if not sigma <= 0.0 else 0.0
                    roots[to + e * L + p] = weight
                    value *= weight
                squares[start + p] += value * value
