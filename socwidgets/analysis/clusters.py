"""Non-negative factors and clusters of spectra, by scikit-learn (imported when first used)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.analysis.decomposition import usable_pixels
from socwidgets.analysis.image_below_image import any_images
from socwidgets.analysis.nonnegative import corner_spectra, factorize
from socwidgets.model import provenance
from socwidgets.model.errors import DataError, ParameterError
from socwidgets.model.names import SIGNAL, X, Y, spectral_dim
from socwidgets.model.parameters import Parameters, param


@dataclass(frozen=True, slots=True, kw_only=True)
class NmfParameters(Parameters):
    """Parameters of a non-negative factorization."""

    n_components: int = param(2, "Number of factors.", low=1)
    max_iterations: int = param(2000, "Iterations at most.", low=20)
    start: str = param(
        "vertices",
        "Where to begin: at the purest spectra of the image, or at its singular vectors.",
        choices=("vertices", "singular"),
    )
    seed: int = param(0, "Seed of the random part of the start at singular vectors.", low=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterParameters(Parameters):
    """Parameters of k-means clustering."""

    n_clusters: int = param(3, "Number of clusters.", low=1)
    starts: int = param(4, "Random starts; the best is kept.", low=1)
    seed: int = param(0, "Seed of the random starts.", low=0)


@any_images
def nmf(
    stack: xr.Dataset,
    params: NmfParameters | None = None,
    *,
    mask: xr.DataArray | None = None,
    **changes: Any,
) -> xr.Dataset:
    """Non-negative factors of the spectra of a stack, ``signal = amounts x spectra``.

    Parameters
    ----------
    stack : xarray.Dataset
        ``signal`` ``(..., spectral, y, x)``, non-negative but for noise. The factors of a volume
        or a series are common to all its images.
    params : NmfParameters, optional
        `changes` are laid over them.
    mask : xarray.DataArray, optional
        ``(y, x)`` bool, pixels to analyze.

    Returns
    -------
    xarray.Dataset
        ``loadings`` ``(component, spectral)``, each with mean 1; ``amounts`` ``(component, y, x)``,
        NaN for pixels left out or with a gap. Attributes: ``residual`` (share of the sum of squares
        that is left), ``clipped`` (share of the samples that were below zero and counted as zero),
        ``converged``, ``iterations``, ``start`` (``"singular"`` also where the image has no
        corners or their number is not 2 to 6).

    Warns
    -----
    UserWarning
        If the iterations end before the residual stands still.

    Raises
    ------
    DataError
        If fewer usable pixels than components are left or the signal is mostly negative.

    Notes
    -----
    Factors are **not unique**: they may be turned into each other as long as nothing becomes
    negative (Donoho and Stodden 2003), with the same residual. Spectra that absorb everywhere,
    as those of one element at its edge do, leave much room: from singular vectors the factors are
    up to 13 degrees away from the spectra that were planted. Hence the start at the corners of the
    cloud (`simplex_vertices`), from which the nearest solution is taken: 1 degree where there are
    pure pixels and 1 % of noise, 5 degrees at 5 %, and as far as the corners where no pixel is
    pure. They are no references; candidates for those are the corners themselves.
    """
    chosen = NmfParameters.merged(params, changes)
    spectra, keep = _spectra(stack, mask, chosen.n_components)
    clipped = float(np.mean(spectra < 0.0))
    if clipped > 0.5:
        raise DataError(
            "the signal is mostly negative",
            expected="optical density or counts, zero or more",
            found=f"{100 * clipped:.0f} % of the samples below zero",
        )
    np.maximum(spectra, 0.0, out=spectra)
    corners = None
    if chosen.start == "vertices":
        corners = corner_spectra(stack, mask, chosen.n_components)
    found = factorize(spectra, chosen.n_components, corners, chosen.max_iterations, chosen.seed)
    if not found.converged:
        warnings.warn(
            f"the factors still changed after {found.iterations} iterations: raise max_iterations, "
            "or lower n_components (more factors than pca finds above the noise share noise)",
            stacklevel=3,
        )
    scale = found.spectra.mean(axis=1)
    scale[scale == 0.0] = 1.0
    dim = spectral_dim(stack[SIGNAL])
    result = xr.Dataset(
        {
            "loadings": (("component", dim), found.spectra / scale[:, None]),
            "amounts": (("component", Y, X), _image(found.amounts.T * scale[:, None], keep)),
        },
        {"component": np.arange(1, chosen.n_components + 1), **_coords(stack, dim)},
    )
    result.attrs.update(
        residual=found.residual,
        clipped=clipped,
        converged=int(found.converged),
        iterations=found.iterations,
        start="singular" if corners is None else "vertices",
    )
    return _recorded(result, "nmf", chosen, mask, stack)


@any_images
def kmeans(
    data: xr.Dataset,
    params: ClusterParameters | None = None,
    *,
    mask: xr.DataArray | None = None,
    **changes: Any,
) -> xr.Dataset:
    """Clusters of similar spectra.

    Parameters
    ----------
    data : xarray.Dataset
        A stack (its spectra are compared as they are) or the result of `decomposition.pca`: then
        its scores, which hold less noise and are quicker. Leading dims are kept: the clusters of a
        volume or a series are common to all its images.
    params : ClusterParameters, optional
        `changes` are laid over them.
    mask : xarray.DataArray, optional
        ``(y, x)`` bool, pixels to analyze.

    Returns
    -------
    xarray.Dataset
        ``cluster`` ``(y, x)`` int32, 0 for pixels left out or with a gap, 1..n by size, largest
        first; ``centers`` ``(cluster_id, spectral)``, mean spectra; ``n_pixels`` of each. Attribute
        ``inertia``, the sum of squared distances.
    """
    from sklearn.cluster import KMeans

    chosen = ClusterParameters.merged(params, changes)
    points, keep, dim = cluster_points(data, mask, chosen.n_clusters)
    model = KMeans(chosen.n_clusters, n_init=chosen.starts, random_state=chosen.seed).fit(points)
    counts = np.bincount(model.labels_, minlength=chosen.n_clusters)
    order = np.argsort(-counts, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(1, order.size + 1)
    image = np.zeros(keep.shape, np.int32)
    image[keep] = rank[model.labels_]
    centers = model.cluster_centers_[order].astype(np.float64)
    if SIGNAL not in data:
        centers = centers @ data["loadings"].values + data["mean"].values
    result = xr.Dataset(
        {
            "cluster": ((Y, X), image),
            "centers": (("cluster_id", dim), centers),
            "n_pixels": (("cluster_id",), counts[order]),
        },
        {"cluster_id": np.arange(1, order.size + 1), **_coords(data, dim)},
    )
    result.attrs["inertia"] = float(model.inertia_)
    return _recorded(result, "kmeans", chosen, mask, data)


def cluster_points(
    data: xr.Dataset, mask: xr.DataArray | None, least: int
) -> tuple[np.ndarray, np.ndarray, str]:
    """Spectra of a stack or scores of `pca` ``(n, dims)``, their pixels, and the spectral dim."""
    if SIGNAL in data:
        return *_spectra(data, mask, least), spectral_dim(data[SIGNAL])
    return *_scores(data, mask, least), str(data["mean"].dims[0])


def _spectra(
    stack: xr.Dataset, mask: xr.DataArray | None, least: int
) -> tuple[np.ndarray, np.ndarray]:
    """Spectra ``(n, E)`` of the usable pixels, and which those are ``(y, x)``."""
    usable = usable_pixels(stack, mask)
    dim = spectral_dim(stack[SIGNAL])
    signal = stack[SIGNAL].transpose(dim, Y, X).values
    keep = usable & np.isfinite(signal.sum(axis=0, dtype=np.float64))
    _enough(keep, least)
    return np.ascontiguousarray(signal[:, keep].T, dtype=np.float32), keep


def _scores(
    components: xr.Dataset, mask: xr.DataArray | None, least: int
) -> tuple[np.ndarray, np.ndarray]:
    if "scores" not in components:
        raise ParameterError(
            "there is nothing to cluster",
            expected="a stack, or the result of pca",
            found=f"variables {', '.join(map(str, components.data_vars))}",
        )
    scores = components["scores"].transpose("component", Y, X).values
    keep = np.isfinite(scores).all(axis=0)
    if mask is not None:
        keep &= mask.transpose(Y, X).values.astype(bool)
    _enough(keep, least)
    return np.ascontiguousarray(scores[:, keep].T), keep


def _enough(keep: np.ndarray, least: int) -> None:
    found = int(np.count_nonzero(keep))
    if found <= least:
        raise DataError(
            "too few usable spectra", expected=f"more than {least} pixels", found=str(found)
        )


def _image(values: np.ndarray, keep: np.ndarray) -> np.ndarray:
    image = np.full((values.shape[0], *keep.shape), np.nan, np.float32)
    image[:, keep] = values
    return image


def _coords(data: xr.Dataset, dim: str) -> dict[str, xr.DataArray]:
    return {d: data[d] for d in (dim, Y, X) if d in data.coords}


def _recorded(
    result: xr.Dataset, name: str, chosen: Any, mask: xr.DataArray | None, source: xr.Dataset
) -> xr.Dataset:
    called = {**chosen.to_dict(), **({} if mask is None else {"mask": mask})}
    return provenance.record(result, f"socwidgets.analysis.clusters.{name}", called, source=source)
