"""Fits that follow a drag: at once for spectra, coarse for the map, complete when it ends."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.jobs import Job, JobRunner, JobState
from socwidgets.model.names import SIGNAL, X, Y
from socwidgets.session import fitting
from socwidgets.session.shaping import Shaping
from socwidgets.session.state import State

PREVIEW = "preview"
#: Pixels of a coarse fit, about: it must be done before the next move of a hand.
COARSE_PIXELS = 12_000


class Live(Shaping):
    """What is changed by dragging and shown while it moves."""

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
            references=state.references,
        )

        def work(*, progress: Callable[[int, int], None], cancel: threading.Event) -> xr.Dataset:
            return fitting.run(
                coarse, name, checked, None if mask is None else mask.isel(thin),
                self._charged, progress=progress, cancel=cancel,
            )  # fmt: skip

        return self.jobs.submit(PREVIEW, work, on_change=self._previewed)

    def set_window(
        self, low: float | None = None, high: float | None = None, *, moving: bool = False
    ) -> None:
        """Change the window of the fit, on the spectral axis; None leaves an end as it is.

        Parameters
        ----------
        low, high : float, optional
            In the unit of the axis; moved to the ends of the axis where they lie beyond.
        moving : bool
            Whether the end of the window is still being dragged: the map follows coarsely. Without
            it all pixels are fitted anew, if there are maps to replace.

        Raises
        ------
        ParameterError
            If the window is empty.
        """
        energies = self.energies.values
        ends = float(energies.min()), float(energies.max())
        given = {"low": low, "high": high}
        changes: dict[str, Any] = {
            k: float(np.clip(v, *ends)) for k, v in given.items() if v is not None
        }
        if moving:
            self.preview_fit(**changes)
            return
        self._stop_preview()
        state = self._state
        params = fitting.checked_parameters(state.fit_method, {**state.fit_params, **changes})
        if state.maps is None or state.references is None:
            self._update(fit_params=MappingProxyType(params))
            return
        self.start_fit(**params)

    def window(self) -> tuple[float, float] | None:
        """Window of the fit in use on the spectral axis; None if the method has none."""
        params = self._state.fit_params or fitting.checked_parameters(self._state.fit_method, {})
        if "low" not in params or "high" not in params:
            return None
        energies = self.energies.values
        low, high = (params[name] for name in ("low", "high"))
        return (
            float(energies.min()) if low is None else float(str(low)),
            float(energies.max()) if high is None else float(str(high)),
        )

    def end_preview(self) -> None:
        """Show the maps there are again."""
        self._stop_preview()
        self._update(preview=None)

    def _stop_preview(self) -> None:
        job = self.jobs.latest(PREVIEW)
        if job is not None and not job.state.finished:
            job.cancel()

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
