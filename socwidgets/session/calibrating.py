"""Calibrations that follow a drag: coarse while it moves, of all pixels when it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from socwidgets.model.errors import DataError
from socwidgets.model.kinds import KIND
from socwidgets.model.mapset import display_maps, notes_of
from socwidgets.model.names import STATUS, X, Y
from socwidgets.model.status import Status
from socwidgets.session import fitting
from socwidgets.session.live import Live, coarse_step
from socwidgets.session.state import State

if TYPE_CHECKING:
    from socwidgets.analysis.calibration import Calibration

#: What earlier calibrations said about themselves.
_SAID = ("calibration_doubts", "caveats")


class Calibrating(Live):
    """From fitted quantities to a state of charge, and back to another one."""

    _mask: xr.DataArray | None
    #: Maps of the last fit, and its warnings.
    _heard: tuple[xr.Dataset | None, tuple[str, ...]] = (None, ())

    def set_calibration(self, calibration: Calibration, *, moving: bool = False) -> None:
        """Calibrate the maps anew.

        Parameters
        ----------
        calibration : TwoPoint or StandardsCurve
            With the name of a map, see `calibratable`.
        moving : bool
            Whether one of its points is still being dragged: the map view follows on a sample of
            the pixels. Without it all maps are made anew.

        Raises
        ------
        DataError, KindError
            If the maps cannot be calibrated by it.
        """
        maps = self._state.maps
        if maps is None or calibration.variable not in maps:
            raise DataError(
                f"there is no map {calibration.variable!r} to calibrate",
                expected=", ".join(self.calibratable()) or "maps of a fit",
            )
        if moving:
            step = coarse_step(self._state.stack)
            thin = {Y: slice(step // 2, None, step), X: slice(step // 2, None, step)}
            coarse = fitting.with_calibration(
                plain_fit(maps, calibration.variable).isel(thin), calibration, None
            )
            self._update(calibration=calibration, preview=coarse)
        elif self.owner is not None:
            self._update(calibration=calibration)
            self.owner.calibrate(calibration)
        else:
            made = fitting.with_calibration(
                plain_fit(maps, calibration.variable), calibration, None
            )

            def change(state: State) -> dict[str, Any]:
                new = state.maps is None or calibration.kind not in state.maps
                name = calibration.kind if new else state.map_name
                return {**fitting.new_maps(state, made), "map_name": name}

            self._update(change, calibration=calibration)

    def take_calibration(self, calibration: Calibration | None) -> None:
        """Know how the maps there are were calibrated, or that it was by a fraction."""
        self._update(calibration=calibration)

    def calibratable(self) -> list[str]:
        """Maps that a calibration can start from: quantities of the fit that have a kind."""
        maps = self._state.maps
        if maps is None:
            return []
        made = calibrated_names(maps)
        return [
            name
            for name in display_maps(maps)
            if maps[name].attrs.get(KIND) and name not in made and not name.endswith("_std")
        ]

    def notes(self) -> list[str]:
        """What a reader of the maps must know: doubts, caveats, warnings of the fit."""
        maps, (fitted, heard) = self._state.maps, self._heard
        if maps is None:
            return []
        notes = notes_of(maps)
        return notes + [text for text in heard if maps is fitted and text not in notes]


def calibrated_names(maps: xr.Dataset) -> set[str]:
    """Names of the maps that a calibration made."""
    from socwidgets.analysis.calibration_lines import COMPOSITIONS

    ends = ("", "_std", "_bounded", "_systematic")
    return {f"{name}{end}" for name in COMPOSITIONS for end in ends if f"{name}{end}" in maps}


def plain_fit(maps: xr.Dataset, variable: str) -> xr.Dataset:
    """A fit without what a calibration added to it."""
    fit = maps.drop_vars(list(calibrated_names(maps)))
    fit.attrs = {k: v for k, v in fit.attrs.items() if k not in _SAID}
    if STATUS in fit:
        codes = fit[STATUS]
        # A pixel beyond one calibration's range may be within another's; one that the fit itself
        # could not place has no value.
        beyond = (codes == int(Status.OUT_OF_RANGE)) & np.isfinite(maps[variable])
        fit[STATUS] = codes.where(~beyond, np.uint8(Status.OK)).assign_attrs(codes.attrs)
    return fit
