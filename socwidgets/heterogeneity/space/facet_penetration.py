"""How deep a charge reaches below each kind of facet, from all pixels of a particle at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.optimize import least_squares

from socwidgets.heterogeneity.sample import take_sample
from socwidgets.model.errors import DataError, ParameterError


@dataclass(frozen=True, slots=True)
class FacetPenetration:
    """Penetration length below each kind of facet.

    Attributes
    ----------
    lengths, sigmas : dict of str to float
        um; the uncertainty is that of the noise of the pixels.
    core : float
        Composition far from all facets.
    amplitudes : dict of str to float
        Composition at each kind of facet minus `core`; blur and rim enter here, not in the length.
    used : ndarray
        ``(y, x)`` bool, the pixels of the fit, n in number.
    gain : dict of str to ndarray
        ``(n,)``, change of each length per change of the composition of each of these pixels: for
        errors that pixels share.
    """

    lengths: dict[str, float]
    sigmas: dict[str, float]
    core: float
    amplitudes: dict[str, float]
    used: np.ndarray
    gain: dict[str, np.ndarray]


def facet_penetration(
    maps: xr.Dataset,
    distances: Mapping[str, np.ndarray],
    *,
    labels: xr.DataArray | None = None,
    variable: str = "soc",
    rim_um: float = 0.0,
) -> FacetPenetration:
    """Fit ``s = s_core + max over facets of A_k exp(-d_k/l_k)`` to all pixels of a particle.

    A profile below one facet mixes in what reaches there from its neighbors; the fit of all pixels
    at once tells them apart. Blur multiplies an exponential by a number and leaves its length.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set, ``(y, x)``, with the uncertainty of `variable`.
    distances : mapping of str to ndarray
        Kind of facet -> ``(y, x)``, um, distance from the nearest facet of that kind.
    labels : xarray.DataArray, optional
        ``(y, x)``; pixels with 0 are left out.
    variable : str
        The map.
    rim_um : float
        Pixels nearer to a facet than this are left out.

    Returns
    -------
    FacetPenetration

    Raises
    ------
    DataError
        If the map has no noise or too few pixels are left, or the fit does not converge.
    ParameterError
        If there is no facet.
    """
    if not distances:
        raise ParameterError("there is no facet to look at", expected="one kind or more")
    sample = take_sample(maps, variable, labels=labels, weights=None)
    depth = np.stack([np.asarray(d, float)[sample.position] for d in distances.values()])
    keep = (depth.min(axis=0) > rim_um) & np.isfinite(sample.noise_variance)
    if np.count_nonzero(keep) <= 4 * len(depth) + 1:
        raise DataError(
            "too few pixels for the profiles below the facets",
            expected="pixels with an uncertainty, away from the rim",
            found=str(np.count_nonzero(keep)),
        )
    part = sample.subset(keep)
    depth, sigma = depth[:, keep], np.sqrt(part.noise_variance)
    start = _start(part.values, depth)
    fit = least_squares(
        lambda p: (_profile(p, depth) - part.values) / sigma, start, x_scale=np.abs(start) + 0.1
    )
    if not fit.success or np.any(fit.x[1::2] <= 0):
        raise DataError("the profiles below the facets are no exponentials", found=fit.message)
    seen = np.any(fit.jac != 0, axis=0)
    if not seen.all():
        lost = [n for n, k in zip(distances, seen[1::2], strict=True) if not k]
        raise DataError(
            "a kind of facet is nowhere the one that reaches deepest",
            expected="pixels below each kind of facet", found=f"none for {', '.join(lost)}",
            fix="leave this kind out or make rim_um smaller",
        )  # fmt: skip
    covariance = np.linalg.inv(fit.jac.T @ fit.jac)
    gain = covariance @ (fit.jac / sigma[:, None]).T
    errors = np.sqrt(np.diag(covariance) * part.noise_shape.area)
    names = list(distances)
    return FacetPenetration(
        lengths={n: float(fit.x[1 + 2 * k]) for k, n in enumerate(names)},
        sigmas={n: float(errors[1 + 2 * k]) for k, n in enumerate(names)},
        core=float(fit.x[0]),
        amplitudes={n: float(fit.x[2 + 2 * k]) for k, n in enumerate(names)},
        used=part.seen(),
        gain={n: gain[1 + 2 * k] for k, n in enumerate(names)},
    )


def _profile(p: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Model ``(n,)`` for ``core, (length, amplitude) per facet``."""
    terms = p[2::2, None] * np.exp(-depth / np.maximum(p[1::2, None], 1e-6))
    return np.asarray(p[0] + terms.max(axis=0))


def _start(values: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Each length a sixth of the deepest pixel, from the core's value to that at the rim."""
    near = depth.min(axis=0)
    core = float(values[near >= np.quantile(near, 0.9)].mean())
    top = float(values[near <= np.quantile(near, 0.1)].mean()) - core
    pairs = [(float(near.max()) / 6.0, 1.5 * top) for _ in depth]
    return np.array([core, *np.ravel(pairs)])
