"""Ties the canvas map to a session, both ways."""

from __future__ import annotations

import contextlib
import html
import math

import ipywidgets
import xarray as xr

from socwidgets.model.errors import ParameterError, SocwidgetsError
from socwidgets.model.names import X, Y
from socwidgets.model.roi import Shape, Threshold
from socwidgets.widgets.colormaps import COLORMAPS
from socwidgets.widgets.data_view import DataView
from socwidgets.widgets.map_events import MapEvent
from socwidgets.widgets.map_view import MapView
from socwidgets.widgets.sources import Source
from socwidgets.widgets.threshold_bar import ThresholdBar


class LinkedMap(DataView):
    """The map of a session: shows what the session says, tells it what is drawn.

    Parameters
    ----------
    source, labels, framed
        See `DataView`.
    height : int
        Largest height of the map, px; 0 for what fits into the window.

    Attributes
    ----------
    map : MapView
        The canvas.
    threshold : ThresholdBar
        Range of the threshold tool.
    """

    title = "Map"

    def __init__(
        self, source: Source, labels: xr.DataArray | None = None, *, height: int = 0,
        framed: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(source, labels, framed=framed)
        self.layout.overflow = "hidden"
        session = self.session
        self.add_class("socwidgets-map")
        self.map = MapView(height=height, layout={"width": "100%", "min_width": "0"})
        self.notes = ipywidgets.HTML(layout={"display": "none"})
        self.threshold = ThresholdBar(session, self.map)
        self.arrange([self.map, self.threshold, self.notes])
        self.follow(self._refresh_notes, "maps")
        self._shown: tuple[object, ...] = ()
        self._coarse: tuple[object, xr.DataArray] = (None, xr.DataArray())
        self.follow(
            self._refresh_values, "stack", "maps", "map_name", "show_frame", "energy_index",
            "limits", "phases", "preview",
        )  # fmt: skip
        self.follow(
            self._refresh_sigma, "fade", "stack", "maps", "map_name", "show_frame", "energy_index",
            "phases", "preview",
        )  # fmt: skip
        self.follow(self._refresh_overlay, "overlay", "labels", "maps", "stack", "preview")
        self.map.on_probe(session.pixel_words)
        self.follow(self._refresh_rois, "rois", "selected")
        self.follow(
            self._refresh_highlight, "brush", "box", "particle", "labels", "rois", "selected",
            "maps", "map_name", "show_frame", "energy_index", "stack", "preview",
        )  # fmt: skip
        self.follow(self._refresh_draft, "draft")
        self.follow(self._refresh_cmap, "cmap")
        self.follow(self._refresh_pixel, "pixel", "stack")
        self.follow(self._refresh_line, "line")
        # Errors are shown below the map by the map itself; the session's bar shows them, too.
        self.map.on_event(self._handle)

    def _refresh_values(self) -> None:
        state = self.session.state
        limits = self.session.displayed_limits()
        energy = state.energy_index if state.show_frame else -1
        phases = "/".join(state.phases)
        preview = self._preview()
        shown = (state.stack, state.maps, state.show_frame, state.map_name, energy, phases, preview)
        same = len(shown) == len(self._shown) and all(
            a is b or (isinstance(a, (str, int)) and a == b)
            for a, b in zip(shown, self._shown, strict=True)
        )
        if (
            not same
            and preview is None
            and state.phases
            and state.maps is not None
            and not state.show_frame
        ):
            maps = state.maps
            self.map.set_phases([maps[n] for n in state.phases], maps.get("thickness"))
            self._shown = shown
        elif not same and preview is not None:
            self.map.set_map(preview, clim=limits)
            self._shown = shown
        elif not same:
            self.map.set_map(self.session.displayed(), clim=limits)
            self._shown = shown
        else:
            # The values are in the browser: new limits only recolor.
            self.map.clim = limits

    def _refresh_notes(self) -> None:
        """Doubts and caveats that came with the maps, closed but in sight."""
        notes = self.session.notes()
        words = "1 note on these maps" if len(notes) == 1 else f"{len(notes)} notes on these maps"
        items = "".join(f"<li>{html.escape(note)}</li>" for note in notes)
        box = f"<summary>{words}</summary><ul>{items}</ul>"
        self.notes.value = f'<details class="socwidgets-notes">{box}</details>' if notes else ""
        self.notes.layout.display = None if notes else "none"

    def _preview(self) -> xr.DataArray | None:
        """The chosen map of a coarse fit, while its parameters are dragged."""
        state = self.session.state
        if state.preview is None or state.show_frame or state.map_name not in state.preview:
            return None
        found = state.preview[state.map_name].transpose("y", "x")
        # Compared by identity: the same coarse maps give the same array.
        if self._coarse[0] is not state.preview or self._coarse[1].name != found.name:
            self._coarse = (state.preview, found)
        return self._coarse[1]

    def _whole(self) -> bool:
        """Whether the map has every pixel: the layers of a coarse one come with the whole one."""
        sizes = self.session.state.stack.sizes
        return bool(self.map.shape == (sizes[Y], sizes[X]))

    def _refresh_sigma(self) -> None:
        state = self.session.state
        if self._whole():
            self.map.set_sigma(self.session.sigma() if state.fade and not state.phases else None)

    def _refresh_overlay(self) -> None:
        if self._whole():
            self.map.set_overlay(self.session.overlay_mask(), self.session.state.overlay)

    def _refresh_rois(self) -> None:
        state = self.session.state
        with self.map.hold_sync():
            self.map.rois = [
                roi.to_dict() for roi in state.rois if not isinstance(roi.shape, Threshold)
            ]
            self.map.selected = state.selected or ""
            self.map.can_undo, self.map.can_redo = self.session.can_undo, self.session.can_redo

    def _refresh_highlight(self) -> None:
        if self._whole():
            self.map.set_highlight(self.session.highlight())

    def _refresh_draft(self) -> None:
        """A range of values that is being dragged: the browser cannot draw it by itself."""
        draft = self.session.state.draft
        if draft is not None and isinstance(draft.shape, Threshold):
            self._refresh_highlight()

    def _refresh_cmap(self) -> None:
        if self.session.state.cmap in COLORMAPS:
            self.map.cmap = self.session.state.cmap

    def _refresh_line(self) -> None:
        self.map.line = list(self.session.state.line or ())

    def _refresh_pixel(self) -> None:
        state = self.session.state
        if state.pixel is None:
            self.map.point = []
            return
        row, column = state.pixel
        self.map.point = [float(state.stack["x"][column]), float(state.stack["y"][row])]

    def _handle(self, event: MapEvent) -> None:
        session = self.session
        if event.kind == "live" and event.shape is not None:
            session.set_draft(event.shape, event.name or None)
        elif event.kind == "draw" and event.shape is not None:
            self._draw(event, event.shape)
        elif event.kind in ("wand", "grow"):
            self._grow(event)
        elif event.kind == "stroke":
            erase = event.name == "erase"
            session.paint_roi(event.points, event.radius, self._painted(), erase=erase)
        elif event.kind == "line":
            (x0, y0), (x1, y1) = event.points
            session.set_line((x0, y0, x1, y1))
        elif event.kind == "edit" and event.shape is not None:
            session.edit_roi(event.name, event.shape)
        elif event.kind == "point":
            session.select_pixel(event.x, event.y)
        elif event.kind == "select":
            session.select_roi(event.name or None)
        elif event.kind == "delete":
            session.delete_roi(event.name)
        elif event.kind == "undo":
            session.undo()
        elif event.kind == "redo":
            session.redo()
        elif event.kind not in ("tool", "mode", "brush"):
            raise ParameterError(f"the map reports something unknown: {event.kind!r}")
        self._drop_draft(event)

    def _draw(self, event: MapEvent, shape: Shape) -> None:
        """A new region, or a change of the selected one."""
        selected = self.session.state.selected
        if event.mode == "new" or selected is None:
            self.session.add_roi(shape)
        else:
            self.session.combine_roi(selected, shape, event.mode)

    def _grow(self, event: MapEvent) -> None:
        tolerance = None if math.isnan(event.tolerance) else event.tolerance
        if event.kind == "grow":
            # While the wand is dragged a place that does not grow is no error yet.
            with contextlib.suppress(SocwidgetsError):
                self.session.set_draft(self.session.grown(event.x, event.y, tolerance))
        else:
            self._draw(event, self.session.grown(event.x, event.y, tolerance))

    def _painted(self) -> str | None:
        """The region that a brush changes: the selected one, unless it is a threshold."""
        state = self.session.state
        roi = next((r for r in state.rois if r.name == state.selected), None)
        return None if roi is None or isinstance(roi.shape, Threshold) else roi.name

    def _drop_draft(self, event: MapEvent) -> None:
        """A drag that ends without a shape leaves no draft behind."""
        if event.kind not in ("live", "grow") and self.session.state.draft is not None:
            self.session.set_draft(None)
