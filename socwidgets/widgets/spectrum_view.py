"""Spectra: of each region with its spread, of the chosen pixel, with the fit and its residual."""

from __future__ import annotations

from typing import Any

import bqplot
import ipywidgets
import numpy as np
import xarray as xr

from socwidgets.model.errors import SocwidgetsError
from socwidgets.model.names import axis_label
from socwidgets.model.roi import ROI
from socwidgets.session import Session
from socwidgets.widgets import plots
from socwidgets.widgets.data_view import DataView
from socwidgets.widgets.plots import LegendEntry, set_points
from socwidgets.widgets.reference_marks import ReferenceMarks
from socwidgets.widgets.sources import stack_session
from socwidgets.widgets.spectrum_marks import FitMarks, Trace, clear, results_text
from socwidgets.widgets.window_handles import WindowHandles


class SpectrumView(DataView):
    """Mean spectra of the regions, the pixel's spectrum, the fit, its parts and its residual.

    The energy cursor follows the session. The fit belongs to the selected region or to the chosen
    pixel, whichever was touched last; without either, to the mean of all usable pixels.

    Parameters
    ----------
    source : Session or Dataset
        A session, or a stack with ``signal``.
    references : DataArray, optional
        ``(component, <spectral>)``, for the fit.
    framed : bool
        See `DataView`.
    """

    title = "Spectra"

    # The map already shows by itself what was drawn.
    urgent = True

    def __init__(
        self, source: Session | xr.Dataset, references: xr.DataArray | None = None, *,
        framed: bool = True,
    ) -> None:  # fmt: skip
        owned = not isinstance(source, Session)
        super().__init__(stack_session(source, references), framed=framed, owned=owned)
        self.add_class("socwidgets-spectrum")
        self._x = bqplot.LinearScale()
        self._y = bqplot.LinearScale()
        self._y_residual = bqplot.LinearScale()
        self._traces: dict[str, Trace] = {}
        self._made: list[Trace] = []
        self._spare: list[Trace] = []
        self._make_marks()
        self._make_figures()
        self._legend = ipywidgets.HTML(layout={"flex": "1 1 260px", "min_width": "0"})
        self.with_references = ipywidgets.ToggleButton(
            description="References", layout={"width": "96px"},
            tooltip="Show what the spectrum would be if all of it were one of the references",
        )  # fmt: skip
        head = ipywidgets.HBox(
            [self._legend, self.with_references], layout={"align_items": "flex-start"}
        )
        self.arrange([head, self.figure, self.residual_figure])
        self.follow(self._refresh_axis, "stack")
        self.follow(
            self._refresh, "stack", "references", "maps", "rois", "selected", "draft", "pixel",
            "focus", "fit_method", "fit_params",
        )  # fmt: skip
        self.on_user(self.with_references, lambda _on: self._refresh_locked())
        self.follow(self._refresh_cursor, "energy_index", "stack")
        self.handles = WindowHandles(self.session, self._x, self._unit, self.guard)
        self.follow(self.handles.refresh, "fit_params", "fit_method", "stack", "energy_index",
                    "references")  # fmt: skip
        self._refresh_marks()

    def _make_marks(self) -> None:
        x, y = self._x, self._y
        self._overall = Trace("", x, y)
        self._pixel = plots.make_lines(
            x, y, colors=[plots.PIXEL], stroke_width=1.2, marker="circle", marker_size=14
        )
        self._fit = FitMarks(x, y, self._y_residual)
        self.references = ReferenceMarks(x, y)
        cursor: dict[str, Any] = {
            "colors": [plots.CURSOR], "stroke_width": 1.2, "opacities": [0.8],
        }  # fmt: skip
        # A scale of its own, so that the cursor always spans the height of its figure.
        self._unit = bqplot.LinearScale(min=0.0, max=1.0)
        self._cursors = [plots.make_lines(x, self._unit, **cursor) for _ in range(2)]

    def _make_figures(self) -> None:
        self._x_axis = plots.make_axis(self._x, "")
        self._x_ticks = plots.make_axis(self._x, "", tick_style={"display": "none"})
        self._y_axis = plots.make_axis(self._y, "", vertical=True)
        self._residual_axis = plots.make_axis(self._y_residual, "Residual", vertical=True)
        self.figure = plots.make_figure("268px", [self._x_ticks, self._y_axis], bottom=10)
        self.residual_figure = plots.make_figure("118px", [self._x_axis, self._residual_axis])
        plots.set_axis(self._residual_axis, -1.0, 1.0, 3, free=0.08)  # until there is a fit
        self.residual_figure.marks = [self._fit.zero, self._fit.residual, self._cursors[1]]

    @property
    def fitted(self) -> xr.Dataset | None:
        """The fit that is shown, None if there is none."""
        return self._fitted

    _fitted: xr.Dataset | None = None
    _dragged = False

    # -- refreshing ----------------------------------------------------------------------------

    def _refresh_axis(self) -> None:
        energies = self.session.energies
        values = energies.values
        for axis in (self._x_axis, self._x_ticks):
            plots.set_axis(axis, float(values[0]), float(values[-1]), 6)
        self._x_axis.label = axis_label(energies)
        self._y_axis.label = plots.signal_words(self.session.state.stack)

    def _refresh_cursor(self) -> None:
        at = float(self.session.energies[self.session.state.energy_index])
        for cursor in self._cursors:
            set_points(cursor, np.array([at, at]), np.array([0.0, 1.0]))

    def _refresh(self) -> None:
        state = self.session.state
        shown = _regions(state.rois, state.draft)
        entries: list[LegendEntry] = []
        ranges: list[np.ndarray] = []
        self._match_traces(shown)
        for roi in shown:
            selected = roi.name == state.selected and state.focus == "roi"
            spectrum = self.session.roi_spectrum(roi)
            self._traces[roi.name].draw(spectrum, roi.color, strong=selected)
            ranges += [spectrum["mean"].values - spectrum["std"].values,
                       spectrum["mean"].values + spectrum["std"].values]  # fmt: skip
            pixels = int(spectrum.attrs.get("n_pixels", 0))
            entries.append(LegendEntry(f"{roi.name} ({pixels:,} px)", roi.color, strong=selected))
        self._draw_overall(bool(shown) or state.pixel is not None, entries, ranges)
        self._draw_pixel(entries, ranges)
        note = self._draw_fit(entries, ranges)
        self._draw_references(entries, ranges)
        low, high = plots.padded(ranges)
        # In a drag the axis waits while all is in sight: a new range draws every line again.
        dragging, self._dragged = self._dragged or state.draft is not None, state.draft is not None
        if not (dragging and plots.holds(self._y, low, high)):
            plots.set_axis(self._y_axis, low, high, 5)
        self._legend.value = plots.legend_html(entries, note)

    def _match_traces(self, shown: list[ROI]) -> None:
        """One trace per region; those of regions that are gone serve the next ones."""
        names = [roi.name for roi in shown]
        for name in [name for name in self._traces if name not in names]:
            trace = self._traces.pop(name)
            trace.clear()
            self._spare.append(trace)
        for name in names:
            if name not in self._traces:
                if not self._spare:
                    self._made.append(Trace(name, self._x, self._y))
                    self._spare.append(self._made[-1])
                trace = self._spare.pop()
                trace.line.labels = [name]
                self._traces[name] = trace
        self._refresh_marks()

    def _refresh_marks(self) -> None:
        # All that were ever made, in one order: a mark that leaves a figure or changes its place is
        # drawn anew, and the browser keeps parts of the old one.
        traces = [self._overall, *self._made]
        marks = [trace.band for trace in traces] + [trace.line for trace in traces]
        marks += [
            *self.references.lines,
            self._fit.background,
            *self._fit.parts,
            self._pixel,
            self._fit.fit,
        ]
        marks.append(self._cursors[0])
        marks += [] if self.handles is None else self.handles.marks
        if self.figure.marks != marks:
            self.figure.marks = marks

    handles: WindowHandles | None = None

    def _draw_overall(
        self, others: bool, entries: list[LegendEntry], ranges: list[np.ndarray]
    ) -> None:
        if others:
            self._overall.clear()
            return
        spectrum = self.session.overall_spectrum()
        self._overall.draw(spectrum, plots.PIXEL, strong=True)
        mean, std = spectrum["mean"].values, spectrum["std"].values
        ranges += [mean - std, mean + std]
        entries.append(LegendEntry("All usable pixels, mean ± sd", plots.PIXEL, strong=True))

    def _draw_pixel(self, entries: list[LegendEntry], ranges: list[np.ndarray]) -> None:
        pixel, spectrum = self.session.state.pixel, self.session.pixel_spectrum()
        if pixel is None or spectrum is None:
            clear(self._pixel)
            return
        set_points(self._pixel, self.session.energies.values, spectrum.values)
        ranges.append(spectrum.values)
        strong = self.session.state.focus == "pixel"
        entries.append(LegendEntry(f"Pixel x {pixel[1]}, y {pixel[0]}", plots.PIXEL, strong=strong))

    def _draw_fit(self, entries: list[LegendEntry], ranges: list[np.ndarray]) -> str:
        """Draw the fit of what has the focus; returns the line below the legend."""
        state = self.session.state
        # While a region is dragged only its mean follows: a fit could be slow.
        dragging = state.draft is not None
        subject, fit, problem = "", None, ""
        if not dragging:
            try:
                subject, fit = self._focused_fit()
            except SocwidgetsError as error:
                problem = f"No fit: {error.problem}"
        self._fitted = fit
        if fit is None:
            self._fit.clear()
            return problem
        words, values = self._fit.draw(fit, self.session.energies.values)
        entries += words
        ranges.append(values)
        residual = np.abs(fit["residual"].values)
        residual = residual[np.isfinite(residual)]
        reach = 1.15 * float(residual.max()) if residual.size and residual.max() > 0 else 1.0
        # A label at the lower end would meet that of the energies.
        plots.set_axis(self._residual_axis, -reach, reach, 3, free=0.08)
        return f"{subject}: {results_text(fit)}"

    def _draw_references(self, entries: list[LegendEntry], ranges: list[np.ndarray]) -> None:
        state = self.session.state
        self.with_references.layout.display = "none" if state.references is None else None
        if state.references is None or not self.with_references.value:
            self.references.clear()
            return
        words, values = self.references.draw(state.references, self.session.energies, self._fitted)
        entries += words
        ranges.append(values)

    def _refresh_locked(self) -> None:
        with self._refreshing, self.quiet:
            self._refresh()

    def _focused_fit(self) -> tuple[str, xr.Dataset | None]:
        state = self.session.state
        if state.pixel is not None and (state.focus == "pixel" or state.selected is None):
            return f"Pixel x {state.pixel[1]}, y {state.pixel[0]}", self.session.pixel_fit()
        if state.selected is not None:
            return state.selected, self.session.roi_fit(state.selected)
        if not state.rois:
            return "All usable pixels", self.session.overall_fit()
        return "", None


def _regions(rois: tuple[ROI, ...], draft: ROI | None) -> list[ROI]:
    """Regions to show: the draft takes the place of the region it belongs to."""
    if draft is None:
        return list(rois)
    if any(roi.name == draft.name for roi in rois):
        return [draft if roi.name == draft.name else roi for roi in rois]
    return [*rois, draft]
