"""The map: a canvas in the browser that draws values and regions and reports what was done."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import traitlets
import xarray as xr

from socwidgets.model.errors import DataError, ParameterError
from socwidgets.model.roi import roi_from_dict
from socwidgets.widgets.colormaps import lut, require_colormap
from socwidgets.widgets.live_model import LiveWidget, module
from socwidgets.widgets.map_actions import MapActions
from socwidgets.widgets.map_display import Display, display, display_mask
from socwidgets.widgets.map_events import MODES, MapEvent, require_tool
from socwidgets.widgets.map_layers import MapLayers, mixture
from socwidgets.widgets.quantize import pack_mask

__all__ = ["MapEvent", "MapView"]

_STATIC = Path(__file__).parent / "static"
#: Colors of phases that the color-blind can tell apart.
PHASE_COLORS = ("#d55e00", "#f0e442", "#0072b2")

#: Parts of the ES module in order; one scope, so that no build step is needed.
_PARTS = (
    "geometry", "colors", "ground", "render", "panel", "messages", "free", "window", "tools",
    "keys", "dom",
)  # fmt: skip
_OPTIONS = ("clim", "cmap", "tool", "rois", "selected", "height", "layout")


def esm_source() -> str:
    """The map's ES module as one text."""
    return module(*(f"static/map_{part}.js" for part in _PARTS), "map_view.js")


class MapView(MapActions, MapLayers, LiveWidget):
    """One map with its color bar, scale bar, regions and drawing tools.

    The browser draws and never computes a result; it reports what a person did through
    `on_event`. Every mouse action has a method here that reports the same event.

    Parameters
    ----------
    values : xarray.DataArray, optional
        The first map, see `set_map`.
    **options
        First values of ``clim``, ``cmap``, ``tool``, ``rois``, ``selected``, ``height`` (largest
        height of the map in CSS pixels, 0 for what fits into the window) and ``layout``.

    Attributes
    ----------
    clim : tuple of float
        Limits of the colors in the units of the map. Setting them recolors in the browser.
    cmap : str
        One of `colormaps.COLORMAPS`.
    tool : str
        ``pan`` (also selects, moves and resizes), ``point``, ``rectangle``, ``ellipse``,
        ``polygon``, ``lasso``, ``wand``, ``threshold`` (for the mouse like ``pan``; its range is a
        control of its own), ``brush``, ``eraser`` or ``line``.
    mode : str
        What a new drawing does: ``new``, or ``add``, ``subtract``, ``intersect`` with the selected
        region.
    brush_um : float
        Radius of brush and eraser in um; 0 for a fortieth of the map's width.
    line : list of float
        ``[x0, y0, x1, y1]`` of the line of the profile in um, or empty.
    rois : list of dict
        `ROI.to_dict` of each region; thresholds have no outline and are not drawn.
    selected : str
        Name of the selected region, or empty.
    point : list of float
        ``[x, y]`` of the marked point in um, or empty.
    can_undo, can_redo : bool
        Whether the two buttons are enabled.
    error : str
        What went wrong last, shown below the map; empty after the next event that goes well.

    Raises
    ------
    ParameterError
        If an option is unknown or its value is not allowed.
    """

    _css = (_STATIC.parent / "map_view.css").read_text(encoding="utf-8")
    _esm = esm_source()

    _codes = traitlets.Bytes(b"").tag(sync=True)
    _meta = traitlets.Dict().tag(sync=True)
    _lut = traitlets.Bytes(b"").tag(sync=True)
    _highlight = traitlets.Bytes(b"").tag(sync=True)

    clim = traitlets.Tuple(traitlets.CFloat(), traitlets.CFloat(), default_value=(0.0, 1.0)).tag(
        sync=True
    )
    cmap = traitlets.Unicode("viridis").tag(sync=True)
    tool = traitlets.Unicode("pan").tag(sync=True)
    rois = traitlets.List(traitlets.Dict()).tag(sync=True)
    selected = traitlets.Unicode("").tag(sync=True)
    mode = traitlets.Enum(MODES, default_value="new").tag(sync=True)
    brush_um = traitlets.CFloat(0.0, min=0.0).tag(sync=True)
    line = traitlets.List(traitlets.CFloat(), maxlen=4).tag(sync=True)
    point = traitlets.List(traitlets.CFloat(), maxlen=2).tag(sync=True)
    can_undo = traitlets.Bool(True).tag(sync=True)
    can_redo = traitlets.Bool(True).tag(sync=True)
    height = traitlets.CInt(0, min=0).tag(sync=True)
    error = traitlets.Unicode("").tag(sync=True)

    def __init__(self, values: xr.DataArray | None = None, **options: Any) -> None:
        unknown = [name for name in options if name not in _OPTIONS]
        if unknown:
            raise ParameterError(
                f"MapView has no option {', '.join(map(repr, unknown))}",
                expected=f"one of {', '.join(_OPTIONS)}",
            )
        self._prepare_actions()
        self._values: xr.DataArray | None = None
        self._shown: Display | None = None
        state: dict[str, Any] = {"_lut": lut(options.get("cmap", "viridis")).tobytes()}
        if values is not None:
            state |= self._show(values)
        super().__init__(**{**state, **options})
        self.on_msg(self._receive)

    # -- what is shown -------------------------------------------------------------------------

    @property
    def values(self) -> xr.DataArray | None:
        """The map that is shown, in full resolution."""
        return self._values

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the map that is shown, in full resolution; zeros without one."""
        return (
            (0, 0) if self._values is None else (self._values.sizes["y"], self._values.sizes["x"])
        )

    def set_map(self, values: xr.DataArray, clim: tuple[float, float] | None = None) -> None:
        """Show another map.

        Parameters
        ----------
        values : xarray.DataArray
            ``(y, x)``, any unit, with pixel centers in um (or in ``pixel``) as coordinates and
            the attributes ``long_name``, ``units`` and ``kind``. Row 0 is drawn at the top,
            column 0 at the left, whichever way the coordinates run. NaN and infinities are shown
            hatched. Integers with ``flag_values`` and ``flag_meanings`` are shown as categories.
            More than 2048 pixels in a dimension are binned for display, which the status line
            tells.
        clim : tuple of float, optional
            Limits of the colors; without them the central 98 % of the values.

        Raises
        ------
        DataError, UnitError
            If it is not one map of real numbers, or y and x differ in their units.
        """
        with self.hold_sync():
            old = self._shown
            for name, value in self._show(values).items():
                setattr(self, name, value)
            if clim is not None:
                self.clim = clim
            if old is None or self._meta["full_shape"] != old.meta["full_shape"]:
                self._highlight = self._sigma = self._overlay = b""

    def set_phases(
        self, fractions: Sequence[xr.DataArray], thickness: xr.DataArray | None = None,
        colors: Sequence[str] = PHASE_COLORS,
    ) -> None:  # fmt: skip
        """Show two or three phases as one picture: color is the mixture, brightness the thickness.

        Parameters
        ----------
        fractions : sequence of xarray.DataArray
            ``(y, x)``, dimensionless, coordinates as in `set_map`.
        thickness : xarray.DataArray, optional
            ``(y, x)``.
        colors : sequence of str
            ``#rrggbb`` of each phase; people who see red and green alike can tell the usual ones
            apart.

        Raises
        ------
        DataError, ParameterError
            If the maps do not fit each other.
        """
        shown, codes = mixture(fractions, thickness, list(colors)[: len(fractions)])
        with self.hold_sync():
            self._values, self._shown = fractions[0].transpose("y", "x"), shown
            self._codes, self._meta = codes, shown.meta

    def _show(self, values: xr.DataArray) -> dict[str, Any]:
        """Remember a map and return the traits that describe it."""
        shown = display(values)
        self._values, self._shown = values.transpose("y", "x"), shown
        return {"_codes": shown.quantized.codes.astype("<u2").tobytes(), "_meta": shown.meta,
                "clim": shown.clim}  # fmt: skip

    def set_highlight(self, mask: xr.DataArray | np.ndarray | None) -> None:
        """Emphasize some pixels: the others fade.

        Parameters
        ----------
        mask : xarray.DataArray, ndarray or None
            ``(y, x)``, bool, of the shape of the full map; None or an empty mask takes the
            emphasis away.

        Raises
        ------
        DataError
            If the shapes differ or there is no map yet.
        """
        if mask is None:
            self._highlight = b""
            return
        if self._shown is None:
            raise DataError("there is no map to highlight pixels on", fix="call set_map first")
        ny, nx = self._shown.meta["full_shape"]
        self._highlight = pack_mask(display_mask(mask, (ny, nx), self._shown.factors))

    # -- checks --------------------------------------------------------------------------------

    @traitlets.validate("cmap")
    def _check_cmap(self, proposal: Any) -> str:
        return require_colormap(proposal["value"])

    @traitlets.observe("cmap")
    def _send_lut(self, change: Any) -> None:
        self._lut = lut(change["new"]).tobytes()

    @traitlets.validate("tool")
    def _check_tool(self, proposal: Any) -> str:
        return require_tool(proposal["value"])

    @traitlets.validate("clim")
    def _check_clim(self, proposal: Any) -> tuple[float, float]:
        low, high = proposal["value"]
        if not (math.isfinite(low) and math.isfinite(high) and low <= high):
            raise ParameterError(
                "the limits of the colors are not a range",
                expected="two finite numbers, the lower one first",
                found=f"({low:g}, {high:g})",
            )
        return low, high

    @traitlets.validate("rois")
    def _check_rois(self, proposal: Any) -> list[dict[str, Any]]:
        return [roi_from_dict(roi).to_dict() for roi in proposal["value"]]
