"""Controls of what the map shows: which map, its colors and limits, the energy."""

from __future__ import annotations

import ipywidgets
import numpy as np

from socwidgets.model.names import STATUS
from socwidgets.session import Session
from socwidgets.widgets.bins import usual_ends
from socwidgets.widgets.colormaps import COLORMAPS
from socwidgets.widgets.range_slider import RangeSlider
from socwidgets.widgets.view import View

MAP, FRAME = "Map", "Frame"
_NAME_WIDTH = {"description_width": "52px"}


class MapControls(View):
    """Map choice, color map, limits, energy slider, and whether the map or a frame is shown."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, layout={"min_width": "0"})
        self.add_class("socwidgets-controls")
        self._make_choices()
        self._make_limits()
        self.children = (
            ipywidgets.HBox(
                [self.mode, self.map_choice, self.cmap, self.overlay, self.fade, self.mix],
                layout=_row(),
            ),
            ipywidgets.HBox(
                [self.limits, self.low, self.high, self.auto, self.energy], layout=_row()
            ),
        )
        self.follow(self._refresh_choices, "maps", "map_name", "show_frame")
        self.follow(self._refresh_energy, "stack", "energy_index")
        self.follow(
            self._refresh_limits, "limits", "maps", "map_name", "show_frame", "stack",
            "energy_index",
        )  # fmt: skip
        self.follow(self._refresh_cmap, "cmap")
        self.follow(self._refresh_layers, "overlay", "fade", "phases", "labels", "maps",
                    "map_name", "show_frame")  # fmt: skip
        self._listen()

    def _make_choices(self) -> None:
        self.mode = ipywidgets.ToggleButtons(
            options=[MAP, FRAME], tooltips=["Show the chosen map", "Show the frame at the energy"],
            style={"button_width": "64px"}, layout={"width": "auto"},
        )  # fmt: skip
        self.map_choice = ipywidgets.Dropdown(
            description="Map", style=_NAME_WIDTH, layout={"flex": "1 1 260px", "min_width": "200px"}
        )
        self.cmap = ipywidgets.Dropdown(
            description="Colors", options=COLORMAPS, style=_NAME_WIDTH, layout={"width": "172px"}
        )
        self.overlay = ipywidgets.Dropdown(
            description="Over it", options=[("nothing", "")], style=_NAME_WIDTH,
            layout={"width": "176px"},
            tooltip="Outlines of the particles, or pixels without a usable value",
        )  # fmt: skip
        self.fade = ipywidgets.ToggleButton(
            description="Fade by σ", layout={"width": "92px"},
            tooltip="Pixels fade with their standard uncertainty: fully at half the color span",
        )  # fmt: skip
        self.mix = ipywidgets.ToggleButton(
            description="Mix phases", layout={"width": "100px"},
            tooltip="Fractions of the phases as colors, thickness as brightness",
        )  # fmt: skip
        self.energy = ipywidgets.SelectionSlider(
            options=[("0", 0)], description="Energy", continuous_update=True, style=_NAME_WIDTH,
            layout={"flex": "1 1 300px", "min_width": "240px"},
        )  # fmt: skip

    def _make_limits(self) -> None:
        self.limits = RangeSlider(
            description="Limits", readout_format="", name_width="58px",
            tooltip="Values at the two ends of the colors",
            layout={"flex": "1 1 200px", "min_width": "160px"},
        )  # fmt: skip
        field = {"width": "84px"}
        self.low = ipywidgets.FloatText(continuous_update=False, layout=field)
        self.low.tooltip = "Value at the low end of the colors"
        self.high = ipywidgets.FloatText(continuous_update=False, layout=field)
        self.high.tooltip = "Value at the high end of the colors"
        self.auto = ipywidgets.Button(
            description="2–98 %", layout={"width": "72px"},
            tooltip="Set the limits to the 2nd and 98th percentile of what is shown",
        )  # fmt: skip

    def _listen(self) -> None:
        session = self.session
        self.on_user(self.map_choice, session.select_map)
        self.on_user(self.cmap, session.set_cmap)
        self.on_user(self.overlay, session.set_overlay)
        self.on_user(self.fade, session.set_fade)
        self.on_user(
            self.mix, lambda on: session.show_phases(*(session.fraction_names if on else ()))
        )
        self.on_user(self.energy, session.set_energy)
        self.on_user(
            self.mode, lambda mode: session.show_frame() if mode == FRAME else session.show_map()
        )
        self.on_user(self.limits, self._slid)
        self.on_user(self.low, lambda low: session.set_limits(low, self.high.value))
        self.on_user(self.high, lambda high: session.set_limits(self.low.value, high))
        self.on_click(self.auto, session.auto_limits)

    def _slid(self, chosen: tuple[float, float]) -> None:
        self.session.set_limits(*chosen)

    # -- refreshing ----------------------------------------------------------------------------

    def _refresh_choices(self) -> None:
        state = self.session.state
        options = [(_map_title(self.session, name), name) for name in self.session.map_names]
        if tuple(options) != tuple(self.map_choice.options):
            self.map_choice.options = options
        self.map_choice.value = state.map_name
        self.map_choice.disabled = not options
        self.mode.value = FRAME if state.show_frame else MAP
        self.mode.disabled = not options

    def _refresh_energy(self) -> None:
        energies = self.session.energies
        units = str(energies.attrs.get("units", ""))
        options = [(f"{float(e):.2f} {units}", i) for i, e in enumerate(energies.values)]
        if tuple(options) != tuple(self.energy.options):
            self.energy.options = options
        self.energy.value = self.session.state.energy_index

    def _refresh_limits(self) -> None:
        shown = self.session.displayed()
        low, high = self.session.displayed_limits()
        ends = usual_ends(shown.values)
        least, most = min(low, ends[0]), max(high, ends[1])
        self.limits.show(least, most, (low, high))
        self.low.value, self.high.value = _rounded(low, most - least), _rounded(high, most - least)
        self.low.step = self.high.step = _rounded((most - least) / 100, most - least)
        fixed = shown.name == STATUS
        for control in (self.limits, self.low, self.high, self.auto, self.cmap):
            control.disabled = fixed

    def _refresh_layers(self) -> None:
        state = self.session.state
        options = [("nothing", "")]
        options += [("particles", "labels")] if state.labels is not None else []
        options += [("unusable pixels", "mask")] if state.maps is not None else []
        if tuple(options) != tuple(self.overlay.options):
            self.overlay.options = options
        known = [value for _, value in options]
        self.overlay.value = state.overlay if state.overlay in known else ""
        self.fade.value, self.mix.value = state.fade, bool(state.phases)
        self.fade.disabled = self.session.sigma() is None
        self.mix.disabled = not self.session.fraction_names

    def _refresh_cmap(self) -> None:
        cmap = self.session.state.cmap
        if cmap in COLORMAPS:
            self.cmap.value = cmap


def _rounded(value: float, span: float) -> float:
    """Value with as many digits as a person would write for a number on this span."""
    if not span > 0:
        return value
    digits = int(np.clip(np.ceil(-np.log10(span)) + 3, 0, 12))
    return round(value, digits)


def _map_title(session: Session, name: str) -> str:
    maps = session.state.maps
    attrs = {} if maps is None else maps[name].attrs
    title = str(attrs.get("long_name", name))
    units = str(attrs.get("units", ""))
    return f"{title} ({units})" if units not in ("", "1") else title


def _row() -> dict[str, str]:
    return {"flex_flow": "row wrap", "align_items": "center", "grid_gap": "2px 6px"}
