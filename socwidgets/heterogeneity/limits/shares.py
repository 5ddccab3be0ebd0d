"""Shares of a map outside its window, for values without a map around them."""

from __future__ import annotations

import numpy as np

from socwidgets.heterogeneity.inputs import checked
from socwidgets.model.errors import ParameterError
from socwidgets.model.kinds import Kind

_FROM_0_TO_1 = ("soc", "x_li", "x_removed", "fraction")


def window_suits(limits: tuple[float, float], kind: Kind) -> bool:
    """Whether a window can be one of this kind: 0 to 1, which stands for none, is a composition's.

    Parameters
    ----------
    limits : (float, float)
        In the map's unit.
    kind : Kind
        Of the map.
    """
    return tuple(limits) != (0.0, 1.0) or kind.name in _FROM_0_TO_1


def outside_limits(
    values: np.ndarray,
    noise_variance: np.ndarray,
    weights: np.ndarray,
    limits: tuple[float, float],
    guard: float = 2.0,
) -> tuple[float, float]:
    """Weighted shares below and above limits, with a guard of `guard` sigma against noise.

    Without the guard a map at the limit would show half of its pixels outside by noise alone.

    Parameters
    ----------
    values, noise_variance, weights : numpy.ndarray
        ``(n,)``; values (NaN is left out), their noise variances (NaN counts as none), weights.
    limits : tuple of float
        Lower and upper limit in the units of the values.
    guard : float
        Standard uncertainties by which a value must lie outside.

    Returns
    -------
    tuple of float
        Share below and share above, 0 to 1; NaN without values.

    Raises
    ------
    DataError, ParameterError
        For sizes that do not fit, a negative variance, weights that are negative or all zero, or
        limits that do not rise.
    """
    if not limits[0] < limits[1]:
        raise ParameterError("the limits do not rise", found=f"{limits[0]:g} and {limits[1]:g}")
    v, variances, w = checked(values, noise_variance, weights)
    if not v.size:
        return float("nan"), float("nan")
    margin = guard * np.sqrt(np.where(np.isnan(variances), 0.0, variances))
    return float(np.sum(w * (v < limits[0] - margin))), float(np.sum(w * (v > limits[1] + margin)))
