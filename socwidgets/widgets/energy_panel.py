"""Panel of the energy axis: the foil is chosen and seen before the axis is moved."""

from __future__ import annotations

import html
import os
from pathlib import Path

import bqplot
import ipywidgets
import numpy as np
import xarray as xr

from socwidgets.analysis.energy_calibration import FOIL_EDGES, foil_offset
from socwidgets.io.spectra import open_spectrum
from socwidgets.model.errors import SocwidgetsError
from socwidgets.model.names import SIGNAL, axis_label, spectral_dim
from socwidgets.widgets import plots
from socwidgets.widgets.file_chooser import FileChooser
from socwidgets.widgets.plots import LegendEntry, set_points
from socwidgets.widgets.reading_panels import SPECTRA
from socwidgets.widgets.step_panel import StepPanel

#: How much of a foil is shown before and after its edge, eV.
_BEFORE_EV, _AFTER_EV = 20.0, 35.0
_SEEN, _TABLE = plots.BLUE, plots.ORANGE


class EnergyPanel(StepPanel):
    """Choose a foil and see its edge beside the table value, or write an offset."""

    def extra(self) -> list[ipywidgets.Widget]:
        """The file chooser, where a foil is asked for."""
        self.chooser = FileChooser(suffixes=dict.fromkeys(SPECTRA, "spectrum"), height=150)
        self.chooser.on_choose(self._took)
        return [self.chooser]

    def below(self) -> list[ipywidgets.Widget]:
        """The foil with both edges."""
        self._x, self._y = bqplot.LinearScale(), bqplot.LinearScale()
        self._line = plots.make_lines(self._x, self._y, colors=[plots.FIT], stroke_width=1.8)
        height = bqplot.LinearScale(min=0.0, max=1.0)
        self._edge_line, self._table_line = (
            plots.make_lines(self._x, height, colors=[color], line_style=style, stroke_width=1.6)
            for color, style in ((_SEEN, "dashed"), (_TABLE, "solid"))
        )
        self._x_axis = plots.make_axis(self._x, "Energy (eV)")
        self._y_axis = plots.make_axis(self._y, "Absorption of the foil", vertical=True)
        self.figure = plots.make_figure("220px", [self._x_axis, self._y_axis])
        self.figure.marks = [self._line, self._edge_line, self._table_line]
        self._words = ipywidgets.HTML()
        self._drawn: tuple[object, ...] = ()
        self._of: object = None
        return [self.figure, self._words]

    def _took(self, path: Path | None) -> None:
        if path is not None and path.is_file() and "foil" in self.form.controls:
            self.form.controls["foil"].value = os.fspath(path)

    def _refresh(self) -> None:
        stack = self.flow.products.get("open")
        super()._refresh()
        if stack is not self._of:
            self._of = stack
            self._suggest(stack)

    def _suggest(self, stack: xr.Dataset | None) -> None:
        """The metal whose edge the stack runs across."""
        control = self.form.controls.get("element")
        if stack is None or control is None or self.step.name in self.flow.products:
            return
        dim = spectral_dim(stack[SIGNAL])
        low, high = float(stack[dim].min()), float(stack[dim].max())
        inside = [name for name, edge in FOIL_EDGES.items() if low - 50 < edge < high + 50]
        if inside and control.value not in inside:
            control.value = inside[0]

    def refresh_code(self) -> None:
        """Write the Python text anew, and draw the foil that is chosen now."""
        super().refresh_code()
        self._draw()

    def _draw(self) -> None:
        asked = "foil" in self.form.controls
        self.chooser.layout.display = "flex" if asked else "none"
        path = str(self.form.controls["foil"].value).strip() if asked else ""
        element = str(self.form.controls["element"].value) if asked else ""
        if (path, element) == self._drawn:
            return
        self._drawn = (path, element)
        self.figure.layout.display = "none"
        self._words.value = ""
        if not path:
            return
        try:
            foil = open_spectrum(path)
            offset = foil_offset(foil, element)
        except SocwidgetsError as error:
            lines = "<br>".join(html.escape(line) for line in str(error).splitlines())
            self._words.value = f'<div class="socwidgets-hint" role="note">{lines}</div>'
            return
        self._show(foil, FOIL_EDGES[element], offset, element)

    def _show(self, foil: xr.DataArray, table: float, offset: float, element: str) -> None:
        axis = foil[foil.dims[0]]
        energies, found = axis.values, table - offset
        low, high = min(found, table) - _BEFORE_EV, max(found, table) + _AFTER_EV
        near = (energies >= low) & (energies <= high)
        set_points(self._line, energies[near], foil.values[near])
        for mark, at in ((self._edge_line, found), (self._table_line, table)):
            set_points(mark, np.array([at, at]), np.array([0.0, 1.0]))
        self._x_axis.label = axis_label(axis)
        plots.set_axis(self._x_axis, low, high, 5)
        plots.set_axis(self._y_axis, *plots.padded([foil.values[near]]), 4)
        self.figure.layout.display = "flex"
        legend = plots.legend_html(
            [
                LegendEntry(f"edge found, {found:.2f} eV", _SEEN, "dashed"),
                LegendEntry(f"table, {table:.2f} eV", _TABLE),
            ]
        )
        words = f"<span>The {element} foil asks for <b>{offset:+.3f} eV</b>.</span>"
        self._words.value = f'{legend}<div class="socwidgets-numbers">{words}</div>'
