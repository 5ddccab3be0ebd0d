"""Shares of a few classes as a pie, for small pictures beside a map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from socwidgets.model.errors import ParameterError
from socwidgets.plotting.style import INK


def share_pie(
    axes: Axes, shares: Sequence[float], colors: Sequence[str], words: str = ""
) -> tuple[float, ...]:
    """Draw shares clockwise from the top, with words below.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Square.
    shares : sequence of float
        Of the classes, dimensionless; they are scaled to a sum of one. Noise can bring a share a
        little below zero: it counts as none.
    colors : sequence of str
        One for each class.
    words : str
        Below the pie; ``{share}`` stands for the first class in percent.

    Returns
    -------
    tuple of float
        The shares as drawn.

    Raises
    ------
    ParameterError
        If shares and colors do not pair up, one is not finite, or none is above zero.
    """
    parts = np.maximum(np.asarray(shares, float), 0.0)
    if len(colors) != parts.size:
        raise ParameterError(
            "the shares and their colors do not pair up",
            expected=f"{parts.size} colors", found=str(len(colors)),
        )  # fmt: skip
    if not np.isfinite(parts).all() or not parts.sum() > 0:
        raise ParameterError(
            "there is nothing to share out",
            expected="finite shares, at least one above zero", found=str(list(shares)),
        )  # fmt: skip
    parts = parts / parts.sum()
    axes.pie(
        parts, colors=list(colors), startangle=90, counterclock=False,
        wedgeprops={"edgecolor": "white", "linewidth": 0.8},
    )  # fmt: skip
    if words:
        axes.annotate(
            words.replace("{share}", f"{parts[0]:.0%}"), (0.5, -0.06), xycoords="axes fraction",
            ha="center", va="top", fontsize=8, color=INK,
        )  # fmt: skip
    return tuple(float(part) for part in parts)
