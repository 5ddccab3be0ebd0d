"""Ridge of histograms: one row per state, with the noise of each row drawn in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes

from socwidgets.plotting.style import CONTRAST, INK, MUTED


def draw_ridge(
    axes: Axes,
    rows: Mapping[str, np.ndarray],
    *,
    noise: Sequence[float] | None = None,
    limits: tuple[float, float] | None = None,
    bins: int = 90,
    cmap: str = "YlGnBu",
) -> None:
    """Draw the distributions of several states above each other, first at the bottom.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where.
    rows : mapping of str to ndarray
        Name of each state -> its values.
    noise : sequence of float, optional
        Standard deviation of the noise of each state: drawn as a bar under the row, plus and minus
        one, about its median.
    limits : (float, float), optional
        Range of the values; 0.3 to 99.7 % of all of them if left out.
    bins : int
        Number of bins.
    cmap : str
        Color map along the states.
    """
    everything = np.concatenate(list(rows.values()))
    low, high = limits or tuple(np.percentile(everything, [0.3, 99.7]))
    margin = 0.04 * (high - low)
    edges = np.linspace(low - margin, high + margin, bins + 1)
    middle = 0.5 * (edges[1:] + edges[:-1])
    shares = [np.histogram(values, edges)[0] / values.size for values in rows.values()]
    tallest = max(float(share.max()) for share in shares)
    colors = mpl.colormaps[cmap](np.linspace(0.3, 0.9, len(rows)))
    for i, (values, share, color) in reversed(
        list(enumerate(zip(rows.values(), shares, colors, strict=True)))
    ):
        height = i + 1.5 * share / tallest
        axes.fill_between(middle, i, height, color=color, linewidth=0, alpha=0.92, step="mid")
        axes.step(middle, height, where="mid", color=INK, linewidth=0.7)
        center = float(np.median(values))
        axes.plot([center, center], [i, i + 0.3], color=INK, linewidth=1.3)
        if noise is not None:
            at = [center - noise[i], center + noise[i]]
            axes.plot(at, [i - 0.09] * 2, color=CONTRAST, linewidth=2, solid_capstyle="butt")
    axes.set_yticks(range(len(rows)), list(rows))
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(-0.25, len(rows) + 0.6)
    axes.spines["left"].set_visible(False)
    if noise is not None:
        axes.annotate(
            "▎median    ", (1, 1), xycoords="axes fraction", ha="right", va="bottom",
            fontsize=7.5, color=MUTED, xytext=(-52, 2), textcoords="offset points",
        )  # fmt: skip
        axes.annotate(
            "━ ±1 sd noise", (1, 1), xycoords="axes fraction", ha="right", va="bottom",
            fontsize=7.5, color=CONTRAST, xytext=(0, 2), textcoords="offset points",
        )  # fmt: skip
