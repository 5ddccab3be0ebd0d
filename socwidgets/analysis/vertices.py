"""Candidate references from an image alone: the corners of the cloud that its spectra form."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.analysis.decomposition import pca
from socwidgets.analysis.image_below_image import any_images
from socwidgets.model import provenance
from socwidgets.model.errors import DataError
from socwidgets.model.names import COMPONENT, REFERENCE, SIGNAL, X, Y, spectral_dim
from socwidgets.model.parameters import Parameters, param

#: Rounds of exchanging corners; a round without a change ends them.
_ROUNDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class VertexParameters(Parameters):
    """Parameters of `simplex_vertices`."""

    n_vertices: int = param(2, "Number of corners.", low=2, high=6)
    share: float = param(
        0.01,
        "Share of the pixels that is averaged at each corner: more is less noise, but a corner "
        "that is less pure.",
        low=0.0,
        high=0.2,
    )
    min_thickness: float = param(
        0.2,
        "Pixels with less than this share of the 95th percentile of the amount are left out: they "
        "are noise, and noise makes corners.",
        low=0.0,
        high=1.0,
    )


@any_images
def simplex_vertices(
    stack: xr.Dataset,
    params: VertexParameters | None = None,
    *,
    mask: xr.DataArray | None = None,
    **changes: Any,
) -> xr.Dataset:
    """Spectra of the purest pixels, as candidates for references.

    Every spectrum of a mixture lies inside the simplex that the pure ones span. Its amount is
    divided out (perspective projection on the first component), principal components leave as many
    dims as there are corners less one, and the simplex of largest volume among the pixels is
    sought (N-FINDR: Winter 1999, Proc. SPIE 3753, 266), from the corners of a successive
    projection (Araujo et al. 2001, Chemom. Intell. Lab. Syst. 57, 65).

    Parameters
    ----------
    stack : xarray.Dataset
        ``signal`` ``(..., spectral, y, x)``, optical density without an offset, or normalized.
        The corners of a volume or a series are those of all its images together.
    params : VertexParameters, optional
        `changes` are laid over them.
    mask : xarray.DataArray, optional
        ``(y, x)`` bool.

    Returns
    -------
    xarray.Dataset
        ``reference`` ``(component, spectral)`` for `fit_map`, of the scale of a typical amount;
        ``reference_std``, standard error of these means; ``is_vertex`` ``(y, x)`` int8, 0 or the
        number of the corner that a pixel belongs to; ``fraction`` ``(component, y, x)``, the place
        of each pixel in the simplex, not clipped. Attribute ``volume``, relative to that of the
        cloud's axes: near 0 there is no simplex.

    Raises
    ------
    DataError
        If fewer pixels are left than corners, or the spectra have too few components for them.

    Warns
    -----
    UserWarning
        If fewer components than corners stand above the noise: some corners are then noise.

    Notes
    -----
    They are *candidates*: where no pixel is pure, a corner is the purest mixture there is, and all
    fractions are stretched by as much.
    """
    chosen = VertexParameters.merged(params, changes)
    n = chosen.n_vertices
    found = pca(stack, mask=mask, center=False, n_components=n)
    above = int(found.attrs["n_above_noise"])
    if above < n:
        text = (
            f"only {above} of {n} components stand above the noise: the other corners are noise, "
            "not spectra. Lower n_vertices"
        )
        warnings.warn(text, UserWarning, stacklevel=3)
    scores = found["scores"].values.reshape(n, -1).astype(float)
    amount = scores[0] * np.sign(np.nanmean(scores[0]))
    limit = chosen.min_thickness * np.nanquantile(amount, 0.95)
    good = np.flatnonzero(np.isfinite(scores).all(axis=0) & (amount > max(limit, 0.0)))
    if good.size <= n:
        raise DataError(
            "too few pixels hold a spectrum to find corners among",
            expected=f"more than {n}",
            found=str(good.size),
            fix="widen the mask or lower min_thickness",
        )
    points = (scores[1:, good] / amount[good]).T
    corners = _largest_simplex(points, _successive_projection(points, n))
    members = _members(points, corners, max(1, round(chosen.share * good.size)))
    return _result(stack, found, chosen, good, amount, points, members, mask)


def _successive_projection(points: np.ndarray, n: int) -> list[int]:
    """Most extreme point, then the one farthest from all that is spanned so far."""
    rest = points - points.mean(axis=0)
    picked = [int(np.argmax((rest**2).sum(axis=1)))]
    origin = points[picked[0]]
    rest = points - origin
    for _ in range(n - 1):
        picked.append(int(np.argmax((rest**2).sum(axis=1))))
        direction = rest[picked[-1]] / max(float(np.linalg.norm(rest[picked[-1]])), 1e-300)
        rest = rest - np.outer(rest @ direction, direction)
    return picked


def _largest_simplex(points: np.ndarray, picked: list[int]) -> list[int]:
    """Exchange one corner at a time for the point that makes the volume largest."""
    lifted = np.column_stack([np.ones(len(points)), points])
    current = list(picked)
    for _ in range(_ROUNDS):
        before = list(current)
        for corner in range(len(current)):
            # The volume is linear in one corner: its cofactors weigh all candidates at once.
            matrix = lifted[current].T.copy()
            weights = np.empty(len(current))
            for row in range(len(current)):
                minor = np.delete(np.delete(matrix, row, 0), corner, 1)
                weights[row] = (-1) ** (row + corner) * np.linalg.det(minor)
            current[corner] = int(np.argmax(np.abs(lifted @ weights)))
        if current == before:
            break
    return current


def _barycentric(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """``(k, n)`` place of each point in the simplex of `corners` ``(k, k - 1)``."""
    lifted = np.vstack([np.ones(len(corners)), corners.T])
    if np.linalg.cond(lifted) > 1e8:
        raise DataError(
            "the spectra have fewer components than corners were asked for",
            found=f"a flat simplex of {len(corners)} corners",
            fix="lower n_vertices; the scree of pca tells how many components there are",
        )
    solved: np.ndarray = np.linalg.solve(lifted, np.vstack([np.ones(len(points)), points.T]))
    return solved


def _members(points: np.ndarray, corners: list[int], count: int) -> list[np.ndarray]:
    """Pixels that are averaged at each corner: those with the largest share of it."""
    place = _barycentric(points, points[corners])
    return [np.argsort(-place[k])[:count] for k in range(len(corners))]


def _result(
    stack: xr.Dataset,
    found: xr.Dataset,
    chosen: VertexParameters,
    good: np.ndarray,
    amount: np.ndarray,
    points: np.ndarray,
    members: list[np.ndarray],
    mask: xr.DataArray | None,
) -> xr.Dataset:
    signal = stack[SIGNAL]
    dim = spectral_dim(signal)
    flat = signal.transpose(dim, Y, X).values.reshape(signal.sizes[dim], -1)
    shape = (signal.sizes[Y], signal.sizes[X])
    typical = float(np.median(amount[good]))
    spectra, errors = [], []
    where = np.zeros(flat.shape[1], np.int8)
    for number, picked in enumerate(members, 1):
        pixels = good[picked]
        scaled = flat[:, pixels].astype(float) * (typical / amount[pixels])
        spectra.append(scaled.mean(axis=1))
        errors.append(scaled.std(axis=1) / np.sqrt(pixels.size))
        where[pixels] = number
    middle = np.stack([points[picked].mean(axis=0) for picked in members])
    fraction = np.full((len(members), flat.shape[1]), np.nan, np.float32)
    fraction[:, good] = _barycentric(points, middle)
    names = [f"vertex_{k + 1}" for k in range(len(members))]
    reach = np.sqrt(np.linalg.det(np.atleast_2d(np.cov(points.T))))
    volume = abs(float(np.linalg.det(np.vstack([np.ones(len(middle)), middle.T]))))
    result = xr.Dataset(
        {
            REFERENCE: ((COMPONENT, dim), np.stack(spectra)),
            f"{REFERENCE}_std": ((COMPONENT, dim), np.stack(errors)),
            "is_vertex": ((Y, X), where.reshape(shape)),
            "fraction": ((COMPONENT, Y, X), fraction.reshape(-1, *shape)),
        },
        {COMPONENT: names, **{d: found[d] for d in (dim, Y, X) if d in found.coords}},
        attrs={"volume": volume / max(float(reach), 1e-300)},
    )
    called = {**chosen.to_dict(), **({} if mask is None else {"mask": mask})}
    name = "socwidgets.analysis.vertices.simplex_vertices"
    return provenance.record(result, name, called, source=stack)
