"""Fits that follow a drag: at once for spectra, coarse for the map, complete when it ends."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import xarray as xr

from socwidgets.jobs import Job, JobRunner, JobState
from socwidgets.model.errors import ParameterError, SocwidgetsError
from socwidgets.model.names import SIGNAL, X, Y
from socwidgets.session import fitting
from socwidgets.session.shaping import Shaping
from socwidgets.session.state import State
from socwidgets.session.windows import Window, changes_of, windows_of

if TYPE_CHECKING:
    from socwidgets.analysis.calibration import Calibration

PREVIEW = "preview"
#: Pixels of a coarse fit, about: it must be done before the next move of a hand.
COARSE_PIXELS = 12_000


class Owner(Protocol):
    """Who fits and calibrates in a session's stead: a workflow has more results to keep."""

    def fit(self, method: str, params: Mapping[str, Any]) -> None:
        """Fit all pixels anew."""

    def calibrate(self, calibration: Calibration) -> None:
        """Calibrate the fit anew."""


class Live(Shaping):
    """What is changed by dragging and shown while it moves."""

    #: Asked when a drag ends; None for the session itself.
    owner: Owner | None = None
    jobs: JobRunner
    _mask: xr.DataArray | None
    _charged: str | None
    start_fit: Callable[..., Job]

    def preview_fit(self, method: str | None = None, **params: Any) -> Job:
        """Fit spectra with other parameters at once, and a coarse sample of the pixels.

        The coarse maps are shown in the map view only, until a fit of all pixels replaces them or
        `end_preview` drops them.

        Parameters
        ----------
        method : str, optional
            Method of `fit_map`; the last one used if left out.
        **params
            Changes of the parameters in use.

        Raises
        ------
        ParameterError
            At once, if a parameter is wrong.
        """
        state = self._state
        name = method or state.fit_method
        same = name == state.fit_method
        checked = fitting.checked_parameters(name, {**(state.fit_params if same else {}), **params})
        self._update(fit_method=name, fit_params=MappingProxyType(checked), message="", error="")
        step = coarse_step(state.stack)
        thin = {Y: slice(step // 2, None, step), X: slice(step // 2, None, step)}
        mask = self._mask if self._mask is not None else fitting.mask_of(state.maps)
        coarse = State(
            stack=state.stack.isel(thin).drop_vars("labels", errors="ignore"),
            references=state.references, calibration=state.calibration,
        )  # fmt: skip

        def work(*, progress: Callable[[int, int], None], cancel: threading.Event) -> xr.Dataset:
            return fitting.run(
                coarse, name, checked, None if mask is None else mask.isel(thin),
                self._charged, progress=progress, cancel=cancel,
            )  # fmt: skip

        return self.jobs.submit(PREVIEW, work, on_change=self._previewed)

    def set_window(
        self, low: float | None = None, high: float | None = None, *, name: str = "",
        moving: bool = False,
    ) -> None:  # fmt: skip
        """Change a window of the fit, on the spectral axis; None leaves an end as it is.

        Parameters
        ----------
        low, high : float, optional
            In the unit of the axis; moved to the ends of the axis where they lie beyond.
        name : str
            One of `windows`; the first if left out.
        moving : bool
            Whether the end of the window is still being dragged: the map follows coarsely. Without
            it all pixels are fitted anew, if there are maps to replace.

        Raises
        ------
        ParameterError
            If the window is empty, or there is none of this name.
        """
        state = self._state
        known = {window.name: window for window in self.windows()}
        name = name or next(iter(known), "fit")
        changes: dict[str, Any] = {}
        ends = self._ends()
        if name in known:
            new = [
                old if value is None else float(np.clip(value, *ends))
                for value, old in ((low, known[name].low), (high, known[name].high))
            ]
            changes = changes_of(name, new[0], new[1], self._completed(), ends)
        if not changes or not new[0] < new[1]:
            raise ParameterError(
                f"the window {name!r} cannot be set",
                expected=f"one of {', '.join(known) or 'none'}, its lower end first",
                found=f"{low} to {high}",
            )
        if moving:
            self.preview_fit(**changes)
            return
        self.jobs.cancel(PREVIEW)
        params = fitting.checked_parameters(state.fit_method, {**state.fit_params, **changes})
        if state.maps is None or not fitting.can_fit(state):
            self._update(fit_params=MappingProxyType(params))
        elif self.owner is not None:
            self._update(fit_params=MappingProxyType(params))
            self.owner.fit(state.fit_method, params)
        else:
            self.start_fit(**params)

    def windows(self) -> tuple[Window, ...]:
        """Windows of the method in use on the spectral axis; those left open are filled in."""
        try:
            params = self._completed()
        except SocwidgetsError:
            return ()  # no edge to be found in this stack
        return windows_of(params, self._ends())

    def window(self) -> tuple[float, float] | None:
        """Window of the fit in use on the spectral axis; None if the method has none."""
        found = next((w for w in self.windows() if w.name == "fit"), None)
        return None if found is None else (found.low, found.high)

    def set_method(self, method: str, params: Mapping[str, Any] | None = None) -> None:
        """Fit spectra of regions and pixels by another method; the maps there are stay.

        Raises
        ------
        ParameterError
            If the method or a parameter is unknown or a value does not fit.
        """
        checked = fitting.checked_parameters(method, params or {})
        self.jobs.cancel(PREVIEW)
        self._update(fit_method=method, fit_params=MappingProxyType(checked), preview=None)

    def _completed(self) -> dict[str, Any]:
        """Parameters in use, with what is left open filled in from the mean spectrum."""
        state = self._state
        key = ("completed", state.fit_method, tuple(sorted(state.fit_params.items(), key=str)))
        return self._derived.of(
            state, key, lambda: fitting.completed(state, lambda: self._derived.overall(state))
        )

    def _ends(self) -> tuple[float, float]:
        energies = self.energies.values
        return float(energies.min()), float(energies.max())

    def end_preview(self) -> None:
        """Show the maps there are again."""
        self.jobs.cancel(PREVIEW)
        self._update(preview=None)

    def _previewed(self, job: Job) -> None:
        def change(state: State) -> dict[str, Any]:
            if self.jobs.latest(PREVIEW) is not job:
                return {}
            if job.state == JobState.DONE:
                return {"preview": job.result}
            if job.state == JobState.FAILED:
                return {"preview": None, "error": f"fit: {job.error}"}
            return {}

        self._update(change)


def coarse_step(stack: xr.Dataset) -> int:
    """Every how many pixels a coarse fit takes one, along y and x."""
    frame = stack[SIGNAL].sizes[Y] * stack[SIGNAL].sizes[X]
    return max(1, math.ceil(math.sqrt(frame / COARSE_PIXELS)))
