"""How the chance of something (a crack, a dead particle) depends on a size: logistic curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from socwidgets.model.errors import DataError

_STEPS = 100


@dataclass(frozen=True, slots=True)
class SizeDependence:
    """Chance ``1/(1 + exp(-k (x - m)))``.

    Attributes
    ----------
    middle, middle_std : float
        m, the size at which half of the particles have it, in the unit of the sizes.
    slope, slope_std : float
        k, per unit of the sizes.
    n : int
        Particles.
    """

    middle: float
    middle_std: float
    slope: float
    slope_std: float
    n: int

    def chance(self, size: Any) -> np.ndarray:
        """Chance at some sizes."""
        return np.asarray(expit(self.slope * (np.asarray(size, float) - self.middle)))


def size_dependence(size: Any, flag: Any) -> SizeDependence:
    """Fit a logistic curve to particles that have something or not.

    By penalized likelihood (Firth 1993, Biometrika 80, 27; Heinze and Schemper 2002, Stat. Med. 21,
    2409): plain maximum likelihood gives too steep a curve for few particles, and none at all if a
    single size divides them.

    Parameters
    ----------
    size : array_like
        ``(particle,)``, any unit; NaN is left out.
    flag : array_like of bool
        ``(particle,)``, whether a particle has it.

    Returns
    -------
    SizeDependence
        `middle` and its uncertainty are NaN for a curve without slope.

    Raises
    ------
    DataError
        If there are fewer than four particles, all of one size, or the shapes differ.
    """
    x, y = np.asarray(size, float), np.asarray(flag, bool).astype(float)
    if x.ndim != 1 or x.shape != y.shape:
        raise DataError(
            "each particle needs a size and a flag",
            expected="two arrays (particle,)", found=f"{x.shape} and {y.shape}",
        )  # fmt: skip
    known = np.isfinite(x)
    x, y = x[known], y[known]
    if x.size < 4 or np.ptp(x) == 0:
        raise DataError(
            "a curve over sizes needs particles of several sizes",
            expected="four particles or more that differ in size", found=f"{x.size} particles",
        )  # fmt: skip
    center, scale = float(x.mean()), float(x.std())
    design = np.stack([np.ones_like(x), (x - center) / scale], axis=1)
    b, covariance = _firth(design, y)
    slope = b[1] / scale
    gradient = np.array([-1.0 / b[1], b[0] / b[1] ** 2]) * scale if b[1] else np.full(2, np.nan)
    return SizeDependence(
        middle=float(center - scale * b[0] / b[1]) if b[1] else float("nan"),
        middle_std=float(np.sqrt(gradient @ covariance @ gradient)),
        slope=float(slope),
        slope_std=float(np.sqrt(covariance[1, 1]) / scale),
        n=int(x.size),
    )


def _firth(design: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients and their covariance: Newton's method on the penalized score."""
    b = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        p = expit(design @ b)
        w = p * (1.0 - p)
        covariance = np.linalg.inv(design.T @ (w[:, None] * design))
        leverage = w * np.einsum("ni,ij,nj->n", design, covariance, design)
        step = covariance @ (design.T @ (y - p + leverage * (0.5 - p)))
        # Long steps overshoot where the curve is steep.
        b = b + step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-300))
        if np.abs(step).max() < 1e-9:
            return b, covariance
    raise DataError("the curve over the sizes does not converge", found=f"{_STEPS} steps")
