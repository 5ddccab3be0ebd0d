"""Principal components of a stack through the covariance of its energies.

A stack has far more pixels than energies, so its ``(E, E)`` covariance holds all there is to know:
one pass of matrix products (BLAS) over blocks of pixels, one small eigenvalue problem, and one more
pass for the scores. Blocks are float32 with a typical spectrum taken off, sums over blocks float64:
eigenvalues agree with the float64 decomposition to about 1e-5, and no copy of the stack is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.analysis.blocks import blocks_of
from socwidgets.analysis.image_below_image import any_images, leading_dims
from socwidgets.analysis.named_arrays import named
from socwidgets.model import provenance
from socwidgets.model.errors import DataError
from socwidgets.model.names import SIGNAL, VALID, X, Y, spectral_dim
from socwidgets.model.parameters import Parameters, param
from socwidgets.model.stack import validate_stack

#: Pixels of a block: a few MB, long enough for BLAS.
_BLOCK = 16384


@dataclass(frozen=True, slots=True, kw_only=True)
class PcaParameters(Parameters):
    """Parameters of a principal component analysis."""

    n_components: int | None = param(
        None, "Components to keep; empty for those above the noise (at least one).", low=1
    )
    center: bool = param(True, "Take the mean spectrum off first.")


@any_images
def pca(
    stack: xr.Dataset,
    params: PcaParameters | None = None,
    *,
    mask: xr.DataArray | None = None,
    **changes: Any,
) -> xr.Dataset:
    """Principal components of the spectra of a stack.

    Parameters
    ----------
    stack : xarray.Dataset
        ``signal`` ``(..., spectral, y, x)``, in memory or lazy (then read twice, in blocks of
        rows). The components of a volume or a series are common to all its images; ``scores`` and
        masks have its leading dims.
    params : PcaParameters, optional
        `changes` are laid over them.
    mask : xarray.DataArray, optional
        ``(y, x)`` bool, pixels to analyze; all ``valid`` ones if left out.

    Returns
    -------
    xarray.Dataset
        ``loadings`` ``(component, spectral)``, orthonormal, the largest entry of each positive;
        ``scores`` ``(component, y, x)`` float32, NaN for pixels that are masked or miss an energy;
        ``mean`` ``(spectral)``; for all possible components (``number``): ``eigenvalue``, the
        variance along it, ``explained`` (its share) and Malinowski's ``indicator``, whose minimum
        tells the number of components. Attributes: ``n_pixels``, ``noise_std`` (of one sample, if
        noise is the same everywhere) and ``n_above_noise``.

    Raises
    ------
    DataError
        If there are fewer usable pixels than energies, or no variance.

    Notes
    -----
    The largest eigenvalue of white noise follows I. M. Johnstone, Ann. Stat. 29, 295 (2001); a
    component counts as above it where noise would reach it in less than one of a hundred stacks.
    Indicator: E. R. Malinowski, Anal. Chem. 49, 612 (1977). Noise that depends on energy raises
    both counts: divide by its standard deviation first.
    """
    chosen = PcaParameters.merged(params, changes)
    usable = usable_pixels(stack, mask)
    dim = spectral_dim(stack[SIGNAL])
    mean, covariance, count = _covariance(stack, usable, chosen.center)
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1].T
    if not values[0] > 0.0:
        raise DataError("all spectra are the same", found=f"{count} pixels without any variance")
    vectors *= np.where(np.abs(vectors.min(axis=1)) > vectors.max(axis=1), -1.0, 1.0)[:, None]
    above, noise = _above_noise(values, count)
    kept = min(chosen.n_components or max(1, above), values.size)
    scores = _scores(stack, usable, mean, vectors[:kept])
    number = np.arange(1, values.size + 1)
    result = xr.Dataset(
        {
            "loadings": (("component", dim), vectors[:kept]),
            "scores": (("component", Y, X), scores),
            "mean": ((dim,), mean),
            "eigenvalue": (("number",), values),
            "explained": (("number",), values / values.sum()),
            "indicator": (("number",), _indicator(values * count, count)),
        },
        {
            "component": number[:kept],
            "number": number,
            **{d: stack[d] for d in (dim, Y, X) if d in stack.coords},
        },
    )
    result.attrs.update(n_pixels=count, noise_std=float(np.sqrt(noise)), n_above_noise=above)
    called = {**chosen.to_dict(), **({} if mask is None else {"mask": mask})}
    return provenance.record(result, "socwidgets.analysis.decomposition.pca", called, source=stack)


def denoise(stack: xr.Dataset, components: xr.Dataset) -> xr.Dataset:
    """Rebuild a stack from its principal components.

    Parameters
    ----------
    stack : xarray.Dataset
        The stack that `pca` analyzed.
    components : xarray.Dataset
        From `pca`; fewer components may be selected.

    Returns
    -------
    xarray.Dataset
        The stack with its signal replaced; ``signal_std`` is dropped, since the noise that is left
        is correlated between energies. NaN where there are no scores.

    Raises
    ------
    DataError
        If the components belong to another grid or another image.
    """
    dim = spectral_dim(stack[SIGNAL])
    _refuse_other_grid(stack, components, dim)
    loadings = components["loadings"].astype(np.float32)
    rebuilt = xr.dot(loadings, components["scores"], dim="component")
    rebuilt = rebuilt + components["mean"].astype(np.float32)
    result = stack.drop_vars("signal_std", errors="ignore")
    result[SIGNAL] = (
        stack[SIGNAL].dims,
        rebuilt.transpose(*stack[SIGNAL].dims).values,
        stack[SIGNAL].attrs,
    )
    called = {"n_components": components.sizes["component"], "dim": dim}
    return provenance.record(
        result, "socwidgets.analysis.decomposition.denoise", called, source=stack
    )


def _refuse_other_grid(stack: xr.Dataset, components: xr.Dataset, dim: str) -> None:
    """Raise `DataError` unless components were found on the grid of a stack."""
    lead = [d for d in leading_dims(stack) if d in stack.coords or d in components.coords]
    if set(leading_dims(stack)) != set(leading_dims(components)):
        raise DataError(
            "the components were found in another stack",
            expected=f"leading dims {', '.join(leading_dims(components)) or 'none'}",
            found=", ".join(leading_dims(stack)) or "none",
            fix="call pca on this stack",
        )
    for name in (dim, *lead, Y, X):
        here, there = stack[name], components[name]
        if here.dtype.kind not in "fiu":
            continue
        if here.size != there.size or not np.allclose(here, there, rtol=0, atol=1e-6):
            raise DataError(
                "the components were found in another stack",
                expected=f"{name} of {there.size} points, {there.min():g} to {there.max():g}",
                found=f"{here.size} points, {here.min():g} to {here.max():g}",
                fix="call pca on this stack",
            )


def usable_pixels(stack: xr.Dataset, mask: xr.DataArray | None) -> np.ndarray:
    """Check an image series for a decomposition; ``(y, x)`` bool, what neither mask leaves out."""
    validate_stack(stack)
    signal = stack[SIGNAL]
    usable = np.ones((signal.sizes[Y], signal.sizes[X]), dtype=bool)
    if VALID in stack:
        usable &= stack[VALID].transpose(Y, X).values
    if mask is not None:
        mask = named(mask, stack, "mask")
        if set(mask.dims) != {Y, X} or mask.transpose(Y, X).shape != usable.shape:
            raise DataError(
                "the mask does not fit the stack",
                expected=f"(y, x) of {usable.shape}",
                found=f"{mask.dims} of {mask.shape}",
            )
        usable &= mask.transpose(Y, X).values.astype(bool)
    return usable


def _blocks(stack: xr.Dataset) -> Iterator[tuple[slice, np.ndarray]]:
    """Pixels in flat order and their spectra ``(E, n)``."""
    signal = stack[SIGNAL].transpose(spectral_dim(stack[SIGNAL]), Y, X)
    for block in blocks_of(signal, None, _BLOCK):
        data, _, origin = block.load()
        yield slice(block.start, block.stop), data[:, block.start - origin : block.stop - origin]


def _covariance(
    stack: xr.Dataset, usable: np.ndarray, center: bool
) -> tuple[np.ndarray, np.ndarray, int]:
    """Mean spectrum (zero if not centered), covariance over pixels and their number."""
    energies = stack.sizes[spectral_dim(stack[SIGNAL])]
    reference, room = _typical(stack, usable), np.empty((0, 0), np.float32)
    # One more row than energies: of ones, so that the matrix product also sums and counts.
    gram = np.zeros((energies + 1, energies + 1))
    for where, part in _blocks(stack):
        if room.shape[1] != part.shape[1] or room.dtype != part.dtype:
            room = np.empty((energies + 1, part.shape[1]), part.dtype)
        # float32 keeps more digits of the difference from a typical spectrum.
        np.subtract(part, reference[:, None].astype(part.dtype), out=room[:energies])
        room[energies] = 1.0
        # The sum of a spectrum is finite if all its samples are.
        keep = usable.ravel()[where] & np.isfinite(np.ones(energies, part.dtype) @ room[:energies])
        if not keep.all():
            room[:, ~keep] = 0.0
        gram += room @ room.T
    count = round(gram[-1, -1])
    if count <= energies:
        raise DataError(
            "too few usable spectra for a decomposition",
            expected=f"more than {energies} pixels without a gap",
            found=str(count),
            fix="widen the mask, or fill or drop energies with gaps",
        )
    gram /= count
    offset, square = gram[-1, :-1], gram[:-1, :-1]
    if center:
        return reference + offset, square - np.outer(offset, offset), count
    cross = np.outer(reference, offset)
    return np.zeros(energies), square + cross + cross.T + np.outer(reference, reference), count


def _typical(stack: xr.Dataset, usable: np.ndarray) -> np.ndarray:
    """Mean of some usable spectra, exact in float32; zero where nothing is finite."""
    rows = np.flatnonzero(usable.any(axis=1))
    if not rows.size:
        return np.zeros(stack.sizes[spectral_dim(stack[SIGNAL])])
    row = stack[SIGNAL].transpose(spectral_dim(stack[SIGNAL]), Y, X).isel({Y: rows[rows.size // 2]})
    values = np.where(usable[rows[rows.size // 2]], row.values, np.nan).astype(np.float64)
    seen = np.isfinite(values)
    mean = np.where(seen, values, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    return mean.astype(np.float32).astype(np.float64)


def _scores(
    stack: xr.Dataset, usable: np.ndarray, mean: np.ndarray, loadings: np.ndarray
) -> np.ndarray:
    """Scores ``(component, y, x)``; a gap in a spectrum makes them NaN by itself."""
    scores = np.full((loadings.shape[0], usable.size), np.nan, dtype=np.float32)
    for where, part in _blocks(stack):
        found = loadings.astype(part.dtype) @ part - (loadings @ mean).astype(part.dtype)[:, None]
        scores[:, where] = found
    scores[:, ~usable.ravel()] = np.nan
    scores[~np.isfinite(scores)] = np.nan
    return scores.reshape(-1, *usable.shape)


def _above_noise(values: np.ndarray, pixels: int) -> tuple[int, float]:
    """Number of eigenvalues that white noise does not explain, and the variance of that noise.

    The noise is the mean of the eigenvalues below the bound, which in turn is a multiple of it.
    """
    n, p = np.sqrt(pixels), np.sqrt(values.size)
    bound = (n + p) ** 2 / pixels + 2.0 * (n + p) * (1 / n + 1 / p) ** (1 / 3) / pixels
    noise = float(np.median(values))
    for _ in range(50):
        above = int(np.count_nonzero(values > bound * noise))
        rest = values[above:]
        updated = float(rest.mean()) if rest.size else 0.0
        if updated == noise:
            break
        noise = updated
    return above, noise


def _indicator(scatter: np.ndarray, pixels: int) -> np.ndarray:
    """Malinowski's indicator for 1, 2, ... components; NaN for the last, which leaves nothing."""
    energies = scatter.size
    left = energies - np.arange(1, energies + 1)
    rest = np.maximum(scatter.sum() - np.cumsum(scatter), 0.0)
    result = np.full(energies, np.nan)
    real_error = np.sqrt(rest[:-1] / (pixels * left[:-1]))
    result[:-1] = real_error / left[:-1] ** 2
    return result
