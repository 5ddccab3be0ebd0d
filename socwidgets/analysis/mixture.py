"""Groups of spectra by a mixture of Gaussians, with the number chosen by BIC."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.analysis.clusters import cluster_points
from socwidgets.analysis.image_below_image import any_images
from socwidgets.model import provenance
from socwidgets.model.errors import DataError
from socwidgets.model.names import SIGNAL, X, Y
from socwidgets.model.parameters import Parameters, param

#: Numbers per pixel: more make a covariance of hundreds of entries per group, and take minutes.
_MOST_NUMBERS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class MixtureParameters(Parameters):
    """Parameters of `gaussian_mixture`."""

    n_groups: int | None = param(None, "Number of groups; empty: chosen by BIC.", low=1)
    most: int = param(6, "Largest number that is tried.", low=1, high=20)
    starts: int = param(3, "Random starts; the best is kept.", low=1)
    seed: int = param(0, "Seed of the random starts.", low=0)


@any_images
def gaussian_mixture(
    components: xr.Dataset,
    params: MixtureParameters | None = None,
    *,
    mask: xr.DataArray | None = None,
    **changes: Any,
) -> xr.Dataset:
    """Groups of pixels with similar spectra, and how sure each pixel's group is.

    Parameters
    ----------
    components : xarray.Dataset
        Result of `decomposition.pca`: its scores are grouped (a mixture in all energies would have
        more parameters than an image has pixels). A stack works too, if it has few energies (20).
        Leading dims are kept, and the groups are common to all images.
    params : MixtureParameters, optional
        `changes` are laid over them.
    mask : xarray.DataArray, optional
        ``(y, x)`` bool.

    Returns
    -------
    xarray.Dataset
        ``cluster`` ``(y, x)`` int32, 0 for pixels left out, then by size; ``probability``
        ``(y, x)`` of that group, NaN where 0; ``centers`` ``(cluster_id, spectral)``; ``n_pixels``;
        ``bic`` ``(number,)`` of each number of groups that was tried.

    Raises
    ------
    DataError, ParameterError
        If too few usable pixels are left, or there is nothing to group.

    Notes
    -----
    The Bayesian information criterion (Schwarz 1978) assumes independent pixels of Gaussian
    groups: a smooth gradient of one phase is cut into several, and a blurred image has fewer
    independent pixels than it has pixels.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    chosen = MixtureParameters.merged(params, changes)
    numbers = [chosen.n_groups] if chosen.n_groups else list(range(1, chosen.most + 1))
    points, keep, dim = cluster_points(components, mask, max(numbers))
    if points.shape[1] > _MOST_NUMBERS:
        raise DataError(
            "a mixture of Gaussians in so many energies has no unique answer",
            expected=f"up to {_MOST_NUMBERS} numbers per pixel",
            found=f"{points.shape[1]}",
            fix="give the result of pca(stack), whose few scores hold what is above the noise",
        )
    points = points.astype(np.float64)
    with warnings.catch_warnings():
        # Too many groups for the data do not settle; whether the chosen ones did is recorded.
        warnings.simplefilter("ignore", ConvergenceWarning)
        models = [
            GaussianMixture(k, n_init=chosen.starts, random_state=chosen.seed).fit(points)
            for k in numbers
        ]
    bic = np.array([model.bic(points) for model in models])
    model = models[int(np.argmin(bic))]
    labels, certain = model.predict(points), model.predict_proba(points).max(axis=1)
    counts = np.bincount(labels, minlength=model.n_components)
    order = np.argsort(-counts, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(1, order.size + 1)
    image, probability = np.zeros(keep.shape, np.int32), np.full(keep.shape, np.nan, np.float32)
    image[keep], probability[keep] = rank[labels], certain
    centers = model.means_[order]
    if SIGNAL not in components:
        centers = centers @ components["loadings"].values + components["mean"].values
    result = xr.Dataset(
        {
            "cluster": ((Y, X), image),
            "probability": ((Y, X), probability),
            "centers": (("cluster_id", dim), centers),
            "n_pixels": (("cluster_id",), counts[order]),
            "bic": (("number",), bic),
        },
        {
            "cluster_id": np.arange(1, order.size + 1),
            "number": numbers,
            **{d: components[d] for d in (dim, Y, X) if d in components.coords},
        },
    )
    result.attrs["converged"] = int(model.converged_)
    called = {**chosen.to_dict(), **({} if mask is None else {"mask": mask})}
    name = "socwidgets.analysis.mixture.gaussian_mixture"
    return provenance.record(result, name, called, source=components)
