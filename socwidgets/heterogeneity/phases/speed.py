"""Where a front arrived when, and how fast it ran there: maps and volumes (Fig. 4)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr
from scipy import ndimage
from scipy.spatial import cKDTree

from socwidgets.heterogeneity.phases.domains import smooth_inside
from socwidgets.heterogeneity.slopes import neighbor_slope
from socwidgets.model.errors import DataError
from socwidgets.model.names import X, Y

#: Steps of the arrival time below this share of the mean one are none: fronts meet there.
_STILL = 1e-3
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
) -> xr.Dataset:
    """Map the arrival time and the speed of a front that moves through particles.

    In each state the front is the surface on which the composition is halfway between its ends,
    found to a fraction of a pixel. A pixel that the front passed between two states was reached
    when the distances to the two fronts, taken with their signs, say: exact for a front that moves
    evenly between them. The speed is ``1/|grad T|`` of the arrival time T.

    Parameters
    ----------
    states : array_like or xarray.DataArray
        ``(state, y, x)`` or ``(state, z, y, x)`` composition at successive times; NaN is no value.
    inside : array_like
        ``(y, x)`` or ``(z, y, x)`` bool, the particles.
    times : array_like
        ``(state,)``, rising, any unit.
    pixel_um : tuple of float
        Pixel size along each spatial dim, um.
    ends : (float, float)
        Compositions of the end members.
    smooth_px : float
        Smoothing of the composition before the front is looked for.
    speed_px : float
        Width of the surroundings over which the slope of the arrival time is taken.

    Returns
    -------
    xarray.Dataset
        ``arrival`` (unit of `times`), ``speed`` (um per unit of time) and, in an image,
        ``direction`` (degree from the x axis towards larger y, the way the front ran). NaN outside,
        where the front came before the first or after the last state that shows one, and, for the
        speed, where fronts meet. Attributes: ``median_speed``, ``returned`` (pixels whose reaction
        went back in a later state: the front is no front there, and they count from their first
        time on) and ``rising`` (1 where the composition rises behind the front, else 0).

    Raises
    ------
    DataError
        If shapes do not fit, times do not rise, or fewer than two states hold a front.

    Notes
    -----
    No uncertainty is stated: it depends on how evenly the front moves between two states. Both
    smoothings bend what is curved: a sphere of ten pixels' radius seems five percent too fast. In a
    projection through a particle the front is that of the mean along the beam.
    """
    stack, mask = np.asarray(states, dtype=np.float64), np.asarray(inside, bool)
    time, size = np.asarray(times, np.float64), np.asarray(pixel_um, np.float64)
    _check(stack, mask, time, size)
    middle = 0.5 * (ends[0] + ends[1])
    smooth = np.stack([smooth_inside(state, mask, smooth_px) - middle for state in stack])
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
    return _dataset(states, arrival, size, speed_px, bool(rising), int((went_back & mask).sum()))


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
    states: Any, arrival: np.ndarray, size: np.ndarray, speed_px: float, rising: bool, returned: int
) -> xr.Dataset:
    slopes = _planes(arrival, speed_px) / size.reshape(-1, *(1,) * arrival.ndim)
    steepness = np.linalg.norm(slopes, axis=0)
    typical = float(np.nanmedian(steepness)) if np.isfinite(steepness).any() else np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        speed = np.where(steepness > _STILL * typical, 1.0 / steepness, np.nan)
    dims: tuple[str, ...] = ("z", Y, X)[-arrival.ndim :]
    coords = {}
    if isinstance(states, xr.DataArray):
        dims = tuple(str(d) for d in states.dims[1:])
        coords = {d: states[d] for d in dims if d in states.coords}
    variables = {
        "arrival": (dims, arrival, {"long_name": "Arrival of the front"}),
        "speed": (dims, speed, {"long_name": "Speed of the front", "units": "um per unit of time"}),
    }
    if arrival.ndim == 2:
        angle = np.where(np.isfinite(speed), np.degrees(np.arctan2(*slopes)), np.nan)
        words = {"long_name": "Direction of the front", "units": "degree"}
        variables["direction"] = (dims, angle, words)
    seen = speed[np.isfinite(speed)]
    attrs = {
        "median_speed": float(np.median(seen)) if seen.size else float("nan"),
        "returned": returned,
        "rising": int(rising),
    }
    return xr.Dataset(variables, coords, attrs)


def _planes(values: np.ndarray, width: float) -> np.ndarray:
    """Slopes per pixel ``(dim, ...)`` of planes fitted to the values around each pixel.

    With Gaussian weights of `width` px over the pixels that have a value. A smoothed image would
    lose slope near its border (by a third, a width away); a plane does not. NaN where the pixels
    around lie on a line.
    """
    known = np.isfinite(values)
    reach = max(2, int(np.ceil(3.0 * width)))
    u = np.arange(-reach, reach + 1.0)
    weight = np.exp(-0.5 * (u / max(width, 0.5)) ** 2)

    def moment(image: np.ndarray, powers: np.ndarray) -> np.ndarray:
        for axis, power in enumerate(powers):
            image = ndimage.correlate1d(image, weight * u**power, axis, mode="constant")
        return image

    unit = np.vstack([np.zeros((1, values.ndim), int), np.eye(values.ndim, dtype=int)])
    mask, filled = known.astype(float), np.where(known, values, 0.0)
    gram = np.array([[moment(mask, a + b)[known] for b in unit] for a in unit])
    right = np.array([moment(filled, a)[known] for a in unit])
    gram, right = np.moveaxis(gram, -1, 0), right.T
    # As a share of what a full neighborhood has: zero where there is no plane.
    fit = np.linalg.det(gram) > 1e-4 * np.prod(np.einsum("pii->pi", gram), axis=1)
    slopes = np.full((values.ndim, *values.shape), np.nan)
    found = np.full((len(right), values.ndim), np.nan)
    found[fit] = np.linalg.solve(gram[fit], right[fit][..., None])[:, 1:, 0]
    slopes[:, known] = found.T
    return slopes
