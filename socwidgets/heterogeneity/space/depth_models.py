"""Models of a profile through the depth of an electrode, and the choice between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from socwidgets.model.errors import DataError


@dataclass(frozen=True, slots=True)
class DepthModel:
    """One model fitted to a depth profile.

    Attributes
    ----------
    name : str
        ``"constant"``, ``"linear"``, ``"exponential"`` or ``"two_sided"``.
    values, std : dict
        Parameters and their standard errors, see `fit_depth_profile`.
    bic, redchi : float
        Bayesian information criterion and reduced chi-square.
    curve : ndarray
        ``(z,)`` the model at the depths of the profile.
    """

    name: str
    values: dict[str, float]
    std: dict[str, float]
    bic: float
    redchi: float
    curve: np.ndarray


@dataclass(frozen=True, slots=True)
class DepthProfile:
    """Models of a depth profile.

    Attributes
    ----------
    models : tuple of DepthModel
        The best one first.
    depth_um, mean, std : ndarray
        ``(z,)`` the values that were fitted, and their standard errors (NaN where not known).
    """

    models: tuple[DepthModel, ...]
    depth_um: np.ndarray
    mean: np.ndarray
    std: np.ndarray

    @property
    def best(self) -> DepthModel:
        """The model with the smallest BIC."""
        return self.models[0]

    @property
    def decided(self) -> bool:
        """Whether the best model is better than the next by more than 2 in BIC."""
        return len(self.models) < 2 or self.models[1].bic - self.models[0].bic > 2.0

    def to_frame(self) -> pd.DataFrame:
        """One row per model: ``bic``, ``redchi`` and the parameters."""
        rows = [
            {"model": m.name, "bic": m.bic, "redchi": m.redchi, **m.values} for m in self.models
        ]
        return pd.DataFrame(rows).set_index("model")


def fit_depth_profile(depth_um: Any, mean: Any, std: Any = None) -> DepthProfile:
    """Fit constant, linear, exponential and two-sided models and order them by BIC.

    Parameters
    ----------
    depth_um : array_like
        ``(z,)`` distance from the separator, um.
    mean, std : array_like
        ``(z,)`` value and its standard error; NaN values are left out. Equal errors, found from
        the residuals, if `std` is left out or not known.

    Returns
    -------
    DepthProfile
        With u = (z - z_0)/L from the first depth over the whole range L: constant ``a``; linear
        ``a + b u`` (``slope_per_um``); exponential ``a + b exp(-z/length_um)``
        (``length_um``: penetration length); two-sided ``a + b cosh((u - 1/2)/h)`` (``h``).

    Raises
    ------
    DataError
        With fewer than three values, or if shapes differ.

    Notes
    -----
    ``BIC = chi^2 + k ln n`` with known errors, ``n ln(RSS/n) + k ln n`` without (Schwarz 1978).
    Models with as many parameters as values are left out.
    """
    z, v = np.asarray(depth_um, dtype=float), np.asarray(mean, dtype=float)
    s = np.full(v.shape, np.nan) if std is None else np.asarray(std, dtype=float)
    if z.shape != v.shape or s.shape != v.shape or z.ndim != 1:
        raise DataError(
            "the profile does not fit its depths",
            expected=str(z.shape),
            found=f"{v.shape}, {s.shape}",
        )
    if np.any(s < 0):
        raise DataError("a standard error is negative", expected="zero or more, NaN if not known")
    keep = np.isfinite(v) & np.isfinite(z)
    z, v, s = z[keep], v[keep], s[keep]
    if z.size < 3 or np.ptp(z) == 0:
        raise DataError(
            "a depth profile needs three depths", expected="3 or more", found=str(z.size)
        )
    known = bool(np.isfinite(s).all() and (s > 0).all())
    sigma = s if known else np.ones_like(v)
    fits = [m for name in _SHAPES if (m := _fit(name, z, v, sigma, known)) is not None]
    return DepthProfile(tuple(sorted(fits, key=lambda m: m.bic)), z, v, s)


#: Non-linear parameter, its range (in units of the whole depth) and the shape next to a constant.
_Shape = tuple[str, tuple[float, float], Callable[[np.ndarray, float], np.ndarray]]


_SHAPES: dict[str, _Shape | None] = {
    "constant": None,
    "linear": ("", (1.0, 1.0), lambda u, _: u),
    "exponential": ("length_um", (0.02, 5.0), lambda u, p: np.exp(-u / p)),
    "two_sided": ("h", (0.05, 2.0), lambda u, p: np.cosh((u - 0.5) / p) / np.cosh(0.5 / p)),
}


def _fit(
    name: str, z: np.ndarray, v: np.ndarray, sigma: np.ndarray, known: bool
) -> DepthModel | None:
    from scipy.optimize import minimize_scalar

    span = float(np.ptp(z))
    u = (z - z.min()) / span
    shape = _SHAPES[name]
    k = 1 if shape is None else 2 + bool(shape[0])
    if z.size <= k:
        return None
    if shape is None:
        design = np.ones((z.size, 1))
        extra = None
    else:
        label, (low, high), function = shape
        extra = None
        if label:

            def cost(log_p: float) -> float:
                return _linear(
                    np.stack([np.ones_like(u), function(u, np.exp(log_p))], 1), v, sigma
                )[1]

            grid = np.linspace(np.log(low), np.log(high), 40)
            best = int(np.clip(np.argmin([cost(g) for g in grid]), 1, 38))
            found = minimize_scalar(cost, bounds=(grid[best - 1], grid[best + 1]), method="bounded")
            extra = float(np.exp(found.x))
        design = np.stack([np.ones_like(u), function(u, extra if extra else 1.0)], 1)
    coefficients, chi2 = _linear(design, v, sigma)
    curve = design @ coefficients
    n = z.size
    bic = chi2 + k * np.log(n) if known else n * np.log(max(chi2, 1e-300) / n) + k * np.log(n)
    scale = 1.0 if known else np.sqrt(chi2 / (n - k))
    covariance = scale**2 * _covariance(name, u, design, coefficients, extra, sigma)
    return DepthModel(
        *_named(name, coefficients, covariance, extra, span), float(bic), chi2 / (n - k), curve
    )


def _linear(design: np.ndarray, v: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, float]:
    coefficients, *_ = np.linalg.lstsq(design / sigma[:, None], v / sigma, rcond=None)
    return coefficients, float(np.sum(((v - design @ coefficients) / sigma) ** 2))


def _covariance(
    name: str, u: np.ndarray, design: np.ndarray, c: np.ndarray, extra: float | None,
    sigma: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Covariance of the parameters from the Jacobian, the non-linear one last."""
    jacobian = design
    shape = _SHAPES[name]
    if extra is not None and shape is not None:
        step = 1e-4 * extra
        slope = c[1] * (shape[2](u, extra + step) - shape[2](u, extra - step)) / (2 * step)
        jacobian = np.column_stack([design, slope])
    scaled = jacobian / sigma[:, None]
    return np.linalg.pinv(scaled.T @ scaled)


def _named(
    name: str, c: np.ndarray, covariance: np.ndarray, extra: float | None, span: float
) -> tuple[str, dict[str, float], dict[str, float]]:
    errors = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    values, std = {"a": float(c[0])}, {"a": float(errors[0])}
    if name == "linear":
        values |= {"slope_per_um": float(c[1] / span), "b": float(c[1])}
        std |= {"slope_per_um": float(errors[1] / span), "b": float(errors[1])}
    elif name == "exponential" and extra is not None:
        values |= {"b": float(c[1]), "length_um": extra * span}
        std |= {"b": float(errors[1]), "length_um": float(errors[2] * span)}
    elif name == "two_sided" and extra is not None:
        # Fitted with a cosh of one at the faces; b is what stands before the plain one.
        at_middle = float(1 / np.cosh(0.5 / extra))
        by_h = c[1] * at_middle * np.tanh(0.5 / extra) * 0.5 / extra**2
        turn = np.array([0.0, at_middle, by_h])
        values |= {"b": float(c[1]) * at_middle, "h": extra}
        std |= {"b": float(np.sqrt(turn @ covariance @ turn)), "h": float(errors[2])}
    return name, values, std
