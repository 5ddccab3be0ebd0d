"""Everything a mouse can do with what is shown: maps, frames, limits, pixels, ranges."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.model.errors import ParameterError
from socwidgets.model.mapset import display_maps
from socwidgets.model.names import SIGNAL, X, Y, spectral_dim
from socwidgets.model.roi import ROI, Threshold
from socwidgets.session import display
from socwidgets.session.regions import Regions
from socwidgets.session.state import State

OVERLAYS = ("", "labels", "mask")


class Viewing(Regions):
    """What the views of a session show."""

    @property
    def map_names(self) -> list[str]:
        """Names of the maps there are, in the order a person would look at them."""
        maps = self._state.maps
        return [] if maps is None else display_maps(maps)

    @property
    def energies(self) -> xr.DataArray:
        """The spectral coordinate of the stack."""
        stack = self._state.stack
        return stack[spectral_dim(stack[SIGNAL])]

    def displayed(self) -> xr.DataArray:
        """What the map view shows, ``(y, x)``: a map, or the frame at the chosen energy."""
        return display.displayed(self._state)

    def displayed_limits(self) -> tuple[float, float]:
        """Color limits of what is shown: those set, otherwise sensible ones."""
        return display.limits(self._state)

    def show_map(self) -> None:
        """Show the chosen map."""
        if self._state.maps is None:
            raise ParameterError("there is no map yet", fix="run a fit first")
        self._update(show_frame=False, brush=None)

    def show_frame(self, index: int | None = None) -> None:
        """Show the frame at an energy; at the current one if `index` is left out."""
        if index is not None:
            self.set_energy(index)
        self._update(show_frame=True, brush=None)

    def select_map(self, name: str) -> None:
        """Choose a map by its variable's name, and show it."""
        if name not in self.map_names:
            raise ParameterError(
                f"there is no map {name!r}", expected=", ".join(self.map_names) or "none yet"
            )

        def change(state: State) -> dict[str, Any]:
            same = state.map_name == name and not state.show_frame
            return {
                "map_name": name, "show_frame": False, "phases": (),
                "brush": state.brush if same else None,
            }  # fmt: skip

        self._update(change)

    def set_energy(self, index: int) -> None:
        """Move the energy cursor to a position on the spectral axis."""
        count = self.energies.size
        if not 0 <= int(index) < count:
            raise ParameterError(
                "there is no such energy", expected=f"0 to {count - 1}", found=str(index)
            )
        self._update(energy_index=int(index))

    def set_limits(self, low: float, high: float) -> None:
        """Set the color limits of what is shown."""
        low, high = float(low), float(high)
        if not (np.isfinite(low) and np.isfinite(high) and low < high):
            raise ParameterError(
                "color limits must be two numbers, the lower first", found=f"{low:g}, {high:g}"
            )
        self._update(
            lambda state: {
                "limits": MappingProxyType({**state.limits, display.key(state): (low, high)})
            }
        )

    def auto_limits(self) -> None:
        """Set the color limits to the 2nd and 98th percentile of what is shown."""
        self.set_limits(*display.percentile_limits(self._state))

    def set_cmap(self, cmap: str) -> None:
        """Choose the color map by its matplotlib name."""
        self._update(cmap=str(cmap))

    def show_phases(self, *names: str) -> None:
        """Mix two or three maps of fractions as colors in the map view; no name ends it."""
        unknown = [name for name in names if name not in self.map_names]
        if unknown or len(names) not in (0, 2, 3):
            raise ParameterError(
                "these maps cannot be mixed",
                expected=f"two or three of {', '.join(self.map_names) or 'none yet'}",
                found=", ".join(names),
            )
        self._update(
            lambda state: {
                "phases": tuple(names),
                "show_frame": state.show_frame and not names,
            }
        )

    @property
    def fraction_names(self) -> list[str]:
        """Maps that can be mixed as colors, at most three, the fitted fractions."""
        found = [n for n in self.map_names if n.startswith("fraction_")]
        plain = [n for n in found if not n.endswith(("_std", "_free", "_bounded"))]
        return plain[:3] if len(plain) >= 2 else []

    def set_fade(self, fade: bool) -> None:
        """Let pixels fade with their standard uncertainty, or show all alike."""
        self._update(fade=bool(fade))

    def set_overlay(self, overlay: str) -> None:
        """Draw the particles' outlines (``labels``) or unusable pixels (``mask``) over the map."""
        if overlay not in OVERLAYS:
            raise ParameterError(
                "there is no such overlay", expected=repr(OVERLAYS), found=repr(overlay)
            )
        self._update(overlay=overlay)

    def sigma(self) -> xr.DataArray | None:
        """Standard uncertainty of the map that is shown, ``(y, x)``; None where it is not known."""
        return display.sigma(self._state)

    def overlay_mask(self) -> np.ndarray | None:
        """Pixels ``(y, x)`` that the overlay marks; None without one."""
        return display.overlay_mask(self._state)

    def pixel_words(self, x_um: float, y_um: float) -> str:
        """Value and standard uncertainty at a place, for a person; empty outside the image."""
        return display.pixel_words(self._state, x_um, y_um)

    def select_pixel(self, x_um: float, y_um: float) -> tuple[int, int] | None:
        """Choose the pixel at a position in um, and its particle; outside the image, none."""
        pixel = display.pixel_at(self._state.stack, x_um, y_um)

        def change(state: State) -> dict[str, Any]:
            found: dict[str, Any] = {"pixel": pixel, "focus": "roi" if pixel is None else "pixel"}
            if state.labels is None or pixel is None:
                return found
            label = int(state.labels.transpose(Y, X).values[pixel])
            if not label:
                return {**found, "particle": None}
            return {**found, "particle": label, "brush": None, "box": None}

        self._update(change)
        return pixel

    def clear_pixel(self) -> None:
        """Choose no pixel."""
        self._update(pixel=None, focus="roi")

    def brush(self, low: float, high: float) -> None:
        """Highlight the pixels whose shown value lies in ``[low, high]``."""
        low, high = sorted((float(low), float(high)))
        self._update(brush=(low, high), box=None)

    def clear_brush(self) -> None:
        """Highlight nothing."""
        self._update(brush=None)

    def highlight(self) -> np.ndarray | None:
        """Pixels to highlight, ``(y, x)`` bool: brushed ones, or a selected threshold region."""
        return display.highlight(self._state)

    def threshold_roi(
        self, low: float | None = None, high: float | None = None, name: str | None = None
    ) -> ROI:
        """Make a region of all pixels whose value of the chosen map lies in a range.

        Parameters
        ----------
        low, high : float, optional
            In the map's units; the brushed range if left out.
        name : str, optional
            Name of the region.
        """
        if low is None or high is None:
            brush = self._state.brush
            if brush is None:
                raise ParameterError("no range is chosen", fix="brush the histogram first")
            low, high = brush
        return self.add_roi(self._threshold(low, high), name)

    def _threshold(self, low: float, high: float) -> Threshold:
        state = self._state
        if state.map_name is None or state.show_frame:
            raise ParameterError(
                "a region by value needs a map", found="a frame", fix="choose a map first"
            )
        return Threshold(state.map_name, *sorted((float(low), float(high))))

    def chosen_threshold(self) -> tuple[str, Threshold] | None:
        """Name and range of the selected region, if it is a range of the map that is shown."""
        state = self._state
        roi = next((r for r in state.rois if r.name == state.selected), None)
        if roi is None or not isinstance(roi.shape, Threshold) or state.show_frame:
            return None
        return (roi.name, roi.shape) if roi.shape.variable == state.map_name else None

    def draft_threshold(self, low: float, high: float) -> None:
        """Show what `move_threshold` would make, without a fit and without a step of undo.

        Parameters
        ----------
        low, high : float
            In the map's units.

        Raises
        ------
        ParameterError
            If a frame is shown.
        """
        chosen = self.chosen_threshold()
        self.set_draft(self._threshold(low, high), None if chosen is None else chosen[0])

    def move_threshold(self, low: float, high: float) -> ROI:
        """Give the selected range of the shown map other ends; make one if none is selected.

        Moves without a pause, the making of the region included, are one step of undo.

        Parameters
        ----------
        low, high : float
            In the map's units.

        Raises
        ------
        ParameterError
            If a frame is shown.
        """
        chosen, shape = self.chosen_threshold(), self._threshold(low, high)
        if chosen is None:
            return self.add_roi(shape, moving=True)
        self.move_roi(chosen[0], shape)
        return self.roi(chosen[0])
