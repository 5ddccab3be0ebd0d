"""Fits of all pixels that a session runs: started, followed, cancelled, taken over."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from types import MappingProxyType
from typing import Any

import xarray as xr

from socwidgets.jobs import Job, JobCallback, JobState
from socwidgets.session import fitting
from socwidgets.session.calibrating import Calibrating
from socwidgets.session.checks import check_maps
from socwidgets.session.observable import enlist
from socwidgets.session.remarks import heard_warnings
from socwidgets.session.state import State

FIT = "fit"

#: Seconds until the stack is indexed: the first map should have the processor to itself.
_AFTER_FIRST_MAP_S = 1.5


class Fits(Calibrating):
    """Long fits, and what becomes of their maps."""

    _job_observers: list[JobCallback]
    _prepare: Callable[..., None]

    def on_job(self, callback: JobCallback) -> Callable[[], None]:
        """Call ``callback(job)`` at each change of any job; returns a function that stops it."""
        return enlist(self._lock, self._job_observers, callback)

    def start_fit(self, method: str | None = None, **params: Any) -> Job:
        """Fit every pixel in a job; its maps replace the old ones when it is done.

        Parameters
        ----------
        method : str, optional
            Method of `fit_map`; the last one used if left out.
        **params
            Parameters of the method; its defaults if left out.

        Raises
        ------
        ParameterError
            At once, if a parameter is wrong. Errors of the data become the job's `error`.
        """
        state = self._state
        name = method or state.fit_method
        checked = fitting.checked_parameters(name, params)
        self._update(
            fit_method=name, fit_params=MappingProxyType(checked), message="fitting", error=""
        )
        mask = self._mask if self._mask is not None else fitting.mask_of(state.maps)

        def work(*, progress: Callable[[int, int], None], cancel: threading.Event) -> xr.Dataset:
            with heard_warnings() as heard:
                maps = fitting.run(
                    state, name, checked, mask, self._charged, progress=progress, cancel=cancel
                )
            self._heard = maps, tuple(heard)
            return maps

        return self.jobs.submit(FIT, work, on_change=self._job_changed)

    def cancel_fit(self) -> None:
        """Ask the running fit to stop; the maps there are stay."""
        self.jobs.cancel(FIT)

    def warm_up(self) -> Job:
        """Compile the kernels and index the stack in the background; nobody waits for it."""
        state = self._state
        job = self.jobs.submit("warm-up", partial(fitting.warm_up, state.fit_method))
        if not self._derived.indexed(state):
            self._prepare(state, _AFTER_FIRST_MAP_S)
        return job

    def set_maps(self, maps: xr.Dataset | None) -> None:
        """Replace the map set; the chosen map stays if it is still there. None for no maps."""
        if maps is None:
            self._update(**fitting.NO_MAPS)
            return
        check_maps(self._state.stack, maps)
        self._update(lambda state: fitting.new_maps(state, maps))

    def _job_changed(self, job: Job) -> None:
        if job.state.finished:
            self._job_finished(job)
        with self._lock:
            observers = tuple(self._job_observers)
        for observer in observers:
            try:
                observer(job)
            except Exception as error:
                self.report_error(error, "a view could not follow a job")

    def _job_finished(self, job: Job) -> None:
        # Checked inside the lock: a fit that has been superseded must not bring its maps.
        def change(state: State) -> dict[str, Any]:
            if self.jobs.latest(FIT) is not job:
                return {}
            if job.state == JobState.DONE:
                text = fitting.done_message(job.result, job.seconds)
                return {**fitting.new_maps(state, job.result), "message": text}
            if job.state == JobState.FAILED:
                return {"preview": None, "message": "fit failed", "error": f"fit: {job.error}"}
            return {"preview": None, "message": "fit cancelled; the maps are those from before"}

        self._update(change)
