"""Where background ends and a particle begins: slope of the background, threshold, outlines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: A slope of the background is taken out if it explains this share of the background's variance.
_EXPLAINED = 0.5
_PLANE_PIXELS = 65536
#: Objects must stand above the background by so many of its standard deviations.
_CLEAR = 4.0
#: No object is looked for below this share of the threshold that suits the large ones.
_FAINTEST = 0.1


def without_slope(values: np.ndarray, finite: np.ndarray) -> np.ndarray:
    """Take a plane out of the background, where there is one.

    Parameters
    ----------
    values : ndarray
        ``(y, x)`` or ``(z, y, x)``, any unit, finite.
    finite : ndarray
        bool of the same shape: pixels that were measured.

    Returns
    -------
    ndarray
        `values` less the plane through the pixels below Otsu's threshold, which has the value zero
        in the middle; `values` themselves where the plane explains less than half of the variance
        of those pixels.
    """
    from skimage.filters import threshold_otsu

    # A plane needs no more pixels than these.
    every = max(1, round((values.size / _PLANE_PIXELS) ** (1.0 / values.ndim)))
    part = (slice(None, None, every),) * values.ndim
    few, known = values[part], finite[part]
    if not known.any() or np.ptp(few[known]) == 0:
        return values
    axes = [np.arange(0.0, size, every) / size for size in values.shape]
    slopes = np.zeros(values.ndim)
    for _ in range(8):
        flat = few - _plane(slopes, axes)
        step = _slopes(flat, known & (flat <= threshold_otsu(flat[known])), axes)
        slopes += step
        if np.abs(step).sum() < 0.02 * np.std(flat[known]):
            break
    flat = few - _plane(slopes, axes)
    low = known & (flat <= threshold_otsu(flat[known]))
    if not np.var(flat[low]) < (1.0 - _EXPLAINED) * np.var(few[low]):
        return values
    return values - _plane(slopes, [np.arange(size) / size for size in values.shape])


def _slopes(values: np.ndarray, chosen: np.ndarray, axes: list[np.ndarray]) -> np.ndarray:
    """Slope along each axis of the plane through the chosen pixels."""
    place = np.nonzero(chosen)
    columns = [axis[index] for axis, index in zip(axes, place, strict=True)]
    design = np.stack([np.ones(place[0].size), *columns], axis=1)
    # An axis of one pixel has no slope: the shortest solution leaves it at zero.
    return np.linalg.lstsq(design, values[place], rcond=None)[0][1:]


def _plane(slopes: np.ndarray, axes: list[np.ndarray]) -> np.ndarray:
    """The plane of these slopes, zero in the middle."""
    grids = np.ix_(*(axis - 0.5 for axis in axes))
    return sum(slope * grid for slope, grid in zip(slopes, grids, strict=True))


@dataclass(frozen=True, slots=True)
class Levels:
    """What an image of particles says about its own scale.

    Attributes
    ----------
    faint : float
        What is above this is clear of the background.
    background : float
        Level between them.
    noise : float
        Standard deviation of the background over the height of the thick particles.
    """

    faint: float
    background: float
    noise: float


def automatic_levels(smooth: np.ndarray, share: float) -> Levels:
    """Lowest height of a particle, thin ones beside thick ones included, and the background.

    Parameters
    ----------
    smooth : ndarray
        Thickness, smoothed.
    share : float
        Place between the background (0) and Otsu's threshold (1).

    Returns
    -------
    Levels

    Notes
    -----
    Otsu's threshold divides the thick from the thin where sizes differ much. Below it the
    background is the median, and its scatter comes from the pixels below that, which hold no
    particle; what is clear of both is an object, too.
    """
    from skimage.filters import threshold_otsu

    level = float(threshold_otsu(smooth))
    below = smooth[smooth <= level]
    background = float(np.median(below))
    usual = background + share * (level - background)
    lower = background - below[below < background]
    scatter = 1.4826 * float(np.median(lower)) if lower.size else 0.0
    faint = background + max(_CLEAR * scatter, _FAINTEST * (usual - background))
    return Levels(min(usual, faint), background, scatter / (2.0 * (level - background)))


def own_heights(basins: np.ndarray, smooth: np.ndarray, levels: Levels, share: float) -> np.ndarray:
    """Pixels that are high for the basin they lie in: each particle at its own scale.

    Parameters
    ----------
    basins : ndarray
        int, 0 = background: one basin around every summit above `Levels.faint`.
    smooth : ndarray
        Thickness of the same shape.
    levels : Levels
        Of `smooth`.
    share : float
        A pixel counts from two fifths of this share of the basin's height (90 % quantile) on.

    Returns
    -------
    ndarray
        bool. Basins that hardly rise above the faintest limit are halos and left out.
    """
    height = _heights(basins, smooth) - levels.background
    height[~(height > 1.5 * (levels.faint - levels.background))] = np.inf
    return smooth >= levels.background + 0.4 * share * height[basins]


def _heights(labels: np.ndarray, smooth: np.ndarray) -> np.ndarray:
    """90 % quantile of each label, infinite for the background."""
    from socwidgets.kernels.labels import quantiles, sort_by_label

    count = np.bincount(labels.ravel())
    count[0] = 0
    end = np.cumsum(count)
    ordered = np.empty(int(end[-1]))
    rows = (-1, labels.shape[-1])
    sort_by_label(smooth.reshape(rows), labels.reshape(rows), end - count, ordered)
    found = np.empty((count.size, 1))
    quantiles(ordered, end - count, end, np.array([0.9]), 0, count.size, found)
    return np.where(np.isnan(found[:, 0]), np.inf, found[:, 0])


def half_height(labels: np.ndarray, smooth: np.ndarray, background: float) -> np.ndarray:
    """Draw every outline at half of its particle's height (90 % quantile).

    Parameters
    ----------
    labels : ndarray
        int, 0 = background.
    smooth : ndarray
        Of the same shape, any unit.
    background : float
        Level between the particles.

    Returns
    -------
    ndarray
        The labels without what is lower.
    """
    limit = 0.5 * (background + _heights(labels, smooth))
    return np.where(smooth >= limit[labels], labels, 0)
