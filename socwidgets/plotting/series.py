"""Quantities of several places of an electrode against the charge, one panel each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from socwidgets.model.errors import DataError
from socwidgets.plotting.style import CYCLE, GRID, MUTED, describe, new_figure, styled

_MARKERS = ("o", "s", "^", "D", "v", "P")


@styled
def series_figure(
    charge: np.ndarray,
    panels: Mapping[str, np.ndarray],
    names: Sequence[str],
    *,
    x_label: str = "Charge (mA h)",
    lines: Mapping[str, np.ndarray] | None = None,
    title: str | None = None,
    width: float = 6.4,
    height: float = 2.1,
) -> Figure:
    """Draw series against the charge.

    Parameters
    ----------
    charge : ndarray
        ``(n, places)``; NaN is left out.
    panels : mapping of str to ndarray
        Label with units -> ``(n, places)``; one panel each, from the top.
    names : sequence of str
        Of the places.
    x_label : str
        What the charge is, with units.
    lines : mapping of str to ndarray, optional
        Label of a panel -> ``(n, places)``, a thin line to compare with.
    title : str, optional
        Above the first panel.
    width, height : float
        Width of the figure and height of each panel, inches.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    DataError
        If a panel has not the shape of the charge.
    """
    for label, values in panels.items():
        if values.shape != charge.shape or charge.shape[1] != len(names):
            raise DataError(
                f"{label!r} does not fit the charge",
                expected=f"shape {charge.shape} and {charge.shape[1]} names",
                found=f"{values.shape} and {len(names)} names",
            )
    figure = new_figure(width, height * len(panels) + 0.5)
    rows = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (label, values) in zip(rows, panels.items(), strict=True):
        for k, name in enumerate(names):
            axes.plot(
                charge[:, k], values[:, k], ls="none", marker=_MARKERS[k % 6], ms=3.6,
                mfc="none", mew=1.0, color=CYCLE[k % len(CYCLE)], label=name,
            )  # fmt: skip
            if lines and label in lines:
                axes.plot(charge[:, k], lines[label][:, k], color=MUTED, lw=0.8, zorder=1)
        axes.set_ylabel(label)
        axes.grid(color=GRID, lw=0.6)
        axes.set_axisbelow(True)
    rows[0].legend(loc="upper left", handletextpad=0.2)
    rows[-1].set_xlabel(x_label)
    if title:
        rows[0].set_title(title)
    told = "; ".join(
        f"{label} from {np.nanmin(values):.4g} to {np.nanmax(values):.4g}"
        for label, values in panels.items()
    )
    return describe(figure, f"{title or 'Series'} at {', '.join(names)} against charge: {told}.")
