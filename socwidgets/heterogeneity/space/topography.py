"""A map as a landscape: curvature and gradient, and where the gradient points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy import ndimage

from socwidgets.heterogeneity.bootstrap import (
    NO_INTERVAL,
    Interval,
    draw_counts,
    interval_of,
    resampling_units,
)
from socwidgets.heterogeneity.sample import Sample, take_sample
from socwidgets.model.errors import DataError, ParameterError

#: Mean ``|cos|`` of directions without preference, in a plane and in space.
ISOTROPIC = {2: 2.0 / np.pi, 3: 0.5}
#: Derivatives are used where the filter's support lies in the sample to this share.
MIN_SUPPORT = 0.99


def valence_topography(
    maps: xr.Dataset,
    *,
    variable: str = "soc",
    scale_px: float = 2.0,
    labels: xr.DataArray | None = None,
    weights: str | xr.DataArray | None = "thickness",
) -> xr.Dataset:
    """Curvatures of a map seen as a height surface.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set, ``(y, x)``.
    variable : str
        The map.
    scale_px : float
        Standard deviation of the Gaussian whose derivatives are taken, 0.5 or more, pixels; 1 to 3
        is usual.
    labels : xarray.DataArray, optional
        Particles: pixels outside do not count.
    weights : str, xarray.DataArray or None
        Pixels of positive weight count.

    Returns
    -------
    xarray.Dataset
        ``(y, x)``: ``mean_curvature`` (um^-1 times the map's unit, negative at a summit),
        ``gaussian_curvature`` (positive at summits and basins, negative at saddles),
        ``gradient`` (magnitude per um), ``gradient_y``, ``gradient_x``. NaN where less than 99 %
        of the filter's support lie in the sample. ``attrs``: ``share_negative`` (share of
        pixels of negative mean curvature), ``share_saddle``, ``scale_px``.

    Raises
    ------
    DataError, KindError, ParameterError
        As `take_sample`; a volume; a scale below half a pixel.

    Notes
    -----
    After Mu et al. (2018, Nat. Commun. 9, 2810), who read topography from valence maps. With f the
    map in its unit and lengths in um: ``H = ((1 + fy^2) fxx - 2 fx fy fxy + (1 + fx^2) fyy) /
    (2 (1 + fx^2 + fy^2)^(3/2))``, ``K = (fxx fyy - fxy^2)/(1 + fx^2 + fy^2)^2``.
    """
    sample = take_sample(maps, variable, labels=labels, weights=weights)
    if len(sample.shape) != 2:
        raise DataError(
            "a topography is that of an image", expected="(y, x)", found=f"{sample.shape}"
        )
    (fy, fx), (fyy, fxy, fxx), inside = _derivatives(sample, scale_px)
    steep = 1.0 + fx**2 + fy**2
    mean = ((1 + fy**2) * fxx - 2 * fx * fy * fxy + (1 + fx**2) * fyy) / (2 * steep**1.5)
    gaussian = (fxx * fyy - fxy**2) / steep**2
    columns = {
        "mean_curvature": mean, "gaussian_curvature": gaussian, "gradient": np.hypot(fx, fy),
        "gradient_y": fy, "gradient_x": fx,
    }  # fmt: skip
    field = maps[variable]
    coords = {d: field[d] for d in ("y", "x") if d in field.coords}
    result = xr.Dataset(
        {k: (("y", "x"), np.where(inside, v, np.nan)) for k, v in columns.items()}, coords
    )
    seen = int(inside.sum())
    result.attrs = {
        "share_negative": float(np.mean(mean[inside] < 0)) if seen else float("nan"),
        "share_saddle": float(np.mean(gaussian[inside] < 0)) if seen else float("nan"),
        "scale_px": scale_px,
    }
    return result


@dataclass(frozen=True, slots=True)
class GradientAngles:
    """Angle between the gradient of a map and the direction away from the particle's center.

    Attributes
    ----------
    mean_abs_cos : float
        Mean of the absolute cosine; 1 for a core-shell, `isotropic` without preference.
    interval : Interval
        From resampling particles.
    isotropic : float
        2/pi in a plane, 1/2 in space.
    mean_cos : float
        Positive where the map rises towards the surface.
    angles_deg : ndarray
        ``(n,)`` angle of every pixel used, 0 to 180.
    n_pixels, n_particles : int
        What went in.
    """

    mean_abs_cos: float
    interval: Interval
    isotropic: float
    mean_cos: float
    angles_deg: np.ndarray
    n_pixels: int
    n_particles: int


def gradient_angles(
    maps: xr.Dataset,
    labels: xr.DataArray,
    *,
    variable: str = "soc",
    scale_px: float = 2.0,
    min_snr: float = 3.0,
    weights: str | xr.DataArray | None = "thickness",
    draws: int = 500,
    seed: int = 0,
) -> GradientAngles:
    """Statistics of the direction of the gradient within particles.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set, ``(y, x)`` or ``(z, y, x)``.
    labels : xarray.DataArray
        Particles.
    variable : str
        The map.
    scale_px : float
        Of the Gaussian derivative, pixels.
    min_snr : float
        Pixels count whose gradient exceeds its noise by this factor: the direction of noise is
        that of nothing. Where the noise is not known all count.
    weights : str, xarray.DataArray or None
        Pixels of positive weight count, all alike.
    draws, seed : int
        Of the bootstrap over particles.

    Returns
    -------
    GradientAngles
        Mean ``|cos|`` between gradient and radial direction with its interval, the value without a
        preference beside it, and the angles (degree).

    Raises
    ------
    DataError, KindError, ParameterError
        As `take_sample`; if no gradient stands out of the noise.

    Notes
    -----
    After Xu et al. (2020, Nat. Commun. 11, 83), who draw the valence gradient as arrows.
    """
    sample = take_sample(maps, variable, labels=labels, weights=weights)
    gradient, _, inside = _derivatives(sample, scale_px)
    magnitude = np.sqrt(sum(g**2 for g in gradient))
    good = inside & (magnitude > 0) & (magnitude > min_snr * _gradient_noise(sample, scale_px))
    chosen = sample.subset(good[sample.position])
    if chosen.size < 2:
        raise DataError(
            "no gradient stands out of the noise",
            expected=f"pixels whose gradient exceeds {min_snr:g} times its noise",
            found=f"{chosen.size}",
            fix="use a larger scale_px or a lower min_snr",
        )
    count = np.bincount(sample.particle)
    dot, square = np.zeros(chosen.size), np.zeros(chosen.size)
    for axis, step in enumerate(sample.spacing_um):
        with np.errstate(invalid="ignore"):
            center = np.bincount(sample.particle, sample.position[axis]) / count
        away = (chosen.position[axis] - center[chosen.particle]) * step
        dot += away * gradient[axis][chosen.position]
        square += away**2
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = dot / np.sqrt(square) / magnitude[chosen.position]
    kept = np.isfinite(cosine)
    chosen, cosine = chosen.subset(kept), np.clip(cosine[kept], -1, 1)
    units = resampling_units(chosen, scale_px * 2)
    sums = np.stack([units.sums(np.ones_like(cosine)), units.sums(np.abs(cosine))])
    interval = NO_INTERVAL
    if draws:
        drawn = np.concatenate([sums @ c.T for c in draw_counts(units, draws, seed)], axis=1)
        interval = interval_of(float(np.abs(cosine).mean()), drawn[1] / drawn[0], units)
    return GradientAngles(
        float(np.abs(cosine).mean()),
        interval,
        ISOTROPIC[len(sample.shape)],
        float(cosine.mean()),
        np.degrees(np.arccos(cosine)),
        cosine.size,
        int(np.unique(chosen.particle).size),
    )


def _derivatives(
    sample: Sample, scale_px: float
) -> tuple[list[np.ndarray], tuple[np.ndarray, ...], np.ndarray]:
    """First derivatives along each axis, second ones (yy, yx, xx), and where they hold.

    Outside the sample stands the mean of the sample's values nearby: a step at the outline would
    look like a gradient.
    """
    if not scale_px >= 0.5:
        raise ParameterError(
            "the scale is below the pixels", expected="0.5 px or more", found=f"{scale_px}"
        )
    seen = sample.seen()
    support = ndimage.gaussian_filter(seen.astype(float), scale_px, mode="constant")
    image = sample.image(sample.values - sample.values.mean())
    near = ndimage.gaussian_filter(image, scale_px, mode="constant") / np.maximum(support, 1e-9)
    image = np.where(seen, image, near)
    dims, steps = image.ndim, sample.spacing_um

    def derivative(*order: int) -> np.ndarray:
        scale = np.prod([s**o for s, o in zip(steps, order, strict=True)])
        # Cut off late: the sum of the second derivative's coefficients must vanish.
        derived = ndimage.gaussian_filter(
            image, scale_px, order=order, mode="nearest", truncate=6.0
        )
        return derived / scale

    first = [derivative(*(int(i == axis) for i in range(dims))) for axis in range(dims)]
    second: tuple[np.ndarray, ...] = ()
    if dims == 2:
        second = (derivative(2, 0), derivative(1, 1), derivative(0, 2))
    return first, second, seen & (support >= MIN_SUPPORT)


def _gradient_noise(sample: Sample, scale_px: float) -> np.ndarray:
    """Standard deviation that white noise gives a component of the gradient; 0 if not known."""
    noise = sample.image(np.nan_to_num(sample.noise_variance))
    local = ndimage.gaussian_filter(noise, scale_px, mode="nearest")
    dims = len(sample.shape)
    # Integral of the squared derivative of a Gaussian: 1/(2 s^2) (4 pi s^2)^(-dims/2).
    factor = 1.0 / (2 * scale_px**2) * (4 * np.pi * scale_px**2) ** (-dims / 2)
    return np.sqrt(local * factor) / min(sample.spacing_um)
