"""The coordinates of one region as numbers to type: the way to draw without a mouse."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import ipywidgets

from socwidgets.model.errors import ParameterError
from socwidgets.model.roi import ROI, Polygon, Shape
from socwidgets.widgets.safe import Guard, Quiet

_WORDS = {
    "x0": "x₀ (µm)", "y0": "y₀ (µm)", "x1": "x₁ (µm)", "y1": "y₁ (µm)",
    "cx": "x (µm)", "cy": "y (µm)", "rx": "± x (µm)", "ry": "± y (µm)",
    "low": "from", "high": "to",
}  # fmt: skip
_MOST = 4


class ShapeFields(ipywidgets.HBox):
    """Number fields for the selected region; hidden without one.

    The fields are made once and shown for whatever shape is selected, so that nothing piles up in
    the browser.
    """

    def __init__(self) -> None:
        self.numbers = [
            ipywidgets.FloatText(
                continuous_update=False, layout={"width": "138px"},
                style={"description_width": "62px"},
            )
            for _ in range(_MOST)
        ]  # fmt: skip
        self.vertices = ipywidgets.Text(
            description="Vertices", continuous_update=False,
            layout={"flex": "1 1 auto", "min_width": "320px"}, style={"description_width": "62px"},
            tooltip="x, y of each vertex in µm, separated by semicolons",
        )  # fmt: skip
        super().__init__(
            [*self.numbers, self.vertices],
            layout={"flex_flow": "row wrap", "grid_gap": "2px", "display": "none"},
        )
        self._shape: Shape | None = None
        self._quiet = Quiet()
        self._callback: Callable[[Shape], None] | None = None

    def on_change(self, callback: Callable[[Shape], None], guard: Guard) -> None:
        """Call ``callback(shape)``, guarded, when a person has changed a coordinate."""
        self._callback = callback
        for control in (*self.numbers, self.vertices):
            control.observe(guard(self._changed), "value")

    def show(self, roi: ROI | None) -> None:
        """Show the coordinates of a region, or nothing."""
        self._shape = None if roi is None else roi.shape
        with self._quiet:
            names = _fields(self._shape)
            for control, name in zip(self.numbers, names, strict=False):
                control.description = _WORDS[name]
                control.value = float(f"{getattr(self._shape, name):.6g}")
            for i, control in enumerate(self.numbers):
                control.layout.display = "flex" if i < len(names) else "none"
            polygon = isinstance(self._shape, Polygon)
            if isinstance(self._shape, Polygon):
                self.vertices.value = "; ".join(
                    f"{x:.4g}, {y:.4g}" for x, y in self._shape.vertices
                )
            self.vertices.layout.display = "flex" if polygon else "none"
            self.layout.display = "none" if roi is None else "flex"

    def _changed(self, change: Any) -> None:
        if self._quiet or self._shape is None or self._callback is None:
            return
        if change["owner"] is self.vertices:
            self._callback(Polygon(parse_vertices(change["new"])))
        else:
            name = _fields(self._shape)[self.numbers.index(change["owner"])]
            changed: dict[str, Any] = {name: float(change["new"])}
            self._callback(dataclasses.replace(self._shape, **changed))


def parse_vertices(text: str) -> tuple[tuple[float, float], ...]:
    """Read ``"x, y; x, y; ..."``.

    Raises
    ------
    ParameterError
        If it is anything else.
    """
    try:
        pairs = [part.split(",") for part in text.split(";") if part.strip()]
        return tuple((float(x), float(y)) for x, y in pairs)
    except ValueError:
        raise ParameterError(
            "the vertices cannot be read", expected="x, y; x, y; x, y", found=text[:80]
        ) from None


def _fields(shape: Shape | None) -> list[str]:
    if shape is None or isinstance(shape, Polygon):
        return []
    return [spec.name for spec in dataclasses.fields(shape) if spec.name in _WORDS]
