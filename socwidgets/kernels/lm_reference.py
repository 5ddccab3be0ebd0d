"""Non-linear fit of one spectrum in plain numpy and scipy: slow, obvious, for tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import least_squares
from scipy.special import erf, wofz

_LN2 = np.log(2.0)


def gaussian(x, height, center, fwhm):
    """Gaussian by height and full width at half maximum."""
    return height * np.exp(-4 * _LN2 * ((x - center) / fwhm) ** 2)


def lorentzian(x, height, center, fwhm):
    """Lorentzian by height and full width at half maximum."""
    return height / (1 + 4 * ((x - center) / fwhm) ** 2)


def pseudo_voigt(x, height, center, fwhm, eta):
    """Sum of a Lorentzian (share eta) and a Gaussian of one width."""
    return eta * lorentzian(x, height, center, fwhm) + (1 - eta) * gaussian(x, height, center, fwhm)


def voigt(x, area, center, fwhm_gauss, fwhm_lorentz):
    """Convolution of a Gaussian and a Lorentzian of unit area, times the area."""
    sigma = fwhm_gauss / (2 * np.sqrt(2 * _LN2))
    z = (x - center + 0.5j * fwhm_lorentz) / (sigma * np.sqrt(2))
    return area * wofz(z).real / (sigma * np.sqrt(2 * np.pi))


def arctan(x, height, center, width):
    """Step whose derivative is a Lorentzian of this width."""
    return height * (0.5 + np.arctan(2 * (x - center) / width) / np.pi)


def erf_step(x, height, center, width):
    """Step whose derivative is a Gaussian of this width."""
    return height * 0.5 * (1 + erf(2 * np.sqrt(_LN2) * (x - center) / width))


def exponential(s, amplitude, rate):
    """Falling exponential."""
    return amplitude * np.exp(-rate * s)


PARTS: dict[str, tuple[Callable, int]] = {
    "gaussian": (gaussian, 3),
    "lorentzian": (lorentzian, 3),
    "pseudo_voigt": (pseudo_voigt, 4),
    "voigt": (voigt, 4),
    "arctan": (arctan, 3),
    "erf": (erf_step, 3),
    "exponential": (exponential, 2),
}


def composite(parts: tuple[str, ...], degree: int = -1) -> Callable:
    """Function ``f(x, *parameters)`` of the same sum as `lm_composite.composite`."""

    def function(x, *parameters):
        total, first = np.zeros_like(x), 0
        for name in parts:
            part, count = PARTS[name]
            total = total + part(x, *parameters[first : first + count])
            first += count
        return total + sum(c * x**n for n, c in enumerate(parameters[first : first + degree + 1]))

    return function


def fit_one(
    function: Callable,
    x: np.ndarray,
    y: np.ndarray,
    guess: np.ndarray,
    *,
    lower: np.ndarray | None = None,
    upper: np.ndarray | None = None,
    fixed: tuple[int, ...] = (),
    tied: dict[int, tuple[int, float, float]] | None = None,
    std: np.ndarray | None = None,
    poisson: bool = False,
) -> dict[str, np.ndarray | float]:
    """Fit one spectrum by scipy's trust region method, tolerances 1e-12.

    Parameters
    ----------
    function : callable
        ``f(x, *parameters)``.
    x, y : ndarray
        ``(E,)``; samples that are NaN are left out.
    guess, lower, upper : ndarray
        ``(M,)``.
    fixed, tied
        As for `lm_plan.make_plan`.
    std : ndarray, optional
        ``(E,)``, known noise.
    poisson : bool
        Maximum likelihood of counts: the residuals are signed roots of the deviance.

    Returns
    -------
    dict
        ``values`` (M,), ``covariance`` (P, P) of the free parameters, ``redchi``, ``cost`` (what is
        minimized).
    """
    seen = np.isfinite(y)
    x, y, noise = x[seen], y[seen], 1.0 if std is None else std[seen]
    tied = tied or {}
    free = [i for i in range(len(guess)) if i not in fixed and i not in tied]

    def full(q: np.ndarray) -> np.ndarray:
        values = np.array(guess, float)
        values[free] = q
        for slave, (master, factor, offset) in tied.items():
            values[slave] = factor * values[master] + offset
        return values

    def residual(q: np.ndarray) -> np.ndarray:
        model = function(x, *full(q))
        if not poisson:
            return (y - model) / noise
        m = np.maximum(model, 1e-3)
        log = np.where(y > 0, y * np.log(np.maximum(y, 1e-30) / m), 0.0)
        return np.sign(y - m) * np.sqrt(np.maximum(2 * (m - y + log), 0.0))

    low = np.full(len(guess), -np.inf) if lower is None else np.asarray(lower, float)
    high = np.full(len(guess), np.inf) if upper is None else np.asarray(upper, float)
    start = np.clip(np.asarray(guess, float)[free], low[free], high[free])
    found = least_squares(
        residual, start, bounds=(low[free], high[free]), x_scale="jac",
        ftol=1e-12, xtol=1e-12, gtol=1e-12, max_nfev=2000,
    )  # fmt: skip
    values = full(found.x)
    model = function(x, *values)
    weight = 1 / np.maximum(model, 1e-3) if poisson else 1 / np.broadcast_to(noise, y.shape) ** 2
    redchi = float(np.sum(weight * (y - model) ** 2) / (y.size - len(free)))
    steps = [1e-6 * max(abs(q), 1e-3) * e for q, e in zip(found.x, np.eye(len(free)), strict=True)]
    jac = np.stack(
        [
            (function(x, *full(found.x + h)) - function(x, *full(found.x - h))) / (2 * h.sum())
            for h in steps
        ],
        axis=1,
    )
    inverse = np.linalg.pinv(jac.T @ (jac * weight[:, None]))
    known = poisson or std is not None
    return {
        "values": values,
        "covariance": inverse if known else redchi * inverse,
        "redchi": redchi,
        "cost": 2 * float(found.cost),
    }
