"""What the map's tools do, as a form: grow, paint by numbers, combine, save and load regions."""

from __future__ import annotations

import base64
import html
from typing import Any

import ipywidgets

from socwidgets.model.errors import ParameterError
from socwidgets.model.names import X, Y
from socwidgets.session import Session
from socwidgets.widgets.view import View

_OPERATIONS = {
    "add": "Add", "subtract": "Take away", "intersect": "Keep what both have",
}  # fmt: skip
_NUMBER = {"width": "138px"}
_WORD = {"description_width": "62px"}


class RoiTools(View):
    """Regions without a mouse; made when a person first asks for it."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, layout={"min_width": "0"})
        self.add_class("socwidgets-roi-tools")
        self.children = (self._make_growth(), self._make_line(), self._make_combination(),
                         self._make_files())  # fmt: skip
        self.follow(self._refresh_regions, "rois", "selected")
        self.follow(self._refresh_place, "pixel", "stack")
        self.follow(self._refresh_line, "line")
        self.follow(
            self._refresh_tolerance, "maps", "map_name", "limits", "show_frame", "energy_index"
        )

    # -- controls ------------------------------------------------------------------------------

    def _make_growth(self) -> ipywidgets.Widget:
        self.x, self.y = _number("x (µm)"), _number("y (µm)")
        self.tolerance = _number("within ±", "Largest difference of values, in the map's unit")
        self.radius = _number("r (µm)", "Radius of the brush in µm")
        self.grow = _button("magic", "Grow", "Region of the connected pixels with like values")
        self.paint = _button("paint-brush", "Paint", "Add a round dot to the selected region")
        self.erase = _button("eraser", "Erase", "Take a round dot away from the selected region")
        self.on_click(self.grow, self._grow)
        self.on_click(self.paint, lambda: self._dot(erase=False))
        self.on_click(self.erase, lambda: self._dot(erase=True))
        return _row(
            _words("At a place"), self.x, self.y, self.tolerance, self.grow, self.radius,
            self.paint, self.erase,
        )  # fmt: skip

    def _make_line(self) -> ipywidgets.Widget:
        self.line = [_number(word) for word in ("x₀ (µm)", "y₀ (µm)", "x₁ (µm)", "y₁ (µm)")]
        self.set_line = _button("arrows-h", "Set line", "Take the profile along this line")
        self.on_click(
            self.set_line, lambda: self.session.set_line(tuple(f.value for f in self.line))
        )
        return _row(_words("Profile line"), *self.line, self.set_line)

    def _make_combination(self) -> ipywidgets.Widget:
        self.other = ipywidgets.Dropdown(
            description="with", layout={"width": "200px"}, style=_WORD,
            tooltip="The region that changes the selected one, and stays as it is",
        )  # fmt: skip
        self.operation = ipywidgets.Dropdown(
            options=[(words, name) for name, words in _OPERATIONS.items()],
            layout={"width": "190px"}, tooltip="What the other region does to the selected one",
        )  # fmt: skip
        self.combine = _button("object-group", "Combine", "Change the selected region")
        self.on_click(self.combine, self._combine)
        return _row(_words("Selected region"), self.operation, self.other, self.combine)

    def _make_files(self) -> ipywidgets.Widget:
        self.upload = ipywidgets.FileUpload(
            accept=".json,.geojson", multiple=False, description="Load",
            layout={"width": "100px"}, tooltip="Replace all regions by those of a file",
        )  # fmt: skip
        self.link = ipywidgets.HTML()
        self.on_user(self.upload, self._load)
        return _row(_words("Files"), self.link, self.upload)

    # -- refreshing ----------------------------------------------------------------------------

    def _refresh_regions(self) -> None:
        state = self.session.state
        others = [roi.name for roi in state.rois if roi.name != state.selected]
        if tuple(others) != tuple(self.other.options):
            kept = self.other.value
            self.other.options = others
            self.other.value = kept if kept in others else (others[0] if others else None)
        self.combine.disabled = not others or state.selected is None
        self.erase.disabled = state.selected is None
        self.link.value = _link(self.session.rois_to_geojson()) if state.rois else ""

    def _refresh_place(self) -> None:
        state = self.session.state
        x, y = state.stack[X].values, state.stack[Y].values
        row, column = state.pixel or (y.size // 2, x.size // 2)
        self.x.value, self.y.value = round(float(x[column]), 4), round(float(y[row]), 4)
        if not self.radius.value:
            self.radius.value = float(f"{abs(float(x[-1] - x[0])) / 40:.2g}")

    def _refresh_line(self) -> None:
        line = self.session.state.line
        for field, value in zip(self.line, line or (0.0,) * 4, strict=True):
            field.value = round(value, 4)

    def _refresh_tolerance(self) -> None:
        low, high = self.session.displayed_limits()
        self.tolerance.value = float(f"{0.1 * (high - low):.3g}")

    # -- what a person does --------------------------------------------------------------------

    def _grow(self) -> None:
        self.session.grow_roi(self.x.value, self.y.value, self.tolerance.value)

    def _dot(self, *, erase: bool) -> None:
        selected = self.session.state.selected
        place = [(self.x.value, self.y.value)]
        self.session.paint_roi(place, self.radius.value, selected, erase=erase)

    def _combine(self) -> None:
        selected = self.session.state.selected
        if selected is not None and self.other.value is not None:
            self.session.combine_roi(selected, self.other.value, self.operation.value)

    def _load(self, files: Any) -> None:
        if not files:
            return
        content = bytes(files[0]["content"])
        with self.quiet:
            self.upload.value = ()  # the same file can be loaded again
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            raise ParameterError("the file is no text", expected="JSON in UTF-8") from None
        self.session.load_rois(text)


def _link(text: str) -> str:
    """Link that saves a text as a file, without a server."""
    data = base64.b64encode(text.encode()).decode()
    title = "Save all regions as GeoJSON, coordinates in µm"
    return (
        f'<a class="jupyter-button widget-button socwidgets-save" download="regions.geojson" '
        f'title="{html.escape(title)}" href="data:application/geo+json;base64,{data}">Save</a>'
    )


def _number(word: str, tooltip: str = "") -> ipywidgets.FloatText:
    return ipywidgets.FloatText(
        description=word, continuous_update=False, layout=_NUMBER, style=_WORD,
        tooltip=tooltip or word,
    )  # fmt: skip


def _button(icon: str, text: str, tooltip: str) -> ipywidgets.Button:
    return ipywidgets.Button(
        description=text, icon=icon, tooltip=tooltip, layout={"width": "104px"}
    )


def _words(text: str) -> ipywidgets.HTML:
    return ipywidgets.HTML(
        f'<span class="socwidgets-note">{text}</span>', layout={"width": "108px"}
    )


def _row(*children: ipywidgets.Widget) -> ipywidgets.HBox:
    look = {"flex_flow": "row wrap", "align_items": "center", "grid_gap": "2px 6px"}
    return ipywidgets.HBox(children, layout=look)
