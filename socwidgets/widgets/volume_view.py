"""A volume as three slices through one point, linked by a crosshair."""

from __future__ import annotations

from typing import Any

import ipywidgets
import numpy as np
import xarray as xr

from socwidgets.model.names import LENGTH_UNITS, X, Y, axis_label
from socwidgets.session import Session, display
from socwidgets.session.state import Series
from socwidgets.widgets.colormaps import COLORMAPS
from socwidgets.widgets.data_view import DataView, unchanged
from socwidgets.widgets.map_events import MapEvent
from socwidgets.widgets.map_view import MapView
from socwidgets.widgets.profile_map import line_roi
from socwidgets.widgets.sources import Source, series_session

_CROSS = "#d55e00"
#: Dims of each slice: down, across.
_DIMS = {"yx": (Y, X), "zx": ("z", X), "yz": (Y, "z")}
#: Height of the slices, px.
_TALL, _FLAT = 360, 220


class VolumeView(DataView):
    """Slices ``(y, x)``, ``(z, x)`` and ``(y, z)`` of a volume through the chosen pixel and slice.

    A click in any slice moves the other two; so do the sliders. The pixel and the slice are the
    session's, so that spectra, profiles and histograms follow.

    Parameters
    ----------
    source : Session, DataArray or Dataset
        A session with a series, or values ``(z, y, x)``; the dim in front may have any name.
    framed : bool
        See `DataView`.

    Attributes
    ----------
    slices : dict of str to MapView
        ``"yx"``, ``"zx"``, ``"yz"``.
    """

    title = "Volume: three slices through one point"

    def __init__(self, source: Source, *, framed: bool = True) -> None:
        owned = not isinstance(source, Session)
        super().__init__(series_session(source, None), framed=framed, owned=owned)
        self.add_class("socwidgets-volume")
        self._kept: tuple[Any, ...] = ()
        self._span: tuple[tuple[Any, ...], tuple[float, float]] = ((), (0.0, 1.0))
        self._make_slices()
        self._make_controls()
        beside = ipywidgets.VBox([self.value, *self.sliders.values()], layout={"min_width": "0"})
        grid = ipywidgets.GridBox(
            [self.slices["yx"], self.slices["yz"], self.slices["zx"], beside],
            layout={
                # One below the other where there is no room for two: x of the first two slices is
                # then the same length.
                "grid_template_columns": "repeat(auto-fit, minmax(min(100%, 430px), 1fr))",
                "grid_gap": "4px 14px",
                "width": "100%", "min_width": "0",
            },
        )  # fmt: skip
        self.arrange([grid])
        if owned and self.session.state.series is not None:
            # The first slice of a volume is often empty.
            self.session.set_state(self.session.state.series.size // 2)
        self.follow(self._refresh_ends, "series", "stack")
        self.follow(
            self._refresh, "series", "state_index", "pixel", "map_name", "maps", "limits", "cmap"
        )
        for dim, slider in self.sliders.items():
            self.on_user(slider, lambda index, d=dim: self._slid(d, index))  # type: ignore[misc]
        for name, view in self.slices.items():
            view.on_event(lambda event, n=name: self._clicked(n, event))  # type: ignore[misc]

    def _make_slices(self) -> None:
        self.slices = {
            name: MapView(
                height=_FLAT if name == "zx" else _TALL, tool="point",
                layout={"width": "100%", "min_width": "0"},
            )
            for name in _DIMS
        }  # fmt: skip
        for view in self.slices.values():
            # The tools for regions have nothing to do here; the wheel still zooms.
            view.add_class("socwidgets-plain-map")

    def _make_controls(self) -> None:
        look = {"width": "100%", "max_width": "420px"}
        self.sliders = {
            dim: ipywidgets.IntSlider(
                min=0, max=0, description=dim, layout=look, style={"description_width": "16px"},
                tooltip=f"Position of the crosshair along {dim}, in pixels",
            )
            for dim in ("z", Y, X)
        }  # fmt: skip
        self.value = ipywidgets.HTML()

    # -- refreshing ----------------------------------------------------------------------------

    def _refresh_ends(self) -> None:
        state = self.session.state
        depth = 1 if state.series is None else state.series.size
        for dim, count in (("z", depth), (Y, state.stack.sizes[Y]), (X, state.stack.sizes[X])):
            self.sliders[dim].max = count - 1
            self.sliders[dim].disabled = count < 2

    def _at(self) -> tuple[int, int, int]:
        state = self.session.state
        middle = state.stack.sizes[Y] // 2, state.stack.sizes[X] // 2
        return (state.state_index, *(state.pixel or middle))

    def _refresh(self) -> None:
        state = self.session.state
        if state.series is None or state.map_name is None:
            return
        z, y, x = self._at()
        volume = volume_of(state.series, state.map_name)
        limits = self._limits(volume)
        cuts = {"yx": volume.isel(z=z), "zx": volume.isel(y=y), "yz": volume.isel(x=x)}
        keys = {"yx": z, "zx": y, "yz": x}
        kept = dict(self._kept)
        for name, view in self.slices.items():
            key = (state.series, state.map_name, keys[name])
            if not unchanged(kept.get(name, ()), key):
                view.set_map(flat(cuts[name], name), clim=limits)
            else:
                view.clim = limits
            kept[name] = key
            if state.cmap in COLORMAPS:
                view.cmap = state.cmap
        self._kept = tuple(kept.items())
        self._draw_cross(volume, z, y, x)
        for dim, index in (("z", z), (Y, y), (X, x)):
            self.sliders[dim].value = index

    def _limits(self, volume: xr.DataArray) -> tuple[float, float]:
        """Limits that were set, those of a quantity between 0 and 1, or those of the volume."""
        state = self.session.state
        low, high = self.session.displayed_limits()
        if display.key(state) in state.limits or (low, high) == (0.0, 1.0):
            return low, high
        key = (state.series, state.map_name)
        if not unchanged(self._span[0], key):
            values = volume.values[np.isfinite(volume.values)]
            ends = np.percentile(values, display.AUTO_PERCENTILES) if values.size else (0.0, 1.0)
            self._span = (key, (float(ends[0]), float(max(ends[1], ends[0] + 1e-12))))
        return self._span[1]

    def _draw_cross(self, volume: xr.DataArray, z: int, y: int, x: int) -> None:
        at = {d: float(volume[d][i]) for d, i in (("z", z), (Y, y), (X, x))}
        ends = {d: (float(volume[d][0]), float(volume[d][-1])) for d in ("z", Y, X)}
        for name, view in self.slices.items():
            down, across = _DIMS[name]
            view.rois = [
                line_roi(down, (ends[across][0], at[down], ends[across][1], at[down]), _CROSS),
                line_roi(across, (at[across], ends[down][0], at[across], ends[down][1]), _CROSS),
            ]
            view.point = [at[across], at[down]]
        value = float(volume.isel(z=z, y=y, x=x))
        text = "no value" if np.isnan(value) else f"{value:.4g}"
        units = "µm" if volume["z"].attrs.get("units") == LENGTH_UNITS else ""
        parts = [f"{d} <b>{at[d]:.3g}</b> {units}" for d in ("z", Y, X)]
        self.value.value = (
            '<div class="socwidgets-numbers" role="status">'
            + "".join(f"<span>{part}</span>" for part in parts)
            + f"<span>{axis_label(volume)}: <b>{text}</b></span></div>"
        )

    # -- what a person does --------------------------------------------------------------------

    def _slid(self, dim: str, index: int) -> None:
        _, y, x = self._at()
        if dim == "z":
            self.session.set_state(index)
        else:
            self._choose(index if dim == Y else y, index if dim == X else x)

    def _choose(self, y: int, x: int) -> None:
        stack = self.session.state.stack
        self.session.select_pixel(float(stack[X][x]), float(stack[Y][y]))

    def _clicked(self, name: str, event: MapEvent) -> None:
        state = self.session.state
        if event.kind != "point" or state.series is None or state.map_name is None:
            return
        volume = volume_of(state.series, state.map_name)
        down, across = _DIMS[name]
        z, y, x = self._at()
        found = {"z": z, Y: y, X: x}
        found[across], found[down] = (
            int(np.argmin(np.abs(volume[d].values - at)))
            for d, at in ((across, event.x), (down, event.y))
        )
        if found["z"] != z:
            self.session.set_state(found["z"])
        self._choose(found[Y], found[X])


def volume_of(series: Series, name: str) -> xr.DataArray:
    """Values ``(z, y, x)`` of a series, with z in um, or slices spaced like pixels."""
    values = series.maps[name].rename({series.dim: "z"} if series.dim != "z" else {})
    values = values.transpose("z", Y, X)
    known = "z" in values.coords and values["z"].attrs.get("units") == LENGTH_UNITS
    if known:
        return values
    step = abs(float(values[X][1] - values[X][0])) if values.sizes[X] > 1 else 1.0
    return values.assign_coords(z=("z", np.arange(values.sizes["z"]) * step))


def flat(cut: xr.DataArray, name: str) -> xr.DataArray:
    """A slice as an image: its dims become y (down) and x (across)."""
    down, across = _DIMS[name]
    units = cut[X if X in cut.dims else Y].attrs.get("units", LENGTH_UNITS)
    return xr.DataArray(
        cut.transpose(down, across).values,
        {
            Y: (Y, cut[down].values.astype(float), {"units": units}),
            X: (X, cut[across].values.astype(float), {"units": units}),
        },
        (Y, X), name=cut.name, attrs=cut.attrs,
    )  # fmt: skip
