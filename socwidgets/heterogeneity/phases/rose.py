"""How fast a front moves in each direction, over a series of states (Fig. 4)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.heterogeneity.phases.domains import smooth_inside
from socwidgets.model.errors import DataError, ParameterError

#: Parts of a pixel's edge when it is shared out to sectors.
SPLIT = 3


@dataclass(frozen=True, slots=True)
class FrontRose:
    """Front radius and speed by direction and state.

    Attributes
    ----------
    data : xarray.Dataset
        ``radius`` ``(state, angle)`` in um, that of the circle sector with the area that the core
        phase has in it; ``speed`` ``(step, angle)`` in um per unit of time, positive where the core
        shrinks; ``anisotropy`` ``(step,)``, the second harmonic of the speed over its mean, what
        the width of the sectors takes from it given back: ``v0 (1 + e cos 2(phi - phi0))`` gives
        e; ``anisotropy_std``, its uncertainty from the noise, where that was given; ``soc``
        ``(step,)``, mean composition of the two states; coordinates ``angle`` (degree from the x
        axis towards larger y), ``state`` and ``step`` (time).
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
    noise_std: Any = None,
    draws: int = 60,
    seed: int = 0,
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
    noise_std : array_like, optional
        ``(state, y, x)`` standard uncertainty of each pixel, independent of its neighbors'.
    draws, seed : int
        Noise that is added to find `anisotropy_std`, and its seed.

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

    def rose(states: np.ndarray) -> FrontRose:
        share = np.stack([_core_share(state, mask, middle, core, smooth_px) for state in states])
        if not share.any():
            raise DataError("no state has a core", fix="check core= and the end compositions")
        radius, center = _radii(share, mask, size, sectors)
        mean = np.array([np.nanmean(np.where(mask, state, np.nan)) for state in states])
        return FrontRose(_dataset(radius, time, mean, sectors), center)

    found = rose(stack)
    if noise_std is None:
        return found
    noise = np.nan_to_num(np.broadcast_to(np.asarray(noise_std, float), stack.shape))
    rng = np.random.default_rng(seed)
    drawn = [
        rose(stack + noise * rng.standard_normal(stack.shape)).data["anisotropy"].values
        for _ in range(draws)
    ]
    words = {"units": "1", "long_name": "Standard uncertainty: Front anisotropy"}
    std = ("step", np.std(drawn, axis=0), words)
    return FrontRose(found.data.assign(anisotropy_std=std), found.center_um)


def _radii(
    share: np.ndarray, mask: np.ndarray, size: np.ndarray, sectors: int
) -> tuple[np.ndarray, tuple[float, float]]:
    """Radius ``(state, sector)`` of the core, um, and the point that the sectors meet in."""
    y, x = (np.indices(mask.shape) * size[:, None, None])[:, mask]
    # Weighted by how often a pixel was core: the point that the front closes in on.
    often = share[:, mask].sum(axis=0)
    center = (float(np.average(y, weights=often)), float(np.average(x, weights=often)))
    # A pixel that a border between sectors cuts counts for both, by the parts of its area.
    area = np.zeros((len(share), sectors))
    for dy, dx in itertools.product((np.arange(SPLIT) + 0.5) / SPLIT - 0.5, repeat=2):
        angle = np.arctan2(y + dy * size[0] - center[0], x + dx * size[1] - center[1])
        index = np.floor(angle % (2 * np.pi) / (2 * np.pi) * sectors).astype(int) % sectors
        area += [np.bincount(index, s[mask], minlength=sectors) for s in share]
    area *= size.prod() / SPLIT**2
    return np.sqrt(2.0 * area / (2.0 * np.pi / sectors)), center


def _core_share(
    state: np.ndarray, mask: np.ndarray, middle: float, core: str, smooth_px: float
) -> np.ndarray:
    """Part of each pixel that is core: 1, 0, or between where the front runs through it."""
    smooth = smooth_inside(state, mask, smooth_px)
    seen = mask & np.isfinite(smooth)
    filled = np.where(seen, smooth, middle)
    rise = sum(np.abs(np.gradient(filled, axis=axis)) for axis in (0, 1))
    rich = np.clip(0.5 + (filled - middle) / np.maximum(rise, 1e-12), 0.0, 1.0)
    return np.where(seen, rich if core == "rich" else 1.0 - rich, 0.0)


def _dataset(radius: np.ndarray, time: np.ndarray, mean: np.ndarray, sectors: int) -> xr.Dataset:
    speed = -np.diff(radius, axis=0) / np.diff(time)[:, None]
    phi = (np.arange(sectors) + 0.5) * 2.0 * np.pi / sectors
    second = np.abs((speed * np.exp(2j * phi)).sum(axis=1))
    total = speed.sum(axis=1)
    anisotropy = np.full(total.size, np.nan)
    moving = np.abs(total) > 1e-12
    # The mean over a sector holds less of a harmonic than its middle does.
    kept = np.sinc(2.0 / sectors)
    anisotropy[moving] = 2.0 * second[moving] / np.abs(total[moving]) / kept
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
