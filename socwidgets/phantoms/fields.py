"""Fields of state of charge with known truth: random fields and reaction fronts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq


def gaussian_field(
    shape: tuple[int, ...], length_px: float, rng: np.random.Generator
) -> np.ndarray:
    """Gaussian random field of mean 0 and standard deviation 1.

    White noise filtered in Fourier space by ``exp(-k^2 (l / sqrt 2)^2 / 2)``, then standardized;
    its covariance is ``exp(-h^2 / (2 l^2))``.

    Parameters
    ----------
    shape : tuple of int
        ``(y, x)`` or ``(z, y, x)``.
    length_px : float
        Correlation length l in pixels, larger than 0.
    rng : numpy.random.Generator
        Source of the noise.

    Returns
    -------
    ndarray
        Of that shape; periodic at the borders.
    """
    white = np.fft.rfftn(rng.standard_normal(shape))
    axes = [np.fft.fftfreq(n) for n in shape[:-1]] + [np.fft.rfftfreq(shape[-1])]
    k = np.meshgrid(*(2.0 * np.pi * axis for axis in axes), indexing="ij", sparse=True)
    squared = sum(axis**2 for axis in k)
    field = np.fft.irfftn(
        white * np.exp(-squared * length_px**2 / 4.0), s=shape, axes=tuple(range(len(shape)))
    )
    field -= field.mean()
    return field / field.std()


def domino(u: np.ndarray, position: float, width: float) -> np.ndarray:
    """Charged behind a straight front that sweeps along `u`.

    Parameters
    ----------
    u : ndarray
        Coordinate along the direction of the front, any unit.
    position, width : float
        Where the front stands and its half width, in the unit of `u`.

    Returns
    -------
    ndarray
        SOC, 1 (charged) where ``u << position``, 0 (discharged) where ``u >> position``.
    """
    return 0.5 * (1.0 + np.tanh((position - u) / width))


def core_shell(
    r: np.ndarray,
    core_radius: float,
    width: float,
    soc_core: float = 0.0,
    soc_shell: float = 1.0,
) -> np.ndarray:
    """Core of one SOC in a shell of another.

    Parameters
    ----------
    r : ndarray
        Distance from the center; 0 at the center and 1 at the surface.
    core_radius, width : float
        Radius of the core and half width of the front, in the unit of `r`.
    soc_core, soc_shell : float
        SOC inside and outside.

    Returns
    -------
    ndarray
        SOC, of the shape of `r`.
    """
    inside = 0.5 * (1.0 + np.tanh((core_radius - r) / width))
    return soc_shell + (soc_core - soc_shell) * inside


def solve_front(
    field: Callable[[float], np.ndarray],
    weights: np.ndarray,
    target: float,
    span: tuple[float, float],
) -> float:
    """Front position at which the weighted mean of a field takes a wanted value.

    Parameters
    ----------
    field : callable
        Position -> SOC; its mean must be monotonic in the position.
    weights : ndarray
        Weights (thickness), of the shape of the field, with a positive sum.
    target : float
        Wanted weighted mean.
    span : (float, float)
        Positions between which to search. A target beyond what they reach gives the nearer end.

    Returns
    -------
    float
        The position.
    """

    def excess(position: float) -> float:
        return float(np.average(field(position), weights=weights)) - target

    low, high = excess(span[0]), excess(span[1])
    if low * high > 0:
        return span[0] if abs(low) < abs(high) else span[1]
    return float(brentq(excess, *span, xtol=1e-6))
