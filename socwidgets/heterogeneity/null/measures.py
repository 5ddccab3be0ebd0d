"""What the null test looks at: spread, neighborhood, surface and center, particles."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from socwidgets.heterogeneity.nested import variance_shares
from socwidgets.heterogeneity.sample import Sample, take_sample
from socwidgets.heterogeneity.space.moran import autocorrelation_of
from socwidgets.heterogeneity.space.radial import core_shell_of
from socwidgets.model.errors import DataError

Measure = Callable[[Sample], float]


def sd_observed(sample: Sample) -> float:
    """Weighted standard deviation, noise and all."""
    mean = np.average(sample.values, weights=sample.weights)
    return float(np.sqrt(np.average((sample.values - mean) ** 2, weights=sample.weights)))


def sd_true(sample: Sample) -> float:
    """Standard deviation with the propagated noise taken out; negative variances keep a sign.

    ``sign(v) sqrt|v|``: cut off at zero, half of the null distribution would sit on one point.
    """
    noise = float(np.average(sample.noise_variance, weights=sample.weights))
    variance = sd_observed(sample) ** 2 - noise
    return float(np.sign(variance) * np.sqrt(abs(variance)))


def moran(sample: Sample) -> float:
    """Moran's I of neighboring pixels (sharing an edge), noise and all; NaN without pairs."""
    return autocorrelation_of(sample, permutations=0).moran


def core_shell_contrast(sample: Sample) -> float:
    """Mean over particles of (rim - core), as on the card; NaN without two particles."""
    if sample.labels is None:
        return float("nan")
    try:
        return core_shell_of(sample, permutations=0, ranks=False).contrast
    except DataError:  # one label on every pixel has no surface
        return float("nan")


def sd_between(sample: Sample) -> float:
    """Standard deviation between particles, noise and all; NaN without particles."""
    if sample.labels is None:
        return float("nan")
    return float(np.sqrt(variance_shares(sample.values, sample.labels, sample.weights).between))


#: Measures of the null test and their words; those that need particles are NaN without.
MEASURES: dict[str, tuple[str, Measure]] = {
    "sd_observed": ("Spread as observed", sd_observed),
    "sd_true": ("Spread without the propagated noise", sd_true),
    "sd_between": ("Spread between particles", sd_between),
    "moran": ("Moran's I of neighboring pixels", moran),
    "core_shell": ("Rim minus center of the particles", core_shell_contrast),
}
#: Measures of which either sign is heterogeneity.
TWO_SIDED = ("core_shell",)


def measure(
    maps: xr.Dataset,
    labels: xr.DataArray | None,
    variable: str,
    weights: str | None,
    measures: dict[str, tuple[str, Measure]] | None = None,
) -> dict[str, float]:
    """All measures of one map.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set.
    labels : xarray.DataArray, optional
        Particles.
    variable, weights
        As for `take_sample`.
    measures : dict, optional
        Other ones than `MEASURES`.

    Returns
    -------
    dict
        Name of the measure to its value; NaN where it has none.
    """
    sample = take_sample(maps, variable, labels=labels, weights=weights)
    return {name: made(sample) for name, (_, made) in (measures or MEASURES).items()}
