"""Color tables for the browser: five maps that stay readable for color-blind people."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from socwidgets.model.parameters import unknown_name

#: The tables of `COLORMAPS` one after the other, 256 x 3 bytes each.
_TABLES = Path(__file__).parent / "static" / "colormaps.bin"

#: Matplotlib's own names, so that a report shows the map with the same colors.
COLORMAPS = ("viridis", "cividis", "magma", "gray", "RdBu_r")

#: Colors of the categories of a flag map by position; the first stands for "ok", grays for pixels
#: without a value, the Okabe-Ito colors for pixels to be careful with.
CATEGORY_COLORS = (
    "#2a788e", "#dfe2e6", "#b9bfc8", "#d55e00", "#e69f00", "#cc79a7", "#f0e442", "#56b4e9",
)  # fmt: skip


def require_colormap(name: str) -> str:
    """Return `name` if it is one of `COLORMAPS`.

    Raises
    ------
    ParameterError
        If it is unknown, naming the known ones.
    """
    if name in COLORMAPS:
        return name
    raise unknown_name("this color map is unknown", name, COLORMAPS)


@cache
def lut(name: str) -> np.ndarray:
    """Color table of one map.

    Parameters
    ----------
    name : str
        One of `COLORMAPS`.

    Returns
    -------
    ndarray
        ``(256, 3)``, uint8, red green blue from the low to the high end; read-only, shared.

    Raises
    ------
    ParameterError
        If the name is unknown.
    """
    at = COLORMAPS.index(require_colormap(name)) * 768
    # Kept as a file: importing matplotlib takes a third of a second, before the first map.
    return np.frombuffer(_TABLES.read_bytes()[at : at + 768], np.uint8).reshape(256, 3)
