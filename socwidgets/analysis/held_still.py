"""Whether something that does not move with the sample has held the registration.

Dust on the detector, a beam stop or a hot pixel stands still and can be stronger in a correlation
than the sample that drifts behind it: the frames then look registered, and are not. The parts of
the field tell, because most of them hold nothing but the sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy import ndimage

from socwidgets.analysis.frame_threads import each_frame
from socwidgets.model.watch import NOBODY, Watch

#: The field is looked at in so many parts along its shorter side, each of so many pixels at least.
_PARTS, _LEAST_PX = 8, 12
#: So many parts with a displacement of their own are asked for.
_LEAST_PARTS = 4
#: Width of the Gaussian that smooths the mean frame before its slopes are taken, px.
_SMOOTH_PX = 1.0
#: A displacement of a part is used where its standard uncertainty is below this, px.
_KNOWN_PX = 0.25
#: The parts agree where they scatter by less than this share of what they have in common, or this.
_AGREE, _AGREE_PX = 0.5, 0.15


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the field: its pixels, and what reads a displacement from a frame there."""

    where: tuple[slice, slice]
    weights: np.ndarray
    variance: np.ndarray


def sample_path(
    signal: xr.DataArray, mean: np.ndarray, noise: np.ndarray, watch: Watch = NOBODY
) -> np.ndarray:
    """Displacement of the sample in each frame, as most parts of the field have it.

    In each part a frame is ``a mean + b - a d grad mean``, solved for a, b and d by least squares
    (Lucas and Kanade 1981, Proc. IJCAI, 674): exact for small displacements, too small for large.

    Parameters
    ----------
    signal : xarray.DataArray
        ``(spectral, y, x)``; samples that are not finite count as the mean frame there.
    mean : ndarray
        ``(y, x)``, mean of the frames; NaN where there is none.
    noise : ndarray
        ``(spectral,)``, standard deviation of a pixel.
    watch : Watch
        Is told how far it is.

    Returns
    -------
    ndarray
        ``(spectral, 2)``, along y and x, px: median of the parts less the median over the frames.
        NaN where the parts do not agree (domains that change from energy to energy do not move
        alike), or too few of them tell.
    """
    parts = _parts(mean)
    filled = np.where(np.isfinite(mean), mean, 0.0)

    def displacement(i: int) -> np.ndarray:
        frame = signal[i].values
        rest = np.where(np.isfinite(frame), frame, filled)
        found = np.array([_read(part, rest, float(noise[i])) for part in parts])
        return found.reshape(-1, 2)

    count = signal.sizes[signal.dims[0]]
    every = np.array([found for _, found in each_frame(displacement, range(count), watch)])
    known = np.isfinite(every).all(axis=2)
    # A part that tells of few frames has no middle to count from.
    telling = known.mean(axis=0) > 0.5
    every, known = every[:, telling], known[:, telling]
    every[~known] = np.nan
    enough = known.sum(axis=1) >= _LEAST_PARTS
    path, spread = np.full((count, 2), np.nan), np.full(count, np.nan)
    if not enough.any():
        return path
    # Each part counts from its own middle: what it always is off by is no drift.
    every = every - np.nanmedian(every, axis=0)
    path[enough] = np.nanmedian(every[enough], axis=1)
    away = np.hypot(*np.moveaxis(every[enough] - path[enough][:, None], 2, 0))
    spread[enough] = np.nanmedian(away, axis=1)
    path[spread > np.maximum(_AGREE * np.hypot(*path.T), _AGREE_PX)] = np.nan
    return path


def _parts(mean: np.ndarray) -> list[_Part]:
    side = max(_LEAST_PX, min(mean.shape) // _PARTS)
    filled = np.where(np.isfinite(mean), mean, np.nanmedian(mean))
    smooth = ndimage.gaussian_filter(filled, _SMOOTH_PX)
    slopes = [ndimage.gaussian_filter(filled, _SMOOTH_PX, order=o) for o in ((1, 0), (0, 1))]
    found = []
    for top in range(0, mean.shape[0] - side + 1, side):
        for left in range(0, mean.shape[1] - side + 1, side):
            where = (slice(top, top + side), slice(left, left + side))
            table = np.stack([smooth[where], *(s[where] for s in slopes), np.ones((side, side))])
            table = table.reshape(4, -1).T
            scale = np.maximum(np.abs(table).max(axis=0), 1e-30)
            square = (table / scale).T @ (table / scale)
            if np.linalg.matrix_rank(square) < 4:
                continue
            inverse = np.linalg.inv(square) / np.outer(scale, scale)
            found.append(_Part(where, inverse @ table.T, np.diag(inverse)))
    return found


def _read(part: _Part, frame: np.ndarray, noise: float) -> np.ndarray:
    """Displacement ``(2,)`` of a part; NaN where it is hardly known."""
    size, *moved, _ = part.weights @ frame[part.where].reshape(-1)
    if not size > 0:
        return np.full(2, np.nan)
    sigma = noise * np.sqrt(part.variance[1:3].max()) / size
    return -np.array(moved) / size if sigma < _KNOWN_PX else np.full(2, np.nan)
