"""Masks, spectra, fits and numbers of regions, computed by analysis and kept by value.

Analysis modules are imported when first needed: compiled kernels must not slow the import down.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import xarray as xr

from socwidgets.model.names import SIGNAL, SIGNAL_STD, STATUS, X, Y, spectral_dim, std_name
from socwidgets.model.roi import ROI, Shape
from socwidgets.model.stack import refuse_transmission
from socwidgets.model.status import usable
from socwidgets.session.state import State, Statistics

if TYPE_CHECKING:
    from socwidgets.analysis.roi_index import TileIndex

T = TypeVar("T")

#: Results kept, and bytes of them: a mask of 1024 x 1024 is 1 MB, a spectrum next to nothing.
CACHED, CACHED_BYTES = 64, 128_000_000

#: Samples of a stack from which on the sums of its tiles are kept.
INDEX_FROM = 4_000_000

#: Pixels that the mean spectrum of everything is taken from, at most (about).
OVERALL_PIXELS = 65536


class Derived:
    """Computes what follows from a state, and keeps it until its inputs change."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inputs: tuple[object, ...] = ()
        #: Results with their bytes: to ask a data set for its size takes longer than a small fit.
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._bytes = 0
        self._index: TileIndex | None = None

    def _cached(self, state: State, key: Hashable, compute: Callable[[], T]) -> T:
        inputs = (state.stack, state.maps, state.references, state.labels)
        with self._lock:
            same = len(self._inputs) == len(inputs) and all(
                a is b for a, b in zip(self._inputs, inputs, strict=True)
            )
            if not same:
                self._inputs = inputs
                self._kept.clear()
                self._bytes = 0
            if key in self._kept:
                self._kept.move_to_end(key)
                found: T = self._kept[key][0]
                return found
        # Outside the lock: two threads may compute the same, none waits for a slow fit.
        value = compute()
        size = int(getattr(value, "nbytes", 0))
        with self._lock:
            if self._inputs is inputs or all(
                a is b for a, b in zip(self._inputs, inputs, strict=True)
            ):
                self._bytes += size - self._kept.pop(key, (None, 0))[1]
                self._kept[key] = (value, size)
                self._forget_oldest()
        return value

    def _forget_oldest(self) -> None:
        while len(self._kept) > CACHED or (self._bytes > CACHED_BYTES and len(self._kept) > 1):
            self._bytes -= self._kept.popitem(last=False)[1][1]

    def of(self, state: State, key: Hashable, compute: Callable[[], T]) -> T:
        """Result of `compute`, kept under `key` while stack, maps, references and labels stay."""
        return self._cached(state, key, compute)

    def mask(self, state: State, shape: Shape) -> xr.DataArray:
        """Pixels of a region, ``(y, x)`` bool."""
        from socwidgets.analysis.roi import roi_mask

        like = state.stack[SIGNAL].isel({spectral_dim(state.stack[SIGNAL]): 0}, drop=True)
        return self._cached(state, ("mask", shape), lambda: roi_mask(shape, like, maps=state.maps))

    def spectrum(self, state: State, shape: Shape) -> xr.Dataset:
        """Mean, std, sem and count of a region over the spectral axis."""
        from socwidgets.analysis.roi import roi_spectrum

        def compute() -> xr.Dataset:
            mask, index = self.mask(state, shape), self._index
            if index is not None and index.stack is state.stack:
                return index.spectrum(mask)
            return roi_spectrum(state.stack, mask)

        return self._cached(state, ("spectrum", shape), compute)

    def indexed(self, state: State) -> bool:
        """Whether spectra of regions of this stack come from its tile sums, or never will."""
        known = self._index is not None and self._index.stack is state.stack
        return known or not _indexable(state.stack)

    def prepare(self, state: State) -> None:
        """Sum the tiles of the stack, so that regions only read the pixels along their border."""
        from socwidgets.analysis.roi_index import TileIndex

        if not self.indexed(state):
            index = TileIndex.build(state.stack)
            corner = np.zeros((state.stack.sizes[Y], state.stack.sizes[X]), dtype=bool)
            corner[:1, :1] = True
            index.sums(corner)  # loads what is compiled, before the first region needs it
            self._index = index

    def overall(self, state: State) -> xr.Dataset:
        """Like `spectrum`, of all usable pixels; of an even sample where there are very many."""
        from socwidgets.analysis.roi import roi_spectrum

        def compute() -> xr.Dataset:
            stack = state.stack
            good = np.ones((stack.sizes[Y], stack.sizes[X]), dtype=bool)
            if state.maps is not None:
                good = usable(state.maps).values
            step = max(1, int(np.sqrt(good.size / OVERALL_PIXELS)))
            thin = {Y: slice(None, None, step), X: slice(None, None, step)}
            mask = xr.DataArray(good, dims=(Y, X)).isel(thin)
            return roi_spectrum(stack[[SIGNAL]].isel(thin), mask)

        return self._cached(state, "overall", compute)

    def overall_fit(self, state: State) -> xr.Dataset | None:
        """Fit of the overall mean spectrum; None without references or pixels."""
        if state.references is None:
            return None

        def compute() -> xr.Dataset | None:
            mean = self.overall(state)["mean"]
            return _fit(state, mean, None) if bool(np.isfinite(mean).any()) else None

        return self._cached(state, ("overall fit", _fit_key(state)), compute)

    def roi_fit(self, state: State, shape: Shape) -> xr.Dataset | None:
        """Fit of a region's mean spectrum; None without references or pixels."""
        if state.references is None:
            return None

        def compute() -> xr.Dataset | None:
            spectrum = self.spectrum(state, shape)
            if not bool(np.isfinite(spectrum["mean"]).any()):
                return None
            return _fit(state, spectrum["mean"], None)

        return self._cached(state, ("fit", shape, _fit_key(state)), compute)

    def pixel_spectrum(self, state: State, pixel: tuple[int, int]) -> xr.DataArray:
        """Spectrum of one pixel, ``(<spectral>,)``, with its sigma as coordinate ``std``."""

        def compute() -> xr.DataArray:
            at = {Y: pixel[0], X: pixel[1]}
            spectrum = state.stack[SIGNAL].isel(at).compute()
            if SIGNAL_STD in state.stack:
                std = state.stack[SIGNAL_STD].isel(at).compute()
                spectrum = spectrum.assign_coords(std=(spectrum.dims, std.values))
            return spectrum

        return self._cached(state, ("pixel", pixel), compute)

    def pixel_fit(self, state: State, pixel: tuple[int, int]) -> xr.Dataset | None:
        """Fit of one pixel's spectrum; None without references or finite values."""
        if state.references is None:
            return None

        def compute() -> xr.Dataset | None:
            spectrum = self.pixel_spectrum(state, pixel)
            if not bool(np.isfinite(spectrum).any()):
                return None
            std = spectrum["std"] if "std" in spectrum.coords else None
            return _fit(state, spectrum, std)

        return self._cached(state, ("pixel fit", pixel, _fit_key(state)), compute)

    def statistics(self, state: State, roi: ROI, shown: xr.DataArray) -> Statistics:
        """Numbers of a region on the map that is shown and on the SOC map."""
        key = ("numbers", roi.name, roi.shape, state.map_name, state.show_frame,
               state.energy_index if state.show_frame else -1)  # fmt: skip
        return self._cached(state, key, lambda: self._statistics(state, roi, shown))

    def _statistics(self, state: State, roi: ROI, shown: xr.DataArray) -> Statistics:
        inside = self.mask(state, roi.shape).values
        good = inside & usable_mask(state, shown)
        plain = shown.values[good].astype(np.float64)
        name = "soc" if state.maps is not None and "soc" in state.maps else str(shown.name)
        values = shown if name == shown.name or state.maps is None else state.maps[name]
        same = values is shown or name == shown.name
        weighable = good if same else inside & usable_mask(state, values)
        mean, std, sigma = _weighted(state, values, weighable)
        return Statistics(
            name=roi.name,
            variable=str(shown.name),
            count=int(inside.sum()),
            used=int(good.sum()),
            mean=float(plain.mean()) if plain.size else float("nan"),
            std=float(plain.std()) if plain.size else float("nan"),
            weighted_mean=mean,
            weighted_std=std,
            weighted_sigma=sigma,
            weighted_variable=name,
        )


def _indexable(stack: xr.Dataset) -> bool:
    """In memory and in an order that needs no copy; a small stack is not worth it."""
    signal = stack[SIGNAL]
    if signal.chunks is not None or signal.size < INDEX_FROM or signal.ndim != 3:
        return False
    values = signal.transpose(spectral_dim(signal), Y, X).variable._data
    return (
        isinstance(values, np.ndarray)
        and values.flags.c_contiguous
        and values.dtype in (np.float32, np.float64)
    )


def usable_mask(state: State, shown: xr.DataArray) -> np.ndarray:
    """Pixels ``(y, x)`` whose value may enter a statistic: finite, and usable if it is a map."""
    finite = np.isfinite(shown.values)
    if state.maps is None or shown.name not in state.maps or shown.name == STATUS:
        return finite
    return finite & usable(state.maps).values


def _weighted(state: State, values: xr.DataArray, good: np.ndarray) -> tuple[float, float, float]:
    nan = float("nan")
    maps = state.maps
    number = values.values[good].astype(np.float64)
    weight = np.ones_like(number)
    if maps is not None and "thickness" in maps and values.name in maps:
        weight = np.nan_to_num(maps["thickness"].values[good].astype(np.float64)).clip(min=0.0)
    total = float(weight.sum())
    if total <= 0:
        return nan, nan, nan
    mean = float((weight * number).sum()) / total
    spread = float(np.sqrt((weight * (number - mean) ** 2).sum() / total))
    sigma_name = std_name(str(values.name))
    if maps is None or sigma_name not in maps:
        return mean, spread, nan
    sigma = maps[sigma_name].values[good].astype(np.float64)
    return mean, spread, float(np.sqrt(((weight * sigma) ** 2).sum())) / total


def _fit(state: State, spectrum: xr.DataArray, std: xr.DataArray | None) -> xr.Dataset:
    from socwidgets.analysis.fit import fit_spectrum

    refuse_transmission(state.stack, "a fit")
    return fit_spectrum(
        spectrum, state.fit_method, dict(state.fit_params), references=state.references, std=std
    )


def _fit_key(state: State) -> Hashable:
    return state.fit_method, tuple(sorted(state.fit_params.items()))
