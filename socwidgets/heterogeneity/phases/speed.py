"""Where a front arrived when, and how fast it ran there: maps and volumes (Fig. 4)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from scipy.spatial import cKDTree

from socwidgets.heterogeneity.phases.arrival import speed_of, straightened
from socwidgets.heterogeneity.phases.planes import local_planes
from socwidgets.heterogeneity.slopes import neighbor_slope
from socwidgets.model.errors import DataError
from socwidgets.model.names import PERIOD, X, Y

#: Relative error of the speed that the pixel grid leaves (discs and planes without noise).
_GRID = 0.005
#: Part of what curved fronts shorten the mean slope by that is left.
_BENT = 0.25
#: Surroundings so much wider show what their width does: it grows with the square of the width.
_WIDER = 2.0**0.5
#: An uncertainty is stated where at least this share of the draws has a value.
_MOST = 0.75
_WORDS: dict[str, dict[str, Any]] = {
    "arrival": {"long_name": "Arrival of the front"},
    "speed": {"long_name": "Speed of the front"},
    "direction": {"long_name": "Direction of the front", "units": "degree", PERIOD: 360.0},
    "arrival_std": {"long_name": "Standard uncertainty of the arrival"},
    "speed_std": {"long_name": "Standard uncertainty of the speed"},
    "speed_systematic": {"long_name": "Systematic uncertainty of the speed"},
}
#: A front point whose normal points further aside than this (a cosine) belongs to a corner.
_ASIDE = 0.5


def front_speed(
    states: Any,
    inside: Any,
    times: Any,
    pixel_um: tuple[float, ...],
    *,
    ends: tuple[float, float] = (0.0, 1.0),
    smooth_px: float = 1.0,
    speed_px: float = 1.5,
    noise: Any = None,
    repeats: int = 24,
    seed: int = 0,
) -> xr.Dataset:
    """Map the arrival time and the speed of a front that moves through particles.

    In each state the front is the surface on which the composition is halfway between its ends,
    found to a fraction of a pixel. A pixel that the front passed between two states was reached
    when the distances to the two fronts, taken with their signs, say: exact for a front that moves
    evenly between them. The speed is ``1/|grad T|`` of the arrival time T, corrected for what the
    smoothing does to a curved front.

    Parameters
    ----------
    states : array_like or xarray.DataArray
        ``(state, y, x)`` or ``(state, z, y, x)`` composition at successive times; NaN is no value.
    inside : array_like
        ``(y, x)`` or ``(z, y, x)`` bool, the particles.
    times : array_like or xarray.DataArray
        ``(state,)``, rising, any unit; ``attrs["units"]`` goes into those of the maps.
    pixel_um : tuple of float
        Pixel size along each spatial dim, um.
    ends : (float, float)
        Compositions of the end members.
    smooth_px : float
        Smoothing of the composition before the front is looked for.
    speed_px : float
        Width of the surroundings over which the slope of the arrival time is taken.
    noise : float or array_like, optional
        Standard uncertainty of the composition, one number or like `states`, independent from pixel
        to pixel. With it, both maps get a standard uncertainty.
    repeats : int
        Times that noise is drawn for that.
    seed : int
        Of the random generator.

    Returns
    -------
    xarray.Dataset
        ``arrival`` (unit of `times`), ``speed`` (um per unit of time), ``speed_systematic`` (what
        is not noise) and, in an image, ``direction`` (degree from the x axis towards larger y, the
        way the front ran). NaN outside, where the front came before the first or after the last
        state that shows one, and, for the speed, where fronts meet. With `noise`, ``arrival_std``
        and ``speed_std``, NaN where fewer than three quarters of the draws have a value.
        Attributes: ``median_speed``,
        ``returned`` (pixels whose reaction went back in a later state: the front is no front there,
        and they count from their first time on) and ``rising`` (1 where the composition rises
        behind the front, else 0).

    Raises
    ------
    DataError
        If shapes do not fit, times do not rise, or fewer than two states hold a front.

    Notes
    -----
    Smoothing of width s delays the arrival by ``s^2/2 laplace T``, and the mean of slopes that
    point apart is too small by ``s^2/2 |grad n|^2``, with the front's normal n. The first is taken
    out; against the second, slopes over half of the width are taken along the normal of each place
    before their mean is, and what is left is taken out. With the default widths the speed of discs
    is within 1 % down to a radius of 6 px, and 0.1 to 1.5 % too high at 4 to 6 px (1 to 8 % where
    the mean is that of the slopes); that of spheres is within 1.2 % down to 6 px, 1.6 to 2.7 % too
    high at 5 px and 2 to 6 % at 4 px.

    The uncertainty is that of the noise: the scatter of the maps when as much noise again is added
    to the states. The standard deviation of (map - map without noise)/std is 0.94 to 1.04 on
    planes, discs and spheres at noise of 0.02 to 0.15, for both maps. Beside it,
    ``speed_systematic`` holds 0.5 % for the pixel grid, a quarter of ``s^2/2 |grad n|^2``, and what
    the speed changes by when its surroundings are wider by the root of two. With `noise`, what the
    noise adds to that change is taken out; without, it stays in. It is large where the front is
    small, bends or meets another, and the mean of many pixels keeps it. The root mean square of
    (map - truth) over both uncertainties is 0.1 to 1.4 on discs, spheres down to 5 px (0.9 to 2.0
    at 4 px) and an ellipse of 40 by 24 px, and 0.7 to 1.8 on the ellipse of 40 by 12 px, a few px
    from the line on which its fronts meet. How unevenly the front moves between two states is in
    neither. In a projection through a particle the front is that of the mean along the beam.
    """
    stack, mask = np.asarray(states, dtype=np.float64), np.asarray(inside, bool)
    time, size = np.asarray(times, np.float64), np.asarray(pixel_um, np.float64)
    _check(stack, mask, time, size)
    widths = (smooth_px, speed_px)
    made = _maps(stack, mask, time, size, ends, widths)
    change = made.change**2
    values = {"arrival": made.arrival, "speed": made.speed}
    if mask.ndim == 2:
        angle = np.degrees(np.arctan2(made.slopes[0], made.slopes[1]))
        values["direction"] = np.where(np.isfinite(made.speed), angle, np.nan)
    if noise is not None:
        std = np.broadcast_to(np.asarray(noise, np.float64), stack.shape)
        rng = np.random.default_rng(seed)
        drawn = []
        for _ in range(repeats):
            shaken = stack + std * rng.standard_normal(stack.shape)
            drawn.append(_maps(shaken, mask, time, size, ends, widths))
        values["arrival_std"] = _scatter(np.stack([d.arrival for d in drawn]), made.arrival)
        values["speed_std"] = _scatter(np.stack([d.speed for d in drawn]), made.speed)
        by_noise = _scatter(np.stack([d.change for d in drawn]), made.speed)
        change = change - by_noise**2
        made.attrs["seed"] = seed
    # That of the pixels around, too: by itself it passes through zero between two signs.
    change = np.maximum(local_planes(change, speed_px)[0], 0.0)
    bent = (_BENT * made.shortened) ** 2
    values["speed_systematic"] = made.speed * np.sqrt(_GRID**2 + change + bent)
    return _dataset(states, values, made.attrs, str(getattr(times, "attrs", {}).get("units", "")))


class _Maps(NamedTuple):
    """Arrival, the fields of `Speed`, share that wider surroundings change, attributes."""

    arrival: np.ndarray
    speed: np.ndarray
    slopes: np.ndarray
    change: np.ndarray
    shortened: np.ndarray
    attrs: dict[str, Any]


def _maps(
    stack: np.ndarray, mask: np.ndarray, time: np.ndarray, size: np.ndarray,
    ends: tuple[float, float], widths: tuple[float, float],
) -> _Maps:  # fmt: skip
    """Follow the front through the states."""
    middle = 0.5 * (ends[0] + ends[1])
    inside = np.where(mask, stack - middle, np.nan)
    smooth = np.stack([local_planes(f, widths[0])[0] for f in inside]) if widths[0] else inside
    mean = [float(np.nanmean(state[mask])) for state in smooth]
    rising = mean[-1] >= mean[0]
    ahead = -smooth if rising else smooth
    reacted = ahead <= 0
    went_back = (reacted[:-1] & (ahead[1:] > 0)).any(axis=0)
    distance = [_signed_distance(field, mask, size) for field in ahead]
    if sum(d is not None for d in distance) < 2:
        raise DataError(
            "the front is not seen in two states",
            expected="two or more states with both phases, halfway between "
            f"{ends[0]:g} and {ends[1]:g}",
            found=f"{sum(d is not None for d in distance)} of {len(stack)}",
            fix="check ends=, or take states in between",
        )
    arrival = np.full(mask.shape, np.nan)
    for i, (before, after) in enumerate(pairwise(distance)):
        if before is None or after is None:
            continue
        passed = mask & np.isnan(arrival) & (before > 0) & (after <= 0)
        way = before[passed] - after[passed]
        arrival[passed] = time[i] + (time[i + 1] - time[i]) * before[passed] / way
    arrival = straightened(arrival, *widths)
    speed, slopes, shortened = speed_of(arrival, size, widths[1])
    change = speed_of(arrival, size, _WIDER * widths[1]).speed / speed - 1.0
    seen = speed[np.isfinite(speed)]
    attrs = {
        "median_speed": float(np.median(seen)) if seen.size else float("nan"),
        "returned": int((went_back & mask).sum()),
        "rising": int(rising),
    }
    return _Maps(arrival, speed, slopes, change, shortened, attrs)


def _scatter(drawn: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Standard deviation over the draws, where most of them and the map itself have a value."""
    known = np.isfinite(drawn)
    enough = (known.mean(axis=0) >= _MOST) & np.isfinite(shown)
    spread = np.full(shown.shape, np.nan)
    spread[enough] = np.nanstd(drawn[:, enough], axis=0, ddof=1)
    return spread


def _check(stack: np.ndarray, mask: np.ndarray, time: np.ndarray, size: np.ndarray) -> None:
    fits = mask.shape == stack.shape[1:] and time.size == len(stack) and size.size == mask.ndim
    if stack.ndim not in (3, 4) or not fits:
        raise DataError(
            "the states, the mask, the times and the pixel size do not fit",
            expected="(state, [z,] y, x), ([z,] y, x), (state,) and one size for each dim",
            found=f"{stack.shape}, {mask.shape}, {time.shape} and {size.shape}",
        )
    if not np.all(size > 0):
        raise DataError("a pixel size is not above zero", found=str(size.tolist()))
    if len(stack) < 2 or not np.all(np.diff(time) > 0):
        raise DataError(
            "a speed needs two states or more at rising times", found=str(time.tolist())
        )


def _signed_distance(field: np.ndarray, mask: np.ndarray, size: np.ndarray) -> np.ndarray | None:
    """Distance to the front, um, positive where `field` is (ahead); None without a front."""
    points = []
    index = np.moveaxis(np.indices(mask.shape), 0, -1).astype(float)
    for axis in range(mask.ndim):
        low = tuple(slice(None, -1) if a == axis else slice(None) for a in range(mask.ndim))
        high = tuple(slice(1, None) if a == axis else slice(None) for a in range(mask.ndim))
        one, other = field[low], field[high]
        with np.errstate(invalid="ignore"):
            crossed = (one > 0) != (other > 0)
        crossed &= np.isfinite(one) & np.isfinite(other)
        at = index[low][crossed]
        at[:, axis] += one[crossed] / (one[crossed] - other[crossed])
        points.append(at)
    found = np.concatenate(points) * size
    if not len(found):
        return None
    known = mask & np.isfinite(field)
    here = index[known] * size
    away, nearest = cKDTree(found).query(here)
    # The points are about a pixel apart, and the front may end at the border of a particle: the
    # distance is that along its normal at the nearest point, not that to the point.
    normal = np.stack([neighbor_slope(field, axis) / h for axis, h in enumerate(size)], axis=-1)
    at = tuple(np.rint(found / size).astype(int).T)
    normal = np.nan_to_num(normal[at]) / np.maximum(
        np.linalg.norm(np.nan_to_num(normal[at]), axis=1, keepdims=True), 1e-30
    )
    along = np.abs(np.sum((here - found[nearest]) * normal[nearest], axis=1))
    away = np.where((away < size.max()) | (along > _ASIDE * away), along, away)
    result: np.ndarray = np.full(mask.shape, np.nan)
    result[known] = np.where(field[known] > 0, away, -away)
    return result


def _dataset(
    states: Any, values: dict[str, np.ndarray], attrs: dict[str, Any], unit: str
) -> xr.Dataset:
    arrival = values["arrival"]
    dims: tuple[str, ...] = ("z", Y, X)[-arrival.ndim :]
    coords = {}
    if isinstance(states, xr.DataArray):
        dims = tuple(str(d) for d in states.dims[1:])
        coords = {d: states[d] for d in dims if d in states.coords}
    units = {"speed": f"um/{unit}" if unit else "um per unit of time", "arrival": unit}
    made = {}
    for name, image in values.items():
        stated = units.get(name.partition("_")[0])
        made[name] = (dims, image, _WORDS[name] | ({"units": stated} if stated else {}))
    return xr.Dataset(made, coords, attrs)
