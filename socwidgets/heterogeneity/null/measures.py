"""What the null test looks at: spread, neighborhood, surface and center, particles."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr
from scipy import ndimage

from socwidgets.heterogeneity.nested import variance_shares
from socwidgets.heterogeneity.sample import Sample, take_sample

Measure = Callable[[Sample], float]

#: Outer and inner part of the depth of a particle that its contrast compares (science E.7).
_RIM = 0.2


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
    image, seen = sample.image(fill=0.0), sample.seen()
    mean = float(sample.values.mean())
    z = np.where(seen, image - mean, 0.0)
    products, pairs = 0.0, 0
    for axis in range(image.ndim):
        first = np.take(z, range(image.shape[axis] - 1), axis)
        second = np.take(z, range(1, image.shape[axis]), axis)
        products += float(np.sum(first * second))
        both = np.take(seen, range(image.shape[axis] - 1), axis)
        pairs += int(np.count_nonzero(both & np.take(seen, range(1, image.shape[axis]), axis)))
    square = float(np.sum(z**2))
    if not pairs or square <= 0:
        return float("nan")
    return products / pairs * sample.size / square


def core_shell_contrast(sample: Sample) -> float:
    """Mean over particles of (outer fifth - inner fifth of the depth); NaN without particles."""
    if sample.labels is None:
        return float("nan")
    labels = sample.image(sample.labels.astype(float)).astype(np.int32)
    depth = _depth(labels, sample.spacing_um)[sample.position]
    _, unit = np.unique(sample.labels, return_inverse=True)
    count = int(unit.max()) + 1
    deepest = np.zeros(count)
    np.maximum.at(deepest, unit, depth)
    place = depth / deepest[unit]
    shallow = np.full(count, np.inf)
    np.minimum.at(shallow, unit, place)
    # From the outermost pixel's depth on: a pixel's center never lies on the surface.
    place = (place - shallow[unit]) / np.maximum(1.0 - shallow[unit], 1e-9)
    w = sample.weights
    means = []
    for part in (place <= _RIM, place >= 1 - _RIM):
        mass = np.bincount(unit, w * part, minlength=count)
        total = np.bincount(unit, w * part * sample.values, minlength=count)
        means.append(np.divide(total, mass, out=np.full(count, np.nan), where=mass > 0))
    contrast, whole = means[0] - means[1], np.bincount(unit, w)
    known = np.isfinite(contrast) & (np.bincount(unit) >= 9)
    if not known.any():
        return float("nan")
    return float(np.average(contrast[known], weights=whole[known]))


def _depth(labels: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    """Distance of every pixel from outside its own particle."""
    depth = np.zeros(labels.shape)
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        own = np.pad(labels[box] == number, 1)
        distance = ndimage.distance_transform_edt(own, sampling=spacing)
        inner = distance[(slice(1, -1),) * labels.ndim]
        depth[box] = np.where(labels[box] == number, inner, depth[box])
    return depth


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
    """
    sample = take_sample(maps, variable, labels=labels, weights=weights)
    return {name: made(sample) for name, (_, made) in (measures or MEASURES).items()}
