"""How fast a front moves in each direction, over a series of states (Fig. 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.heterogeneity.phases.domains import smooth_inside
from socwidgets.model.errors import DataError, ParameterError


@dataclass(frozen=True, slots=True)
class FrontRose:
    """Front radius and speed by direction and state.

    Attributes
    ----------
    data : xarray.Dataset
        ``radius`` ``(state, angle)`` in um, that of the circle sector with the area that the core
        phase has in it; ``speed`` ``(step, angle)`` in um per unit of time, positive where the core
        shrinks; ``anisotropy`` ``(step,)``, the second harmonic of the speed over its mean:
        ``v0 (1 + e cos 2(phi - phi0))`` gives e; ``soc`` ``(step,)``, mean composition of the two
        states; coordinates ``angle`` (degree from the x axis towards larger y), ``state`` and
        ``step`` (time).
    center_um : (float, float)
        y and x of the point that the sectors meet in.
    """

    data: xr.Dataset
    center_um: tuple[float, float]


def front_rose(
    states: Any,
    inside: Any,
    times: Any,
    pixel_um: tuple[float, float],
    *,
    ends: tuple[float, float] = (0.0, 1.0),
    core: str = "poor",
    sectors: int = 12,
    smooth_px: float = 1.0,
) -> FrontRose:
    """Follow the front of one particle in sectors about the centroid of its core.

    Parameters
    ----------
    states : array_like
        ``(state, y, x)`` composition of one particle at successive times.
    inside : array_like
        ``(y, x)`` bool, the particle.
    times : array_like
        ``(state,)``, rising, any unit.
    pixel_um : (float, float)
        Pixel size along y and x.
    ends : (float, float)
        Compositions of the end members.
    core : {"poor", "rich"}
        The phase inside the front.
    sectors : int
        Number of directions, at least 4.
    smooth_px : float
        Smoothing before the threshold.

    Returns
    -------
    FrontRose
        ``anisotropy`` is NaN for a step in which the front does not move.

    Raises
    ------
    DataError
        If shapes do not fit, times do not rise, or no state has a core.
    """
    stack, mask = np.asarray(states, dtype=np.float64), np.asarray(inside, bool)
    time, size = np.asarray(times, dtype=np.float64), np.asarray(pixel_um, dtype=np.float64)
    if stack.ndim != 3 or mask.shape != stack.shape[1:] or time.size != len(stack):
        raise DataError(
            "the states, the mask and the times do not fit",
            expected="(state, y, x), (y, x) and (state,)",
            found=f"{stack.shape}, {mask.shape} and {time.shape}",
        )
    if size.size != 2 or not np.all(size > 0):
        raise DataError("two pixel sizes above zero are needed", found=str(size.tolist()))
    if len(stack) < 2 or not np.all(np.diff(time) > 0):
        raise DataError("a rose needs two states or more at rising times", found=str(time.tolist()))
    if sectors < 4 or core not in ("poor", "rich"):
        raise ParameterError(
            "a rose needs four sectors or more about a core that is poor or rich",
            found=f"{sectors} sectors, core={core!r}",
        )
    middle = 0.5 * (ends[0] + ends[1])
    share = np.stack([_core_share(state, mask, middle, core, smooth_px) for state in stack])
    if not share.any():
        raise DataError("no state has a core", fix="check core= and the end compositions")
    y, x = (np.indices(mask.shape) * size[:, None, None])[:, mask]
    # Weighted by how often a pixel was core: the point that the front closes in on.
    often = share[:, mask].sum(axis=0)
    center = (float(np.average(y, weights=often)), float(np.average(x, weights=often)))
    angle = np.arctan2(y - center[0], x - center[1]) % (2 * np.pi)
    index = np.floor(angle / (2 * np.pi) * sectors).astype(int) % sectors
    area = np.stack([np.bincount(index, s[mask], minlength=sectors) for s in share]) * size.prod()
    radius = np.sqrt(2.0 * area / (2.0 * np.pi / sectors))
    mean = np.array([np.nanmean(np.where(mask, state, np.nan)) for state in stack])
    return FrontRose(_dataset(radius, time, mean, sectors), center)


def _core_share(
    state: np.ndarray, mask: np.ndarray, middle: float, core: str, smooth_px: float
) -> np.ndarray:
    """1 where the core is, 0 elsewhere."""
    smooth = smooth_inside(state, mask, smooth_px)
    with np.errstate(invalid="ignore"):
        rich = smooth >= middle
    return np.where(mask & np.isfinite(smooth), rich if core == "rich" else ~rich, 0).astype(float)


def _dataset(radius: np.ndarray, time: np.ndarray, mean: np.ndarray, sectors: int) -> xr.Dataset:
    speed = -np.diff(radius, axis=0) / np.diff(time)[:, None]
    phi = (np.arange(sectors) + 0.5) * 2.0 * np.pi / sectors
    second = np.abs((speed * np.exp(2j * phi)).sum(axis=1))
    total = speed.sum(axis=1)
    anisotropy = np.full(total.size, np.nan)
    moving = np.abs(total) > 1e-12
    anisotropy[moving] = 2.0 * second[moving] / np.abs(total[moving])
    return xr.Dataset(
        {
            "radius": (("state", "angle"), radius, {"units": "um", "long_name": "Front radius"}),
            "speed": (("step", "angle"), speed, {"units": "um", "long_name": "Front speed"}),
            "anisotropy": ("step", anisotropy, {"units": "1", "long_name": "Front anisotropy"}),
            "soc": ("step", 0.5 * (mean[1:] + mean[:-1]), {"units": "1"}),
        },
        {
            "angle": ("angle", np.degrees(phi), {"units": "degree"}),
            "state": ("state", time),
            "step": ("step", 0.5 * (time[1:] + time[:-1])),
        },
    )
