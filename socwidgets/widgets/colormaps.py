"""Colour tables for the browser: five maps that stay readable for colour-blind people."""

from __future__ import annotations

import difflib
from functools import cache
from pathlib import Path

import numpy as np

from socwidgets.model.errors import ParameterError

#: The tables of `COLORMAPS` one after the other, 256 x 3 bytes each.
_TABLES = Path(__file__).parent / "static" / "colormaps.bin"

#: Matplotlib's own names, so that a report shows the map with the same colours.
COLORMAPS = ("viridis", "cividis", "magma", "gray", "RdBu_r")

#: Colours of the categories of a flag map by position; the first stands for "ok", greys for pixels
#: without a value, the Okabe-Ito colours for pixels to be careful with.
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
    near = difflib.get_close_matches(str(name), COLORMAPS, 1)
    raise ParameterError(
        "this colour map is unknown",
        expected=f"one of {', '.join(COLORMAPS)}",
        found=repr(name),
        fix=f"did you mean {near[0]!r}?" if near else None,
    )


@cache
def lut(name: str) -> np.ndarray:
    """Colour table of one map.

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
