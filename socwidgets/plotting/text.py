"""Words and numbers on figures: quantity with units, values with few digits."""

from __future__ import annotations

import numpy as np
import xarray as xr

_UNIT_SIGNS = {"um": "µm", "cm-1": "cm⁻¹", "angstrom": "Å", "angstrom-1": "Å⁻¹", "degree": "°"}


def unit_sign(units: str) -> str:
    """How a unit is printed; empty for dimensionless quantities."""
    if units in ("", "1"):
        return ""
    if units.startswith(("um/", "um per ")):
        return f"µm{units[2:]}"
    return _UNIT_SIGNS.get(units, units)


def quantity_label(values: xr.DataArray) -> str:
    """Long name of a map with its units, such as ``"Peak energy (eV)"``."""
    name = str(values.attrs.get("long_name") or values.name or "value")
    sign = unit_sign(str(values.attrs.get("units", "")))
    return f"{name} ({sign})" if sign else name


def number(value: float, digits: int = 3) -> str:
    """Value with a few significant digits; an en dash where there is none."""
    return f"{value:.{digits}g}" if np.isfinite(value) else "–"


def grouped(count: int) -> str:
    """Whole number with thin spaces between thousands."""
    return f"{count:,}".replace(",", "\u2009")


def length_words(microns: float, units: str = "um") -> str:
    """Length with a readable unit: nm below one micron, mm from a thousand."""
    if units == "pixel":
        return f"{microns:g} px"
    if microns < 1:
        return f"{microns * 1e3:g} nm"
    return f"{microns / 1e3:g} mm" if microns >= 1000 else f"{microns:g} µm"


def map_words(values: xr.DataArray) -> str:
    """Sentence that says what a map shows, for its text alternative."""
    data = np.asarray(values.values, dtype=float)
    finite = data[np.isfinite(data)]
    rows, columns = data.shape
    head = f"Map of {quantity_label(values)}, {rows} by {columns} pixels"
    if not finite.size:
        return f"{head}; no pixel has a value."
    low, middle, high = np.percentile(finite, [5, 50, 95])
    spread = f"median {number(middle)}, 5 to 95 percent of pixels {number(low)} to {number(high)}"
    return f"{head}; {spread}; {data.size - finite.size} pixels without a value."
