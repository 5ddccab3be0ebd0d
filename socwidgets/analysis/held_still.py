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
#: The mean frame itself and its slopes along y and x, as orders of that Gaussian.
_ORDERS = ((0, 0), (1, 0), (0, 1))
#: A displacement of a part is used where its standard uncertainty is below this, px.
_KNOWN_PX = 0.25
#: The parts agree where they scatter by less than this share of what they have in common, or this.
_AGREE, _AGREE_PX = 0.5, 0.15


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the field, and the inverse of the normal equations of its least-squares fit."""

    where: tuple[slice, slice]
    inverse: np.ndarray


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
    filled = np.where(np.isfinite(mean), mean, np.nanmedian(mean))
    curves = np.stack([ndimage.gaussian_filter(filled, _SMOOTH_PX, order=o) for o in _ORDERS])
    parts = _parts(curves)

    def displacement(i: int) -> np.ndarray:
        frame = signal[i].values
        rest = np.where(np.isfinite(frame), frame, filled)
        found = np.array([_read(part, curves, rest, float(noise[i])) for part in parts])
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


def _parts(curves: np.ndarray) -> list[_Part]:
    """Parts in which the curves ``(3, y, x)`` and a constant can be told apart."""
    shape = curves.shape[1:]
    side = max(_LEAST_PX, min(shape) // _PARTS)
    found = []
    for top in range(0, shape[0] - side + 1, side):
        for left in range(0, shape[1] - side + 1, side):
            where = (slice(top, top + side), slice(left, left + side))
            table = np.ones((4, side * side))
            table[:3] = curves[:, where[0], where[1]].reshape(3, -1)
            scale = np.maximum(np.abs(table).max(axis=1), 1e-30)
            square = (table / scale[:, None]) @ (table / scale[:, None]).T
            if np.linalg.matrix_rank(square) == 4:
                found.append(_Part(where, np.linalg.inv(square) / np.outer(scale, scale)))
    return found


def _read(part: _Part, curves: np.ndarray, frame: np.ndarray, noise: float) -> np.ndarray:
    """Displacement ``(2,)`` of a part; NaN where it is hardly known."""
    seen = frame[part.where]
    sums = np.einsum("kyx,yx->k", curves[:, part.where[0], part.where[1]], seen)
    size, *moved, _ = part.inverse @ np.append(sums, seen.sum(dtype=np.float64))
    if not size > 0:
        return np.full(2, np.nan)
    sigma = noise * np.sqrt(np.diag(part.inverse)[1:3].max()) / size
    return -np.array(moved) / size if sigma < _KNOWN_PX else np.full(2, np.nan)
