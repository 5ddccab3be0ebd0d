"""What the browser needs to know of a map: geometry, labels, categories, and binning if large."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.model.errors import DataError, UnitError
from socwidgets.model.kinds import end_words
from socwidgets.model.names import LENGTH_UNITS, X, Y
from socwidgets.model.status import STATUS_WORDS
from socwidgets.widgets.colormaps import CATEGORY_COLORS
from socwidgets.widgets.map_binning import any_set, mean, pick
from socwidgets.widgets.quantize import NAN_CODE, Quantized, quantize

#: Maps larger than this in a dimension are binned for display.
DISPLAY_LIMIT = 2048
PIXEL_UNITS = "pixel"

_UNIT_SYMBOLS = {
    "1": "", "": "", "um": "µm", "angstrom": "Å", "cm-1": "cm⁻¹", "degree": "°",
    "angstrom-1": "Å⁻¹",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Axis:
    """Centers of evenly spaced pixels along one dimension, in `units`."""

    start: float
    step: float
    count: int
    units: str
    uneven: bool = False

    def binned(self, factor: int) -> Axis:
        """The axis of groups of `factor` pixels."""
        start = self.start + self.step * (factor - 1) / 2
        count = math.ceil(self.count / factor)
        return Axis(start, self.step * factor, count, self.units, self.uneven)


@dataclass(frozen=True, slots=True)
class Display:
    """A map as it travels: codes, a JSON description, limits for the colors, binning."""

    quantized: Quantized
    meta: dict[str, Any]
    clim: tuple[float, float]
    factors: tuple[int, int]


def require_map(values: xr.DataArray) -> xr.DataArray:
    """Check that `values` is one map and order its dims ``(y, x)``.

    Raises
    ------
    DataError
        If the dims are not y and x, if there is no pixel, or if values are not real numbers.
    """
    if not isinstance(values, xr.DataArray) or set(values.dims) != {Y, X}:
        found = getattr(values, "dims", type(values).__name__)
        raise DataError(
            "this is not one map",
            expected="an xarray.DataArray with the dims y and x",
            found=str(found),
            fix="select one frame or one state first, for instance values.sel(energy=707.8)"
            if isinstance(values, xr.DataArray)
            else "name its dims: xr.DataArray(values, dims=('y', 'x'), name='soc')",
        )
    if values.size == 0 or values.dtype.kind not in "buif":
        raise DataError(
            f"map {values.name!r} cannot be drawn",
            expected="at least one pixel, real numbers",
            found=f"shape {values.shape}, dtype {values.dtype}",
        )
    return values.transpose(Y, X)


def axis_of(values: xr.DataArray, dim: str) -> Axis:
    """Pixel centers along `dim`; indices in `PIXEL_UNITS` where there is no coordinate."""
    count = values.sizes[dim]
    if dim not in values.coords:
        return Axis(0.0, 1.0, count, PIXEL_UNITS)
    coord = values.coords[dim]
    centers = np.asarray(coord.values, dtype=np.float64)
    units = str(coord.attrs.get("units", PIXEL_UNITS))
    if count == 1:
        return Axis(float(centers[0]), math.nan, 1, units)
    steps = np.diff(centers)
    step = float(centers[-1] - centers[0]) / (count - 1)
    if not np.isfinite(centers).all() or not ((steps > 0).all() or (steps < 0).all()):
        raise DataError(
            f"coordinate {dim} of map {values.name!r} is not strictly monotonic",
            expected="pixel centers that only rise or only fall",
            fix="sort the map along it, for instance values.sortby('x')",
        )
    uneven = bool(np.ptp(steps) > 0.02 * abs(step))
    return Axis(float(centers[0]), step, count, units, uneven)


def display(values: xr.DataArray) -> Display:
    """Prepare one map for the browser.

    Parameters
    ----------
    values : xarray.DataArray
        ``(y, x)``, coordinates in um (or in pixels); see `MapView.set_map`. NaN has no value.

    Returns
    -------
    Display
        Maps beyond `DISPLAY_LIMIT` pixels in a dimension are binned (mean of the known values;
        categories take the center of each group).

    Raises
    ------
    DataError, UnitError
        If it is no map, or y and x differ in their units.
    """
    values = require_map(values)
    ys, xs = _axes(values)
    flags = _flags(values)
    factors = math.ceil(ys.count / DISPLAY_LIMIT), math.ceil(xs.count / DISPLAY_LIMIT)
    pixels = np.asarray(values.values)
    if factors != (1, 1):
        pixels = pick(pixels, factors) if flags else mean(pixels, factors)
    quantized = quantize(pixels)
    codes = quantized.codes
    present = set(np.unique(codes).tolist()) if flags else set()
    meta = {
        **_geometry(ys.binned(factors[0]), xs.binned(factors[1])),
        "shape": list(codes.shape),
        "full_shape": [ys.count, xs.count],
        "factors": list(factors),
        "scale": quantized.scale,
        "offset": quantized.offset,
        "beyond": [quantized.beyond_low, quantized.beyond_high],
        "range": _known_range(quantized),
        **_words(values),
        "flags": [flag for flag in flags if flag["value"] - quantized.offset in present],
    }
    return Display(quantized, meta, _auto_limits(quantized), factors)


def display_mask(
    mask: xr.DataArray | np.ndarray, shape: tuple[int, int], factors: tuple[int, int]
) -> np.ndarray:
    """Mask of the displayed pixels: a group is set if any of its pixels is.

    Parameters
    ----------
    mask : xarray.DataArray or ndarray
        ``(y, x)``, bool (0 and 1 are fine; NaN counts as not set).
    shape : tuple of int
        Shape of the full map.
    factors : tuple of int
        Binning along y and x.

    Raises
    ------
    DataError
        If the shapes differ.
    """
    bits = np.asarray(require_map(mask).values if isinstance(mask, xr.DataArray) else mask)
    if bits.shape != shape:
        raise DataError(
            "the mask does not belong to this map",
            expected=f"shape {shape} (y, x)",
            found=f"shape {bits.shape}",
        )
    bits = np.nan_to_num(bits).astype(bool) if bits.dtype.kind == "f" else bits.astype(bool)
    return bits if factors == (1, 1) else any_set(bits, factors)


def _axes(values: xr.DataArray) -> tuple[Axis, Axis]:
    ys, xs = axis_of(values, Y), axis_of(values, X)
    if ys.units != xs.units:
        raise UnitError(
            f"y and x of map {values.name!r} have different units",
            expected=f"{LENGTH_UNITS} for both, or {PIXEL_UNITS} for both",
            found=f"{ys.units} and {xs.units}",
        )
    step = next((abs(a.step) for a in (ys, xs) if math.isfinite(a.step)), 1.0)
    ys, xs = (
        a if math.isfinite(a.step) else Axis(a.start, step, a.count, a.units) for a in (ys, xs)
    )
    return ys, xs


def _geometry(ys: Axis, xs: Axis) -> dict[str, Any]:
    return {
        "x": [xs.start, xs.step],
        "y": [ys.start, ys.step],
        "length_units": _UNIT_SYMBOLS.get(xs.units, xs.units),
        "uneven": ys.uneven or xs.uneven,
    }


def _words(values: xr.DataArray) -> dict[str, str]:
    name = str(values.name or "value").replace("_", " ")
    units = str(values.attrs.get("units", ""))
    low, high = end_words(values)
    return {
        "label": str(values.attrs.get("long_name", name)),
        "units": _UNIT_SYMBOLS.get(units, units),
        "low_words": low,
        "high_words": high,
    }


def _flags(values: xr.DataArray) -> list[dict[str, Any]]:
    """Categories of a CF flag variable, or nothing for an ordinary map."""
    codes, meanings = values.attrs.get("flag_values"), values.attrs.get("flag_meanings")
    if codes is None or meanings is None or values.dtype.kind not in "bui":
        return []
    known = {code.name.lower(): words for code, words in STATUS_WORDS.items()}
    numbers = [int(code) for code in np.atleast_1d(np.asarray(codes))]
    return [
        {
            "value": number,
            "label": known.get(word, word.replace("_", " ")),
            "color": CATEGORY_COLORS[position % len(CATEGORY_COLORS)],
        }
        for position, (number, word) in enumerate(zip(numbers, str(meanings).split(), strict=False))
    ]


def _known_codes(quantized: Quantized) -> np.ndarray:
    return quantized.codes[quantized.codes != NAN_CODE]


def _known_range(quantized: Quantized) -> list[float]:
    codes = _known_codes(quantized)
    if not codes.size:
        return []
    return [quantized.offset + quantized.scale * int(c) for c in (codes.min(), codes.max())]


def _auto_limits(quantized: Quantized) -> tuple[float, float]:
    """Limits for the colors from the central 98 % of the known values."""
    codes = _known_codes(quantized)
    if not codes.size:
        return 0.0, 1.0
    low, high = np.percentile(codes, (1, 99))
    if low == high:
        low, high = float(codes.min()), float(codes.max())
    low, high = (quantized.offset + quantized.scale * float(code) for code in (low, high))
    return (low, high) if high > low else (low - 0.5, low + 0.5)
