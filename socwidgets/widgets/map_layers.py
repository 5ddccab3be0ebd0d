"""What lies over or replaces the values of a map: uncertainty, overlays, mixtures of phases."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets
import xarray as xr

from socwidgets.model.errors import DataError
from socwidgets.widgets.map_binning import mean
from socwidgets.widgets.map_display import Display, display, display_mask
from socwidgets.widgets.map_window import window
from socwidgets.widgets.quantize import pack_mask

#: Code of a pixel without a value among the colors; white is one step darker.
_NO_COLOR, _WHITE = 0xFFFF, 0xFFFE


class MapLayers(traitlets.HasTraits):
    """Mixin of `MapView`: layers beside the values, each in a trait of its own."""

    _shown: Display | None
    _values: xr.DataArray | None
    hold_sync: Any
    send: Any

    _sigma = traitlets.Bytes(b"").tag(sync=True)
    _sigma_step = traitlets.CFloat(0.0).tag(sync=True)
    _overlay = traitlets.Bytes(b"").tag(sync=True)
    _overlay_kind = traitlets.Unicode("").tag(sync=True)

    def set_sigma(self, values: xr.DataArray | None) -> None:
        """Let pixels fade: fully where sigma reaches half of the span of the colors.

        Parameters
        ----------
        values : xarray.DataArray or None
            ``(y, x)``, standard uncertainty in the unit of the map; None shows all alike. It
            travels as 8-bit codes.

        Raises
        ------
        DataError
            If there is no map yet or the shapes differ.
        """
        if values is None:
            self._sigma = b""
            return
        shape, factors = self._geometry()
        numbers = np.asarray(values.transpose("y", "x").values, np.float64)
        if numbers.shape != shape:
            raise _other_shape(shape, numbers.shape)
        if factors != (1, 1):
            numbers = mean(numbers, factors)
        known = numbers[np.isfinite(numbers)]
        top = float(np.percentile(known, 99.5)) if known.size else 1.0
        step = top / 254 or 1.0
        codes = np.full(numbers.shape, 255, np.uint8)
        good = np.isfinite(numbers)
        codes[good] = np.rint((numbers[good] / step).clip(0, 254)).astype(np.uint8)
        with self.hold_sync():
            self._sigma_step, self._sigma = step, codes.tobytes()

    def set_overlay(self, mask: np.ndarray | None, kind: str = "labels") -> None:
        """Draw some pixels over the map.

        Parameters
        ----------
        mask : ndarray or None
            ``(y, x)`` bool; None draws nothing.
        kind : {"labels", "mask"}
            Lines in the color of the text, or a dark shade with a pattern.

        Raises
        ------
        DataError
            If there is no map yet or the shapes differ.
        """
        if mask is None:
            self._overlay = b""
            return
        shape, factors = self._geometry()
        bits = pack_mask(display_mask(mask, shape, factors))
        with self.hold_sync():
            self._overlay_kind, self._overlay = kind, bits

    def _answer_window(self, content: dict[str, Any]) -> None:
        """Send the visible part of a binned map in full resolution, to the view that asked."""
        extent, values, shown = content.get("extent"), self._values, self._shown
        good = isinstance(extent, (list, tuple)) and len(extent) == 4
        if not good or values is None or shown is None or "phases" in shown.meta:
            return
        if not all(isinstance(v, (int, float)) and math.isfinite(v) for v in extent or ()):
            return
        found = window(values, shown, extent or ())
        if found is not None:
            place, codes = found
            words = {"type": "map_window", "view": content.get("view"), "for": content.get("for")}
            self.send({**words, **place}, buffers=[codes])

    def _geometry(self) -> tuple[tuple[int, int], tuple[int, int]]:
        if self._shown is None:
            raise DataError("there is no map to lay something on", fix="call set_map first")
        ny, nx = self._shown.meta["full_shape"]
        return (ny, nx), self._shown.factors


def mixture(
    fractions: Sequence[xr.DataArray], thickness: xr.DataArray | None, colors: Sequence[str]
) -> tuple[Display, bytes]:
    """Two or three maps of fractions as one picture in 16-bit colors (5, 6, 5 bits).

    Parameters
    ----------
    fractions : sequence of xarray.DataArray
        ``(y, x)``, dimensionless.
    thickness : xarray.DataArray or None
        ``(y, x)``, the brightness.
    colors : sequence of str
        ``#rrggbb`` of each.

    Returns
    -------
    Display, bytes
        Geometry and words of the first map, with ``phases`` in the description; codes.
    """
    from socwidgets.plotting.composite import composite_rgb

    base = display(fractions[0])
    factors = base.factors
    if factors != (1, 1):
        step = {"y": slice(None, None, factors[0]), "x": slice(None, None, factors[1])}
        fractions = [values.isel(step) for values in fractions]
        thickness = None if thickness is None else thickness.isel(step)
    picture = composite_rgb(fractions, thickness, palette=list(colors))
    known = np.isfinite(np.stack([f.transpose("y", "x").values for f in fractions])).all(axis=0)
    red, green, blue = (np.rint(picture[..., i] * top).astype(np.uint16)
                        for i, top in enumerate((31, 63, 31)))  # fmt: skip
    codes = np.minimum((red << 11) | (green << 5) | blue, _WHITE).astype("<u2")
    codes[~known] = _NO_COLOR
    names = [str(f.attrs.get("long_name", f.name)) for f in fractions]
    words = [n.rsplit(":", 1)[-1].replace("Fraction of ", "").strip() for n in names]
    base.meta.update(
        phases=[{"label": w, "color": c} for w, c in zip(words, colors, strict=True)],
        label="Phases", units="", scale=1.0, offset=0.0, beyond=[False, False], range=[],
        flags=[], low_words="", high_words="",
    )  # fmt: skip
    return base, codes.tobytes()


def _other_shape(expected: tuple[int, ...], found: tuple[int, ...]) -> DataError:
    return DataError(
        "the layer does not belong to this map",
        expected=f"shape {expected} (y, x)", found=f"shape {found}",
    )  # fmt: skip
