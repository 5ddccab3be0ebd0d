"""Regions of any outline: from a mask to rings and back, growth by value, strokes of a brush."""

from __future__ import annotations

import numpy as np
import xarray as xr

from socwidgets.analysis.roi import roi_mask
from socwidgets.model.errors import DataError, ParameterError
from socwidgets.model.names import X, Y
from socwidgets.model.roi import Area, Shape

#: An outline with more corners than this is noise, and too much for a browser.
MOST_CORNERS = 20_000

#: Ways in which two regions make one.
OPERATIONS = ("add", "subtract", "intersect")


def area_of(mask: xr.DataArray) -> Area:
    """Outline of a mask along the edges of its pixels; `roi_mask` gives back the same mask.

    Parameters
    ----------
    mask : xarray.DataArray
        ``(y, x)`` bool with coordinates in um, rising or falling.

    Returns
    -------
    Area
        Rings with the even-odd rule: holes are rings inside others.

    Raises
    ------
    DataError
        If no pixel is set, or the outline is too ragged (`MOST_CORNERS`).
    """
    bits = np.asarray(mask.transpose(Y, X).values, dtype=bool)
    if not bits.any():
        raise DataError("no pixel is left in the region", fix="take a larger one")
    rows, columns = (_edges(mask[d].values) for d in (Y, X))
    rings = _rings(bits)
    corners = sum(len(ring) for ring in rings)
    if corners > MOST_CORNERS:
        raise DataError(
            "the outline of the region is too ragged",
            expected=f"at most {MOST_CORNERS:,} corners",
            found=f"{corners:,}",
            fix="allow a larger tolerance, or take a threshold",
        )
    return Area(tuple(tuple((columns[c], rows[r]) for r, c in ring) for ring in rings))


def combine(
    first: Shape, second: Shape, operation: str, like: xr.Dataset | xr.DataArray,
    maps: xr.Dataset | None = None,
) -> Area:  # fmt: skip
    """One region from two.

    Parameters
    ----------
    first, second : shape
        Geometry in um.
    operation : {"add", "subtract", "intersect"}
        What the second does to the first.
    like, maps
        As for `roi_mask`.

    Returns
    -------
    Area
        Polygons in um.

    Raises
    ------
    ParameterError, DataError
        If the operation is unknown, or nothing is left.
    """
    if operation not in OPERATIONS:
        raise ParameterError(
            "regions cannot be combined like this",
            expected=f"one of {', '.join(OPERATIONS)}",
            found=repr(operation),
        )
    a, b = roi_mask(first, like, maps), roi_mask(second, like, maps)
    found = {"add": a | b, "subtract": a & ~b, "intersect": a & b}[operation]
    return area_of(found)


def grow(values: xr.DataArray, at: tuple[int, int], tolerance: float) -> xr.DataArray:
    """Connected pixels around one whose values differ from its own by at most a tolerance.

    Parameters
    ----------
    values : xarray.DataArray
        ``(y, x)``, any unit. NaN never belongs.
    at : (int, int)
        Row and column of the pixel to start from.
    tolerance : float
        In the unit of the values, not negative.

    Returns
    -------
    xarray.DataArray
        ``(y, x)`` bool; pixels are connected by their edges.

    Raises
    ------
    ParameterError, DataError
        If the tolerance is negative, or the pixel has no value.
    """
    from scipy import ndimage

    if not (np.isfinite(tolerance) and tolerance >= 0):
        raise ParameterError("a tolerance is a number not below zero", found=f"{tolerance:g}")
    numbers = values.transpose(Y, X).values.astype(np.float64)
    seed = numbers[at]
    if not np.isfinite(seed):
        raise DataError(
            "the region cannot grow from a pixel without a value",
            found=f"row {at[0]}, column {at[1]}",
            fix="click a colored pixel",
        )
    near = np.abs(numbers - seed) <= tolerance * (1 + 1e-9)
    found, _ = ndimage.label(near)
    return values.transpose(Y, X).copy(data=found == found[at])


def stroke_mask(
    points: np.ndarray, radius_um: float, like: xr.Dataset | xr.DataArray
) -> xr.DataArray:
    """Pixels whose center lies within a radius of a line of points.

    Parameters
    ----------
    points : array_like
        ``(n, 2)``, x and y in um; one point is a dot.
    radius_um : float
        Above zero.
    like : xarray.Dataset or DataArray
        Anything with the coordinates ``y`` and ``x``.

    Returns
    -------
    xarray.DataArray
        ``(y, x)`` bool.

    Raises
    ------
    ParameterError
        If a point is no pair of numbers, or the radius is not above zero.
    """
    path = np.asarray(points, np.float64)
    if path.ndim != 2 or path.shape[1:] != (2,) or not path.size or not np.isfinite(path).all():
        raise ParameterError("a stroke is a line of points", expected="(x, y) in um each")
    if not (np.isfinite(radius_um) and radius_um > 0):
        raise ParameterError("a brush has a radius above zero", found=f"{radius_um:g} um")
    y, x = like[Y].values, like[X].values
    inside = np.zeros((y.size, x.size), dtype=bool)
    ends = path[1:] if len(path) > 1 else path
    for start, end in zip(path[: len(ends)], ends, strict=True):
        _add_capsule(inside, y, x, start, end, radius_um)
    return xr.DataArray(inside, {Y: like[Y], X: like[X]}, (Y, X), name="roi")


def _add_capsule(
    inside: np.ndarray, y: np.ndarray, x: np.ndarray, start: np.ndarray, end: np.ndarray, r: float
) -> None:
    rows = np.flatnonzero((y >= min(start[1], end[1]) - r) & (y <= max(start[1], end[1]) + r))
    columns = np.flatnonzero((x >= min(start[0], end[0]) - r) & (x <= max(start[0], end[0]) + r))
    if not rows.size or not columns.size:
        return
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    dx, dy = x[None, columns] - start[0], y[rows, None] - start[1]
    ux, uy = end - start
    length = ux * ux + uy * uy
    along = np.clip((dx * ux + dy * uy) / length, 0, 1) if length else 0.0
    inside[box] |= (dx - along * ux) ** 2 + (dy - along * uy) ** 2 <= r * r


def _edges(centers: np.ndarray) -> np.ndarray:
    """Edges of pixels ``(n + 1,)`` from their centers."""
    if centers.size == 1:
        return np.array([centers[0] - 0.5, centers[0] + 0.5])
    middles = (centers[1:] + centers[:-1]) / 2
    return np.concatenate(
        [[centers[0] - (middles[0] - centers[0])], middles, [2 * centers[-1] - middles[-1]]]
    )


def _rings(bits: np.ndarray) -> list[list[tuple[int, int]]]:
    """Closed walks along pixel edges, as corners ``(row, column)``; only where they turn."""
    following: dict[int, list[int]] = {}
    width = bits.shape[1] + 1
    starts, ends = _directed_edges(bits)
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        following.setdefault(start, []).append(end)
    rings = []
    # Where two pixels touch at a corner two walks cross; the even-odd rule takes either way.
    for first in list(following):
        while following.get(first):
            walk, at = [], first
            while following.get(at):
                walk.append(at)
                at = following[at].pop()
            rings.append([divmod(corner, width) for corner in _turns(walk)])
    return rings


def _directed_edges(bits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Start and end of every edge between inside and outside, inside on the right hand."""
    padded = np.pad(bits, 1)
    inside = padded[1:-1, 1:-1]
    width = bits.shape[1] + 1
    starts, ends = [], []
    for other, (r0, c0), (r1, c1) in (
        (padded[:-2, 1:-1], (0, 0), (0, 1)),
        (padded[1:-1, 2:], (0, 1), (1, 1)),
        (padded[2:, 1:-1], (1, 1), (1, 0)),
        (padded[1:-1, :-2], (1, 0), (0, 0)),
    ):
        rows, columns = np.nonzero(inside & ~other)
        starts.append((rows + r0) * width + columns + c0)
        ends.append((rows + r1) * width + columns + c1)
    return np.concatenate(starts), np.concatenate(ends)


def _turns(walk: list[int]) -> list[int]:
    steps = np.diff([walk[-1], *walk, walk[0]])
    return [corner for corner, a, b in zip(walk, steps[:-1], steps[1:], strict=True) if a != b]
