"""Phantoms of the four reaction pathways, seen with a given noise: shared by test and study."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.ndimage import gaussian_filter

from socwidgets.phantoms.pathways import PathwayParams, pathway_particles

#: Resolution (Gaussian sigma, px) and noise of the SOC of a pixel: what the default instrument
#: and the default phantom of LFP platelets reach.
BLUR_PX, NOISE = 0.4, 0.1


def observed(
    pathway: str,
    seed: int,
    *,
    noise: float = NOISE,
    blur_px: float = BLUR_PX,
    **changes: float,
) -> tuple[xr.Dataset, xr.DataArray, dict[str, float]]:
    """Map set with noise, labels, and the truth of one pathway phantom."""
    phantom = pathway_particles(PathwayParams(pathway=pathway, **changes), seed)
    truth, rng = phantom.truth, np.random.default_rng([seed, 77])
    thick = truth["thickness"].fillna(0).values
    amount = gaussian_filter(thick * truth["soc"].fillna(0).values, blur_px)
    mass = gaussian_filter(thick, blur_px)
    labels = truth["labels"]
    # Thin rims carry more noise, as in a fit.
    inside = (labels.values > 0) & (mass > 0.2 * mass.max())
    sigma = noise * np.sqrt(mass[inside].mean() / np.where(inside, mass, np.inf))
    soc = np.where(inside, amount / np.where(mass > 0, mass, 1), np.nan)
    maps = xr.Dataset(
        {
            "soc": (("y", "x"), soc + sigma * rng.normal(size=soc.shape), {"kind": "soc"}),
            "soc_std": (("y", "x"), np.where(inside, sigma, np.nan)),
            "thickness": (("y", "x"), np.where(inside, mass, 0.0)),
            "status": (("y", "x"), np.where(inside, 0, 1).astype(np.uint8)),
        },
        truth.coords,
    )
    return maps, labels, dict(phantom.truth.attrs)
