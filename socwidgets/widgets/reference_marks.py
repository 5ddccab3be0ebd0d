"""Reference spectra as lines of their own over the measured ones."""

from __future__ import annotations

import json

import bqplot
import numpy as np
import xarray as xr

from socwidgets.model.errors import SocwidgetsError
from socwidgets.model.references import align_references, component_names
from socwidgets.widgets import plots
from socwidgets.widgets.plots import LegendEntry, set_points
from socwidgets.widgets.spectrum_marks import COMPONENT_COLORS, clear


class ReferenceMarks:
    """What the spectrum would be if all of it were one of the references.

    Of a linear combination fit each reference has the fit's thickness and background, so that the
    measured spectrum lies between them; without a fit they are as they were read.

    Parameters
    ----------
    x, y : bqplot.Scale
        Axes of the figure.
    """

    def __init__(self, x: bqplot.Scale, y: bqplot.Scale) -> None:
        self.lines = [
            plots.make_lines(x, y, colors=[color], stroke_width=1.8, line_style="dotted")
            for color in COMPONENT_COLORS
        ]

    def draw(
        self, references: xr.DataArray, energies: xr.DataArray, fit: xr.Dataset | None
    ) -> tuple[list[LegendEntry], np.ndarray]:
        """Show them; returns their legend and all values that should be seen."""
        try:
            spectra = align_references(references, energies)
        except SocwidgetsError:
            self.clear()
            return [], np.zeros(0)
        scale = _scale(fit)
        thickness, background = scale or (1.0, np.zeros(energies.size))
        names = list(component_names(references))
        entries, values = [], []
        for mark, name, spectrum in zip(self.lines, names, spectra.values, strict=False):
            values.append(thickness * spectrum + background)
            set_points(mark, energies.values, values[-1])
            words = f"only {name}" if scale else name
            entries.append(LegendEntry(words, mark.colors[0], "dotted"))
        for mark in self.lines[len(values) :]:
            clear(mark)
        return entries, np.concatenate(values) if values else np.zeros(0)

    def clear(self) -> None:
        """Show none."""
        for mark in self.lines:
            clear(mark)


def _scale(fit: xr.Dataset | None) -> tuple[float, np.ndarray] | None:
    """Thickness of a fit, and its background on the whole axis; None if it has none."""
    if fit is None or "background" not in fit:
        return None
    thickness = json.loads(fit.attrs["results"]).get("thickness", {}).get("value")
    return (float(thickness), fit["background"].values) if thickness and thickness > 0 else None
