"""A scan beside the curve of a reference: how well they agree when one is moved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import BSpline, make_smoothing_spline

from socwidgets.analysis.edge_position import fine_step
from socwidgets.model.errors import DataError


@dataclass(frozen=True, slots=True)
class ScanPair:
    """A scan and the curve of the reference that it is compared with.

    ``energies``, ``mu`` ``(n,)`` of the scan; ``curve`` of the reference, which holds from ``low``
    to ``high`` (eV); ``where``, ``steep`` ``(m,)``: its axis there and the square of its slope.
    """

    energies: np.ndarray
    mu: np.ndarray
    curve: BSpline
    low: float
    high: float
    where: np.ndarray
    steep: np.ndarray

    @classmethod
    def of(
        cls,
        scan: tuple[np.ndarray, np.ndarray],
        reference: tuple[np.ndarray, np.ndarray],
        center: float,
        window: tuple[float, float],
    ) -> ScanPair:
        """Curve of the reference ``(axis, mu)`` around `center`; raises without five points."""
        axis, target = reference
        near = _finely(axis) & (axis >= center + 2 * window[0]) & (axis <= center + 2 * window[1])
        if np.count_nonzero(near) < 5:
            raise DataError(
                "the reference does not cover the edge",
                expected=f"at least five points around {center:g} eV",
                found=f"{np.count_nonzero(near)}",
                fix="give e0= if the edge was not found where it is",
            )
        axis, target = axis[near], target[near]
        curve = make_smoothing_spline(axis, target)
        low, high = max(axis[0], center + window[0]), min(axis[-1], center + window[1])
        inside = (axis >= low) & (axis <= high)
        steep = curve.derivative()(axis[inside]) ** 2
        return cls(*scan, curve, float(low), float(high), axis[inside], steep)

    def seen(self, shift: float) -> np.ndarray:
        """Samples of the scan that lie in the window when it is moved by `shift`, ``(n,)``."""
        at = self.energies + shift
        return (at >= self.low - 1e-9) & (at <= self.high + 1e-9)

    def compared(self, shift: float, seen: np.ndarray) -> tuple[float, np.ndarray]:
        """Factor on the reference, and what is left of the samples."""
        at, mu = self.energies[seen] + shift, self.mu[seen]
        terms = np.stack([self.curve(at), np.ones(at.size), at - at.mean()], axis=1)
        found = np.linalg.lstsq(terms, mu, rcond=None)[0]
        return float(found[0]), mu - terms @ found

    def misfit(self, shift: float, seen: np.ndarray) -> float:
        """Squares left over, in units of those about a straight line; infinite without overlap."""
        at = self.energies[seen] + shift
        if at.size < 5:
            return np.inf
        covered = (self.where >= at[0] - 1e-9) & (self.where <= at[-1] + 1e-9)
        scale, rest = self.compared(shift, seen)
        flat = self.mu[seen] - np.polyval(
            np.polyfit(at - at.mean(), self.mu[seen], 1), at - at.mean()
        )
        if self.steep[covered].sum() < 0.5 * self.steep.sum() or not scale > 0 or not flat.any():
            return np.inf
        return float(rest @ rest / (flat @ flat))


def _finely(axis: np.ndarray) -> np.ndarray:
    """Where an axis is fine enough for a curve: splines through coarse parts follow the grid."""
    return np.gradient(axis) <= 2.5 * fine_step(axis)
