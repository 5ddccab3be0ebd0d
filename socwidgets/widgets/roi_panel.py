"""The list of regions, with their numbers, and fields that need no mouse."""

from __future__ import annotations

import html
from typing import Any

import ipywidgets

from socwidgets.model.names import X, Y
from socwidgets.model.roi import ROI, Ellipse, Polygon, Rectangle
from socwidgets.session import Session
from socwidgets.widgets.plots import with_error
from socwidgets.widgets.roi_tools import RoiTools
from socwidgets.widgets.shape_fields import ShapeFields
from socwidgets.widgets.view import View

_ICON = {"width": "34px"}
_HINT = (
    '<div class="socwidgets-note">Draw a region on the map, or add one here: its spectrum, '
    "histogram and numbers appear at once.</div>"
)


class RoiPanel(View):
    """All regions: select, rename, recolor, duplicate, delete, undo, coordinates, numbers."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, layout={"min_width": "0"})
        self.add_class("socwidgets-rois")
        self.rows: list[RoiRow] = []
        self._made: list[RoiRow] = []
        self._make_buttons()
        self._hint = ipywidgets.HTML(_HINT)
        self._list = ipywidgets.VBox(layout={"margin": "0"})
        self.fields = ShapeFields()
        self.fields.on_change(self._edit_selected, self.guard)
        self._editor = ipywidgets.VBox([self.fields])
        self.tools: RoiTools | None = None
        self.children = (self._buttons, self._hint, self._list, self._editor)
        self.follow(
            self._refresh, "rois", "selected", "maps", "map_name", "show_frame", "energy_index"
        )

    def _make_buttons(self) -> None:
        self.undo = _button("undo", "Undo the last edit of a region")
        self.redo = _button("repeat", "Redo")
        self.clear = _button("trash", "Delete all regions", "Clear", "78px")
        self.add_rectangle = _button("plus", "Add a rectangle in the middle", "Rectangle", "104px")
        self.add_ellipse = _button("plus", "Add an ellipse in the middle", "Ellipse", "92px")
        self.add_polygon = _button("plus", "Add a triangle in the middle", "Polygon", "92px")
        session = self.session
        self.on_click(self.undo, session.undo)
        self.on_click(self.redo, session.redo)
        self.on_click(self.clear, session.clear_rois)
        self.on_click(self.add_rectangle, lambda: session.add_roi(self._middle("rectangle")))
        self.on_click(self.add_ellipse, lambda: session.add_roi(self._middle("ellipse")))
        self.on_click(self.add_polygon, lambda: session.add_roi(self._middle("polygon")))
        self.more = ipywidgets.ToggleButton(
            description="Tools", icon="wrench", layout={"width": "84px"},
            tooltip="Grow, paint, combine, save and load regions without a mouse",
        )  # fmt: skip
        self.on_user(self.more, self._toggle_tools)
        title = ipywidgets.HTML('<span class="socwidgets-title">Regions</span>')
        buttons = [title, self.add_rectangle, self.add_ellipse, self.add_polygon,
                   self.undo, self.redo, self.clear, self.more]  # fmt: skip
        self._buttons = ipywidgets.HBox(
            buttons, layout={"flex_flow": "row wrap", "align_items": "center", "grid_gap": "2px"}
        )

    def _toggle_tools(self, shown: bool) -> None:
        if self.tools is None:
            self.tools = RoiTools(self.session)
            self._stops.append(self.tools.stop_following)
            self._editor.children = (self.fields, self.tools)
        self.tools.layout.display = "flex" if shown else "none"

    def _middle(self, kind: str) -> Rectangle | Ellipse | Polygon:
        """Shape of a quarter of the image in its middle."""
        stack = self.session.state.stack
        x, y = stack[X].values, stack[Y].values
        cx, cy = float(x.mean()), float(y.mean())
        rx, ry = float(x.max() - x.min()) / 4, float(y.max() - y.min()) / 4
        if kind == "rectangle":
            return Rectangle(cx - rx, cy - ry, cx + rx, cy + ry)
        if kind == "ellipse":
            return Ellipse(cx, cy, rx, ry)
        return Polygon(((cx - rx, cy + ry), (cx + rx, cy + ry), (cx, cy - ry)))

    # -- refreshing ----------------------------------------------------------------------------

    def _refresh(self) -> None:
        state = self.session.state
        self.undo.disabled = not self.session.can_undo
        self.redo.disabled = not self.session.can_redo
        self.clear.disabled = not state.rois
        self._match_rows(len(state.rois))
        for row, roi in zip(self.rows, state.rois, strict=True):
            row.show(roi, self._numbers(roi), roi.name == state.selected)
        self._hint.layout.display = "none" if state.rois else "flex"
        chosen = next((roi for roi in state.rois if roi.name == state.selected), None)
        self.fields.show(chosen)

    def _numbers(self, roi: ROI) -> str:
        """Numbers of a region as HTML."""
        numbers, shown = self.session.roi_statistics(roi), self.session.displayed()
        title = str(shown.attrs.get("long_name", shown.name))
        # The spectrum is of all pixels inside, the numbers only of those that have a value.
        partly = "" if numbers.used == numbers.count else f", {numbers.used:,} with a value"
        parts = [
            f"<b>{numbers.count:,}</b> pixels{partly}",
            f"{html.escape(title)}, mean ± sd <b>{with_error(numbers.mean, numbers.std)}</b>",
        ]
        if _has_soc(self.session):
            weighted = with_error(numbers.weighted_mean, numbers.weighted_sigma)
            parts.append(f"SOC by thickness ± σ <b>{weighted}</b>")
        spans = "".join(f"<span>{part}</span>" for part in parts)
        return f'<div class="socwidgets-roi-numbers">{spans}</div>'

    def _match_rows(self, count: int) -> None:
        """As many rows as regions; the rest stay, hidden, for the next regions.

        A browser does not give back all that a closed row held.
        """
        while len(self._made) < count:
            self._made.append(RoiRow(self))
        self.rows = self._made[:count]
        for row in self._made:
            row.layout.display = "flex" if row in self.rows else "none"
        if len(self._list.children) < count:
            self._list.children = tuple(self._made)

    def _edit_selected(self, shape: Any) -> None:
        selected = self.session.state.selected
        if selected is not None:
            self.session.edit_roi(selected, shape)


class RoiRow(ipywidgets.VBox):
    """One region of the list; shows whichever region stands at its place."""

    def __init__(self, panel: RoiPanel) -> None:
        session = panel.session
        self._name = ""
        self.select = ipywidgets.ToggleButton(
            value=False, icon="crosshairs", layout=_ICON, tooltip="Select this region"
        )
        self.color = ipywidgets.ColorPicker(concise=True, layout={"width": "32px"})
        self.color.tooltip = "Color"
        self.name = ipywidgets.Text(
            continuous_update=False, layout={"flex": "1 1 auto", "width": "auto"}
        )
        self.name.tooltip = "Name"
        self.numbers = ipywidgets.HTML(layout={"margin": "0 0 2px 42px"})
        self.duplicate = _button("copy", "Duplicate this region")
        self.delete = _button("times", "Delete this region")
        line = ipywidgets.HBox(
            [self.select, self.color, self.name, self.duplicate, self.delete],
            layout={"align_items": "center"},
        )
        super().__init__([line, self.numbers], layout={"width": "100%"})
        self.add_class("socwidgets-roi")
        panel.on_user(self.select, lambda on: session.select_roi(self._name if on else None))
        panel.on_user(self.color, lambda color: session.recolor_roi(self._name, color))
        panel.on_user(self.name, lambda name: self._rename(session, name))
        panel.on_click(self.duplicate, lambda: session.duplicate_roi(self._name))
        panel.on_click(self.delete, lambda: session.delete_roi(self._name))

    def _rename(self, session: Session, new: str) -> None:
        try:
            session.rename_roi(self._name, new)
        finally:
            # A refused name must not stay in the field.
            if any(roi.name == self._name for roi in session.state.rois):
                self.name.value = self._name

    def show(self, roi: ROI, numbers: str, selected: bool) -> None:
        """Show a region with its numbers (HTML)."""
        self._name = roi.name
        self.select.value = selected
        self.color.value, self.name.value = roi.color, roi.name
        self.numbers.value = numbers


def _has_soc(session: Session) -> bool:
    maps = session.state.maps
    return maps is not None and "soc" in maps


def _button(icon: str, tooltip: str, text: str = "", width: str = "34px") -> ipywidgets.Button:
    return ipywidgets.Button(description=text, icon=icon, tooltip=tooltip, layout={"width": width})
