"""Numbers in words for the page: value with as many digits as its uncertainty deserves."""

from __future__ import annotations

import math
from typing import Any

#: Smaller chances are printed as smaller than this.
SMALLEST_P = 0.001
_UNITS = {"um": "µm", "um2": "µm²", "um^2": "µm²", "cm-1": "cm⁻¹", "1": "", "": ""}


def decimals_for(std: float) -> int:
    """Decimal places that show two significant digits of an uncertainty."""
    if not math.isfinite(std) or std <= 0:
        return 3
    return max(0, min(8, 1 - math.floor(math.log10(std))))


def with_uncertainty(value: float, std: float = math.nan, unit: str = "1") -> str:
    """Text such as ``0.512 ± 0.013 µm``; ``not available`` where there is no value."""
    if not math.isfinite(value):
        return "not available"
    sign = _UNITS.get(unit, unit)
    tail = f" {sign}" if sign else ""
    if math.isfinite(std) and std > 0:
        places = decimals_for(std)
        return f"{value:.{places}f} ± {std:.{places}f}{tail}"
    if float(value).is_integer() and abs(value) >= 1:
        return f"{int(value):,}".replace(",", "\u202f") + tail
    return f"{value:.3g}{tail}"


def interval(low: float, high: float) -> str:
    """Text such as ``0.487 to 0.538``; empty where there is no interval."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    places = decimals_for((high - low) / 4)
    return f"{low:.{places}f} to {high:.{places}f}"


def chance(p: float) -> str:
    """Chance of an accident: ``p = 0.004``; below a thousandth only that."""
    return f"p {chance_value(p)}" if p < SMALLEST_P else f"p = {chance_value(p)}"


def chance_value(p: float) -> str:
    """The same for a cell of a table: ``0.004``, ``< 0.001``; ``not available`` without one."""
    if not math.isfinite(p):
        return "not available"
    return f"< {SMALLEST_P:g}" if p < SMALLEST_P else f"{p:.2g}"


def parameter_text(value: Any) -> str:
    """How a parameter is printed and written on a command line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (tuple, list)):
        return ",".join(f"{item:g}" if isinstance(item, float) else str(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
