"""Marks of the spectrum view: the mean of a region, and a fit with its parts and its residual."""

from __future__ import annotations

import json

import bqplot
import numpy as np
import xarray as xr

from socwidgets.widgets import plots
from socwidgets.widgets.plots import LegendEntry, set_points

_COMPONENT, _FRACTION = "component_", "fraction_"
#: Quantities that the line above the plot has room for.
_MOST = 3
#: By position; of the parts of a fit and of the references.
COMPONENT_COLORS = ("#0a7d55", "#b4540a", "#5a4fcf", "#a1417a", "#8a6d00", "#3a6ea5")


class Trace:
    """Mean of one region with a band of ± one standard deviation."""

    def __init__(self, name: str, x: bqplot.Scale, y: bqplot.Scale) -> None:
        self.line = plots.make_lines(x, y, stroke_width=1.8, labels=[name])
        self.band = plots.make_lines(x, y, fill="between", opacities=[0, 0], stroke_width=0.0)

    def draw(self, spectrum: xr.Dataset, color: str, *, strong: bool) -> None:
        """Show mean and spread in a color; `strong` for the selected one."""
        axis = spectrum[str(spectrum["mean"].dims[0])].values
        mean, std = spectrum["mean"].values, spectrum["std"].values
        set_points(self.line, axis, mean, colors=[color], stroke_width=2.4 if strong else 1.5)
        set_points(
            self.band, axis, np.stack([mean - std, mean + std]), colors=[color, color],
            fill_colors=[color], fill_opacities=[0.22 if strong else 0.12],
        )  # fmt: skip

    def clear(self) -> None:
        """Show nothing."""
        clear(self.line)
        clear(self.band)

    def close(self) -> None:
        """Close both marks."""
        self.line.close()
        self.band.close()


def clear(mark: bqplot.Lines) -> None:
    """Take the points of a line away."""
    if np.size(mark.x):
        with mark.hold_sync():
            mark.x, mark.y = np.zeros(0), np.zeros(0)


class FitMarks:
    """A fit: its curve, background and parts over the spectra, its residual below.

    Parameters
    ----------
    x, y, y_residual : bqplot.Scale
        Axes of both figures.
    """

    def __init__(self, x: bqplot.Scale, y: bqplot.Scale, y_residual: bqplot.Scale) -> None:
        self.fit = plots.make_lines(x, y, colors=[plots.FIT], stroke_width=1.6)
        self.background = plots.make_lines(
            x, y, colors=[plots.MUTED], stroke_width=1.4, line_style="dotted"
        )
        self.parts = [
            plots.make_lines(x, y, colors=[color], stroke_width=1.5, line_style="dashed")
            for color in COMPONENT_COLORS
        ]
        self.residual = plots.make_lines(x, y_residual, colors=[plots.FIT], stroke_width=1.2)
        self.zero = plots.make_lines(
            x, y_residual, colors=[plots.MUTED], stroke_width=1.0, line_style="dashed"
        )

    def draw(self, fit: xr.Dataset, energies: np.ndarray) -> tuple[list[LegendEntry], np.ndarray]:
        """Show a fit of `fit_spectrum`; returns its legend and all values that should be seen."""
        background = fit["background"].values if "background" in fit else 0.0 * energies
        set_points(self.fit, energies, fit["fit"].values, gaps=True)
        set_points(self.background, energies, background)
        names = [str(n) for n in fit.data_vars if str(n).startswith(_COMPONENT)]
        entries, values = [LegendEntry("fit", plots.FIT)], [fit["fit"].values, background]
        for mark, name in zip(self.parts, names, strict=False):
            values.append(fit[name].values + background)
            set_points(mark, energies, values[-1])
            label = name.removeprefix(_COMPONENT)
            entries.append(LegendEntry(label, mark.colors[0], "dashed"))
        for mark in self.parts[len(names) :]:
            clear(mark)
        set_points(self.residual, energies, fit["residual"].values, gaps=True)
        set_points(self.zero, energies[[0, -1]], np.zeros(2))
        entries.append(LegendEntry("background", plots.MUTED, "dotted"))
        return entries, np.concatenate(values)

    def clear(self) -> None:
        """Show no fit."""
        for mark in (self.fit, self.background, self.residual, *self.parts):
            clear(mark)


def results_text(fit: xr.Dataset) -> str:
    """The fit's fractions, or what else it found, and its R-factor, in words."""
    results = json.loads(fit.attrs["results"])
    known = {name: found for name, found in results.items() if found["value"] is not None}
    words = [
        f"{name.removeprefix(_FRACTION)} {_with_error(found)}"
        for name, found in known.items()
        if name.startswith(_FRACTION) and not name.endswith("_free")
    ]
    if not words:
        # Only what has an uncertainty is a quantity; the rest are the numbers of the fit itself.
        measured = [name for name, found in known.items() if found.get("std") is not None]
        words = [f"{n.replace('_', ' ')} {_with_error(known[n])}" for n in measured[:_MOST]]
    if "r_factor" in known:
        words.append(f"R-factor {_percent(known['r_factor']['value'])}")
    status = str(fit.attrs.get("status", "ok")).replace("_", " ")
    if status not in ("ok", "at bound"):
        words.append(status)
    return ", ".join(words)


def _with_error(found: dict[str, float]) -> str:
    return plots.with_error(found["value"], found.get("std") or float("nan"))


def _percent(share: float) -> str:
    return "< 0.01 %" if share < 1e-4 else f"{100 * share:.2g} %"
