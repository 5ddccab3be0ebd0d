"""The one observable state that views share, and everything a mouse can do as a method."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import xarray as xr

from socwidgets.jobs import JobCallback, JobRunner
from socwidgets.model.names import SIGNAL, spectral_dim
from socwidgets.model.roi import ROI, Shape
from socwidgets.session import display
from socwidgets.session.checks import check_maps, chosen_map, plain_stack
from socwidgets.session.choosing import checked_labels
from socwidgets.session.derived import Derived
from socwidgets.session.fits import Fits
from socwidgets.session.roi_names import find_roi, unique_rois
from socwidgets.session.state import State, Statistics


class Session(Fits):
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
        stack = plain_stack(stack)
        if maps is not None:
            check_maps(stack, maps)
        regions = unique_rois(rois or ())
        middle = stack.sizes[spectral_dim(stack[SIGNAL])] // 2
        name = chosen_map(maps, map_name)
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

    def close(self) -> None:
        """Cancel what runs and forget all observers."""
        self.jobs.close()
        with self._lock:
            self._observers.clear()
            self._job_observers.clear()
