"""Speed of a front from the times of its arrival, and what smoothing does to both."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from socwidgets.heterogeneity.phases.planes import local_planes

#: Steps of the arrival time below this share of the mean one are none: fronts meet there.
_STILL = 1e-3
#: Part of the width over which single slopes are taken.
_NEAR = 0.5
#: Power of the share of known pixels around a slope in its weight: a slope that half of the pixels
#: around lie behind has some five times the variance.
_BEHIND = 4


class Speed(NamedTuple):
    """Speed (um per unit of time), slopes of the arrival per um, and the shortening.

    `shortened` is the part by which slopes that point apart shorten their mean over the whole
    width, ``s^2/2 |grad n|^2``.
    """

    speed: np.ndarray
    slopes: np.ndarray
    shortened: np.ndarray


def straightened(arrival: np.ndarray, smooth_px: float, speed_px: float) -> np.ndarray:
    """Arrival without what the smoothing of the composition does to a curved front.

    A profile ``F(t - T)`` smoothed by s crosses its middle at ``t = T + s^2/2 laplace T``.
    """
    slopes = local_planes(arrival, speed_px)[1]
    bend = sum(local_planes(slope, speed_px)[1][k] for k, slope in enumerate(slopes))
    return arrival - np.nan_to_num(0.5 * smooth_px**2 * np.asarray(bend))


def speed_of(arrival: np.ndarray, size: np.ndarray, speed_px: float) -> Speed:
    """Speed where the front arrived at known times, ``(y, x)`` or ``(z, y, x)``.

    Slopes over surroundings of half the width are taken along the normal there, and their mean is
    taken over what is left of the width: slopes that point apart hardly shorten each other, and the
    noise is that of the whole width.
    """
    scale = size.reshape(-1, *(1,) * arrival.ndim)
    slopes = local_planes(arrival, speed_px)[1] / scale
    steepness = np.linalg.norm(slopes, axis=0)
    typical = float(np.nanmedian(steepness)) if np.isfinite(steepness).any() else np.nan
    near = speed_px * _NEAR
    with np.errstate(divide="ignore", invalid="ignore"):
        normal = slopes / steepness
        along = np.sum(local_planes(arrival, near)[1] / scale * normal, axis=0)
        rest = float(np.sqrt(speed_px**2 - near**2))
        mean = _mean_around(along, np.isfinite(arrival), near, rest)
        # The width is in px, and so the turns of the normal are taken per px along each axis.
        turns = [local_planes(part, speed_px)[1] for part in normal]
        bend = sum(np.nansum(turn**2, axis=0) for turn in turns)
        shortened = 0.5 * speed_px**2 * np.asarray(bend)
        corrected = mean * (1.0 + _NEAR**2 * shortened)
        moves = (steepness > _STILL * typical) & (corrected > _STILL * typical)
        speed = np.where(moves, 1.0 / corrected, np.nan)
    return Speed(speed, slopes, shortened)


def _mean_around(slope: np.ndarray, known: np.ndarray, near: float, width: float) -> np.ndarray:
    """Mean slope over a Gaussian; slopes with few pixels behind them, at a border, count less."""
    behind = ndimage.gaussian_filter(known.astype(float), near, mode="constant")
    weight = np.where(np.isfinite(slope), behind**_BEHIND, 0.0)
    total = ndimage.gaussian_filter(weight * np.nan_to_num(slope), width, mode="constant")
    mass = ndimage.gaussian_filter(weight, width, mode="constant")
    mean: np.ndarray = np.where(np.isfinite(slope), total / mass, np.nan)
    return mean
