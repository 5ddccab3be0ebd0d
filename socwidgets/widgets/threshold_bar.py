"""The range of the threshold tool: all pixels of the map whose value lies in it, as a region."""

from __future__ import annotations

import threading

import numpy as np
import traitlets

from socwidgets.model.names import axis_label
from socwidgets.session import Session
from socwidgets.session.derived import usable_mask
from socwidgets.widgets import plots
from socwidgets.widgets.bins import bins_of
from socwidgets.widgets.map_view import MapView
from socwidgets.widgets.range_slider import RangeSlider
from socwidgets.widgets.view import View

THRESHOLD = "threshold"
#: Seconds without a move after which the region takes the range.
REST_S = 0.2


class ThresholdBar(View):
    """Two-ended range below the map while its threshold tool is chosen.

    The first move of an end makes a region; further moves change it as long as it is selected,
    and are one step of undo together. While an end moves, map and mean spectrum follow; fit,
    histogram and numbers come when it rests. An end at its stop is open.

    Parameters
    ----------
    session : Session
        Whose map is split.
    tools : MapView
        Its ``tool`` says when the range is there.
    """

    def __init__(self, session: Session, tools: MapView) -> None:
        self._timer: threading.Timer | None = None
        super().__init__(session, layout={"display": "none", "min_width": "0"})
        self.add_class("socwidgets-threshold")
        self._tools = tools
        self.range = RangeSlider(
            description="Threshold", layout={"width": "calc(100% - 12px)"},
        )  # fmt: skip
        self.children = (self.range,)
        #: Ends of the slider, and of the values: outliers lie beyond the slider's stops.
        self._stops_at, self._values = (0.0, 1.0), (0.0, 1.0)
        self.follow(self._refresh, "maps", "map_name", "show_frame", "energy_index", "stack")
        self.follow(self._refresh_ends, "rois", "selected")
        tools.observe(self.guard(self._chosen), "tool")
        self.on_user(self.range, self._moved)

    def _chosen(self, _change: traitlets.Bunch) -> None:
        with self._refreshing, self.quiet:
            self._refresh()

    def _refresh(self) -> None:
        """Show the range of the map; while it is hidden nothing is worked out."""
        if self._tools.tool != THRESHOLD:
            self.layout.display = "none"
            return
        state, shown = self.session.state, self.session.displayed()
        self.range.disabled = state.show_frame or state.map_name is None
        self.range.tooltip = (
            "A region by value needs a map: choose one first"
            if self.range.disabled
            else f"Region of all pixels in a range of {axis_label(shown)}"
        )
        edges = bins_of(shown, usable_mask(state, shown)).edges
        low, high = self._stops_at = float(edges[0]), float(edges[-1])
        values = shown.values[np.isfinite(shown.values)]
        least, most = (values.min(), values.max()) if values.size else (low, high)
        self._values = min(low, float(least)), max(high, float(most))
        self.range.readout_format = plots.tick_format(0.0, (high - low) / 20)
        self.layout.display = None
        self._refresh_ends()

    def _refresh_ends(self) -> None:
        if self._tools.tool == THRESHOLD:
            self.range.show(*self._stops_at, self._ends())

    def _ends(self) -> tuple[float, float]:
        """Ends of the selected range, within the slider's stops; the stops without one."""
        low, high = self._stops_at
        chosen = self.session.chosen_threshold()
        if chosen is None:
            return low, high
        return max(low, min(high, chosen[1].low)), max(low, min(high, chosen[1].high))

    def _moved(self, chosen: tuple[float, float]) -> None:
        near = 0.5 * self.range.step
        # An end at its stop is open: what lies beyond the slider belongs to the range.
        low = chosen[0] if chosen[0] > self._stops_at[0] + near else self._values[0]
        high = chosen[1] if chosen[1] < self._stops_at[1] - near else self._values[1]
        self.session.clear_brush()  # what the histogram highlights would hide the region
        self._forget()
        if self.session.jobs.inline:
            self.session.move_threshold(low, high)
            return
        # While it moves only the map and the mean spectrum follow; the rest comes when it rests.
        self.session.draft_threshold(low, high)
        rest = self.guard(lambda: self.session.move_threshold(low, high))
        self._timer = threading.Timer(REST_S, rest)
        self._timer.daemon = True
        self._timer.start()

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def stop_following(self) -> None:
        """Forget the session; a move that has not come to rest is dropped."""
        self._forget()
        super().stop_following()
