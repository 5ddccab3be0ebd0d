"""Values, weights and noise of a statistic, checked once and with words that help."""

from __future__ import annotations

from typing import Any

import numpy as np

from socwidgets.model.errors import DataError, ParameterError


def checked(
    values: Any, noise_variance: Any = None, weights: Any = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Flat, finite values with their noise variance and weights.

    Parameters
    ----------
    values : array_like
        Any shape; NaN entries are left out.
    noise_variance : array_like or float, optional
        Variance of the noise of each value, or of all; NaN (not known) if left out.
    weights : array_like, optional
        Equal if left out; entries that are NaN or not above zero leave their value out.

    Returns
    -------
    values, noise_variance, weights : ndarray
        ``(n,)``; the weights sum to one. Empty where no value is left.

    Raises
    ------
    DataError
        If shapes do not fit, a variance is negative, a weight is negative, or values with weights
        are there but all weights are zero.
    """
    v = np.asarray(values, dtype=np.float64).ravel()
    noise = _like(noise_variance, v, "noise variance", fill=np.nan)
    w = _like(weights, v, "weights", fill=1.0)
    if np.any(noise < 0):
        raise DataError(
            "a variance is negative",
            expected="noise variances of zero or more, NaN where not known",
            found=f"{int(np.count_nonzero(noise < 0))} below zero, lowest {np.nanmin(noise):.3g}",
            fix="pass the square of the standard uncertainty",
        )
    if np.any(w < 0):
        raise DataError("a weight is negative", expected="weights of zero or more")
    finite = np.isfinite(v)
    keep = counted(v, w)
    if finite.any() and not keep.any():
        raise DataError(
            "all weights are zero or NaN",
            expected="at least one value with a weight above zero",
            found=f"{v.size} values without weight",
            fix="check the thickness map, or use weights=None",
        )
    v, noise, w = v[keep], noise[keep], w[keep]
    return v, noise, w / w.sum() if w.size else w


def counted(values: Any, weights: Any = None) -> np.ndarray:
    """Which values `checked` keeps, ``(n,)`` bool: finite, with a weight above zero."""
    finite = np.isfinite(np.asarray(values, dtype=np.float64).ravel())
    return finite if weights is None else finite & (np.asarray(weights).ravel() > 0)


def _like(given: Any, values: np.ndarray, what: str, fill: float) -> np.ndarray:
    if given is None:
        return np.full(values.size, fill)
    array = np.asarray(given, dtype=np.float64)
    if array.ndim == 0:
        return np.full(values.size, float(array))
    if array.size != values.size:
        raise DataError(
            f"the {what} does not fit the values",
            expected=f"{values.size} numbers, or one",
            found=str(array.size),
        )
    return array.ravel()


def variance_of(std: Any) -> np.ndarray | None:
    """Square of standard uncertainties; None stays None.

    Raises
    ------
    DataError
        If one is negative.
    """
    if std is None:
        return None
    array = np.asarray(std, dtype=np.float64)
    if np.any(array < 0):
        raise DataError(
            "a standard uncertainty is negative",
            expected="zero or more, NaN where not known",
            found=f"{int(np.count_nonzero(array < 0))} below zero",
        )
    return np.square(array)


def checked_ends(ends: tuple[float, float]) -> tuple[float, float]:
    """End values ``(poor, rich)`` in rising order.

    Raises
    ------
    ParameterError
        If they are the same or not finite.
    """
    low, high = sorted(float(end) for end in ends)
    if not (np.isfinite(low) and np.isfinite(high)) or low == high:
        raise ParameterError(
            "the two end values do not span a range",
            expected="two different finite values",
            found=f"{ends[0]!r} and {ends[1]!r}",
        )
    return low, high
