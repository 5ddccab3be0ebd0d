"""The one observable state that views share, and everything a mouse can do as a method."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import xarray as xr

from socwidgets.jobs import Job, JobCallback, JobRunner, JobState
from socwidgets.model.errors import DataError, ParameterError, SocwidgetsError
from socwidgets.model.mapset import display_maps, validate_maps
from socwidgets.model.names import SIGNAL, spectral_dim
from socwidgets.model.roi import ROI, Shape
from socwidgets.model.stack import parse_stack
from socwidgets.session import display, fitting
from socwidgets.session.choosing import check_pixels, checked_labels
from socwidgets.session.derived import Derived
from socwidgets.session.live import Live
from socwidgets.session.roi_names import find_roi, unique_rois
from socwidgets.session.state import State, Statistics

FIT = "fit"

#: Seconds until the stack is indexed: the first map should have the processor to itself.
_AFTER_FIRST_MAP_S = 1.5


class Session(Live):
    """State of one explorer: plain Python, no widgets, safe to use from any thread.

    Parameters
    ----------
    stack : xarray.Dataset
        ``signal`` ``(<spectral>, y, x)``.
    maps : xarray.Dataset, optional
        Map set on the same pixels; without one the frames are shown until a fit has made one.
    references : xarray.DataArray, optional
        ``(component, <spectral>)``; without them spectra are shown without a fit.
    rois : sequence of ROI, optional
        Regions to start with.
    map_name : str, optional
        Map to start with; the first quantity if left out.
    charged : str, optional
        Reference that stands for the charged state when a fit is turned into SOC; the last one if
        left out.
    mask : xarray.DataArray, optional
        ``(y, x)`` bool, pixels that a fit started here uses. If left out: those that `maps` does
        not call masked or too weak.
    labels : xarray.DataArray, optional
        ``(y, x)`` integer, the particles; 0 = background.
    runner : JobRunner, optional
        Where fits run; threads of their own if left out.

    Raises
    ------
    SchemaError, DataError, ParameterError
        If the objects are not what they should be or do not belong together.
    """

    def __init__(
        self,
        stack: xr.Dataset,
        maps: xr.Dataset | None = None,
        references: xr.DataArray | None = None,
        *,
        rois: tuple[ROI, ...] | list[ROI] | None = None,
        map_name: str | None = None,
        charged: str | None = None,
        mask: xr.DataArray | None = None,
        labels: xr.DataArray | None = None,
        runner: JobRunner | None = None,
    ) -> None:
        stack = _plain_stack(stack)
        if maps is not None:
            _check_maps(stack, maps)
        regions = unique_rois(rois or ())
        middle = stack.sizes[spectral_dim(stack[SIGNAL])] // 2
        name = _chosen_map(maps, map_name)
        start = State(
            stack=stack,
            maps=maps,
            references=references,
            labels=checked_labels(stack, labels),
            map_name=name,
            energy_index=middle,
            show_frame=name is None,
            rois=regions,
            selected=regions[-1].name if regions else None,
        )
        super().__init__(start)
        self.jobs = runner or JobRunner()
        self._derived = Derived()
        self._job_observers: list[JobCallback] = []
        self._charged = charged
        self._mask = mask
        self._preparing: object = None

    # -- what follows from it ------------------------------------------------------------------

    def roi_mask(self, roi: str | ROI | Shape) -> xr.DataArray:
        """Pixels of a region, ``(y, x)`` bool."""
        return self._derived.mask(self._state, self._shape(roi))

    def roi_spectrum(self, roi: str | ROI | Shape) -> xr.Dataset:
        """``mean``, ``std``, ``sem`` and ``count`` of a region over the spectral axis."""
        state = self._state
        if not self._derived.indexed(state):
            self._prepare(state)
        return self._derived.spectrum(state, self._shape(roi))

    def _prepare(self, state: State, pause_s: float = 0.0) -> None:
        """Index the stack in the background, once; until then regions read all their pixels."""
        job = self.jobs.latest("index")
        if self._preparing is state.stack and job is not None and not job.state.finished:
            return
        self._preparing = state.stack

        def work(*, progress: Callable[[int, int], None], cancel: threading.Event) -> None:
            if not cancel.wait(0.0 if self.jobs.inline else pause_s):
                self._derived.prepare(state)
            progress(1, 1)

        self.jobs.submit("index", work)

    def roi_fit(self, roi: str | ROI | Shape) -> xr.Dataset | None:
        """Fit of a region's mean spectrum; None without references."""
        return self._derived.roi_fit(self._state, self._shape(roi))

    def roi_statistics(self, roi: str | ROI) -> Statistics:
        """Numbers of a region on what is shown, and its weighted SOC."""
        state = self._state
        region = find_roi(state.rois, roi) if isinstance(roi, str) else roi
        return self._derived.statistics(state, region, display.displayed(state))

    def overall_spectrum(self) -> xr.Dataset:
        """Like `roi_spectrum`, of all usable pixels; of an even sample where there are many."""
        return self._derived.overall(self._state)

    def overall_fit(self) -> xr.Dataset | None:
        """Fit of the mean spectrum of all usable pixels; None without references."""
        return self._derived.overall_fit(self._state)

    def pixel_spectrum(self) -> xr.DataArray | None:
        """Spectrum of the chosen pixel."""
        state = self._state
        return None if state.pixel is None else self._derived.pixel_spectrum(state, state.pixel)

    def pixel_fit(self) -> xr.Dataset | None:
        """Fit of the chosen pixel's spectrum; None without references."""
        state = self._state
        return None if state.pixel is None else self._derived.pixel_fit(state, state.pixel)

    def _shape(self, roi: str | ROI | Shape) -> Shape:
        if isinstance(roi, str):
            roi = self.roi(roi)
        return roi.shape if isinstance(roi, ROI) else roi

    # -- fits ----------------------------------------------------------------------------------

    def on_job(self, callback: JobCallback) -> Callable[[], None]:
        """Call ``callback(job)`` at each change of any job; returns a function that stops it."""
        with self._lock:
            self._job_observers.append(callback)

        def stop() -> None:
            with self._lock:
                if callback in self._job_observers:
                    self._job_observers.remove(callback)

        return stop

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
            return fitting.run(
                state, name, checked, mask, self._charged, progress=progress, cancel=cancel
            )

        return self.jobs.submit(FIT, work, on_change=self._job_changed)

    def cancel_fit(self) -> None:
        """Ask the running fit to stop; the maps there are stay."""
        job = self.jobs.latest(FIT)
        if job is not None and not job.state.finished:
            job.cancel()

    def warm_up(self) -> Job:
        """Compile the kernels and index the stack in the background; nobody waits for it."""
        state = self._state
        job = self.jobs.submit("warm-up", fitting.warm_up)
        if not self._derived.indexed(state):
            self._prepare(state, _AFTER_FIRST_MAP_S)
        return job

    @property
    def charged(self) -> str | None:
        """Reference that stands for the charged state; None for the last one."""
        return self._charged

    @property
    def mask(self) -> xr.DataArray | None:
        """Pixels that a fit started here uses, ``(y, x)`` bool; None for those of the maps."""
        return self._mask

    def restore(self, fields: dict[str, Any]) -> None:
        """Take fields of a saved state at once; edits before cannot be undone."""
        self._past.clear()
        self._future.clear()
        self._update(lambda _state: fields)

    def set_maps(self, maps: xr.Dataset) -> None:
        """Replace the map set; the chosen map stays if it is still there."""
        _check_maps(self._state.stack, maps)
        self._update(lambda state: fitting.new_maps(state, maps))

    def close(self) -> None:
        """Cancel what runs and forget all observers."""
        self.jobs.close()
        with self._lock:
            self._observers.clear()
            self._job_observers.clear()

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


def _plain_stack(stack: xr.Dataset) -> xr.Dataset:
    stack = parse_stack(stack)
    if stack[SIGNAL].ndim == 3:
        return stack
    lead = [str(d) for d in stack[SIGNAL].dims[:-3]]
    chosen = ", ".join(f"{d}=0" for d in lead)
    raise DataError(
        "the explorer shows one stack at a time",
        expected=f"dims ({spectral_dim(stack[SIGNAL])}, y, x)",
        found=f"{tuple(map(str, stack[SIGNAL].dims))}",
        fix=f"choose one, for instance stack.isel({chosen})",
    )


def _check_maps(stack: xr.Dataset, maps: xr.Dataset) -> None:
    validate_maps(maps)
    check_pixels(stack, maps)


def _chosen_map(maps: xr.Dataset | None, name: str | None) -> str | None:
    if maps is None:
        if name is not None:
            raise SocwidgetsError(f"map {name!r} was asked for", found="no maps at all")
        return None
    names = display_maps(maps)
    if name is not None and name not in names:
        raise ParameterError(f"there is no map {name!r}", expected=", ".join(names))
    return name or names[0]
