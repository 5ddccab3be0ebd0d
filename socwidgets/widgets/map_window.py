"""The visible part of a large map in full resolution, for a browser that has a binned overview."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.widgets.map_binning import mean, pick
from socwidgets.widgets.map_display import Display
from socwidgets.widgets.quantize import quantize

#: Pixels along one side of what is sent, at most: more than a screen has room for.
WINDOW_LIMIT = 1400


def window(
    values: xr.DataArray, shown: Display, extent: Sequence[float]
) -> tuple[dict[str, Any], bytes] | None:
    """Codes of the pixels within an extent.

    Parameters
    ----------
    values : xarray.DataArray
        ``(y, x)``, the whole map.
    shown : Display
        Its binned overview.
    extent : sequence of float
        ``x0, y0, x1, y1`` of two opposite corners, in the unit of the coordinates.

    Returns
    -------
    dict and bytes, or None
        ``row``, ``col`` of the first pixel, pixels per group (``step``), ``shape``, ``scale`` and
        ``offset`` of the codes; and the codes (uint16, little endian). None where the overview
        already is the whole map or the extent has no pixel.
    """
    if shown.factors == (1, 1):
        return None
    corners = [float(value) for value in extent]
    rows = _range(shown.meta["y"], shown.factors[0], values.sizes["y"], corners[1], corners[3])
    columns = _range(shown.meta["x"], shown.factors[1], values.sizes["x"], corners[0], corners[2])
    height, width = rows[1] - rows[0], columns[1] - columns[0]
    if height <= 0 or width <= 0:
        return None
    step = max(1, math.ceil(max(height, width) / WINDOW_LIMIT))
    if step >= min(shown.factors):
        return None
    part = np.asarray(values.values[rows[0] : rows[1], columns[0] : columns[1]])
    if step > 1:
        part = pick(part, (step, step)) if shown.meta["flags"] else mean(part, (step, step))
    found = quantize(part)
    place = {
        "row": rows[0], "col": columns[0], "step": step, "shape": list(found.codes.shape),
        "scale": found.scale, "offset": found.offset,
    }  # fmt: skip
    return place, found.codes.astype("<u2").tobytes()


def _range(
    axis: Sequence[float], factor: int, count: int, one: float, other: float
) -> tuple[int, int]:
    """First and last pixel (not included) between two places along an axis of groups."""
    start, step = axis[0], axis[1]
    fine = step / factor
    first = start - step / 2 + fine / 2  # center of the first single pixel
    low, high = sorted(((one - first) / fine, (other - first) / fine))
    return max(0, math.floor(low + 0.5)), min(count, math.ceil(high + 0.5))
