"""What a map view shows for a state, and which pixels and limits belong to it."""

from __future__ import annotations

import numpy as np
import xarray as xr

from socwidgets.model.kinds import KIND
from socwidgets.model.names import SIGNAL, STATUS, X, Y, spectral_dim, std_name
from socwidgets.model.roi import Threshold
from socwidgets.model.status import Status, usable
from socwidgets.session.derived import usable_mask
from socwidgets.session.state import State, ValueBox

#: Percentiles of automatic color limits.
AUTO_PERCENTILES = (2.0, 98.0)

#: Kinds whose natural scale is 0 to 1, so that a color means the same in every figure.
_UNIT_KINDS = ("soc", "fraction", "x_li", "x_removed")

FRAME = "frame"
_QUANTITY_WORDS = {
    "counts": "Counts",
    "optical_density": "Optical density",
    "intensity": "Intensity",
    "normalized": "Normalized signal",
}


def key(state: State) -> str:
    """Key of what is shown in `State.limits`; all frames share one, so that they compare."""
    return FRAME if state.show_frame or state.map_name is None else f"map:{state.map_name}"


def displayed(state: State) -> xr.DataArray:
    """The map or frame that is shown, ``(y, x)``, in memory, with a long name and units."""
    if state.show_frame or state.maps is None or state.map_name is None:
        return _frame(state)
    values = state.maps[state.map_name]
    if values.ndim > 2:
        values = values.isel({d: 0 for d in values.dims if d not in (Y, X)}, drop=True)
    return values.transpose(Y, X).compute()


def _frame(state: State) -> xr.DataArray:
    signal = state.stack[SIGNAL]
    dim = spectral_dim(signal)
    frame = signal.isel({dim: state.energy_index}, drop=True).transpose(Y, X).compute()
    at = state.stack[dim]
    words = _QUANTITY_WORDS.get(str(state.stack.attrs.get("quantity")), "Signal")
    units = at.attrs.get("units", "")
    title = f"{words} at {float(at[state.energy_index]):.2f} {units}".rstrip()
    return frame.rename(FRAME).assign_attrs(long_name=title, units="1")


def limits(state: State) -> tuple[float, float]:
    """Color limits of what is shown."""
    chosen = state.limits.get(key(state))
    return chosen if chosen is not None else _default_limits(state)


def _default_limits(state: State) -> tuple[float, float]:
    if state.show_frame or state.maps is None or state.map_name is None:
        return _frame_limits(state)
    if state.map_name == STATUS:
        return 0.0, float(max(Status))
    if state.maps[state.map_name].attrs.get(KIND) in _UNIT_KINDS:
        return 0.0, 1.0
    return percentile_limits(state)


def _frame_limits(state: State) -> tuple[float, float]:
    """Common limits of all frames, from at most nine of them."""
    signal = state.stack[SIGNAL]
    dim = spectral_dim(signal)
    count = signal.sizes[dim]
    picked = np.unique(np.linspace(0, count - 1, min(count, 9)).round().astype(int))
    step = max(1, int(np.sqrt(signal.sizes[Y] * signal.sizes[X] / 65536)))
    space = slice(None, None, step)
    return _percentiles(signal.isel({dim: picked, Y: space, X: space}).values)


def percentile_limits(state: State) -> tuple[float, float]:
    """Percentiles 2 and 98 of the usable pixels of what is shown."""
    shown = displayed(state)
    return _percentiles(shown.values[usable_mask(state, shown)])


def _percentiles(values: np.ndarray) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(finite, AUTO_PERCENTILES))
    if not low < high:
        pad = max(abs(low), 1.0) * 0.05
        return low - pad, high + pad
    return low, high


def highlight(state: State) -> np.ndarray | None:
    """Pixels to highlight: a brushed range, a box of two maps, a particle, or a threshold."""
    if state.brush is not None:
        shown = displayed(state)
        low, high = state.brush
        # Limits come from sliders in double precision, maps are float32.
        slack = 1e-6 * max(abs(low), abs(high), 1e-30)
        inside = (shown.values >= low - slack) & (shown.values <= high + slack)
        return inside & usable_mask(state, shown)
    if state.box is not None and state.maps is not None:
        return box_mask(state.maps, state.box)
    if state.particle is not None and state.labels is not None:
        return state.labels.transpose(Y, X).values == state.particle
    roi = next((r for r in state.rois if r.name == state.selected), None)
    if state.draft is not None and isinstance(state.draft.shape, Threshold):
        roi = state.draft
    if roi is None or not isinstance(roi.shape, Threshold) or state.maps is None:
        return None
    if roi.shape.variable not in state.maps:
        return None
    values = state.maps[roi.shape.variable].values
    return (values >= roi.shape.low) & (values <= roi.shape.high)


def box_mask(maps: xr.Dataset, box: ValueBox) -> np.ndarray:
    """Usable pixels ``(y, x)`` whose two values lie in a box; none if a map is missing."""
    inside = usable(maps).transpose(Y, X).values.copy()
    for name, (low, high) in ((box.x, box.x_range), (box.y, box.y_range)):
        if name not in maps:
            return np.zeros_like(inside)
        values = maps[name].transpose(Y, X).values
        inside &= (values >= low) & (values <= high)
    return inside


def pixel_at(stack: xr.Dataset, x_um: float, y_um: float) -> tuple[int, int] | None:
    """Row and column of the pixel at a position; None outside the image."""
    found = []
    for dim, value in ((Y, y_um), (X, x_um)):
        centers = stack[dim].values
        index = int(np.argmin(np.abs(centers - value)))
        step = abs(centers[-1] - centers[0]) / (centers.size - 1) if centers.size > 1 else np.inf
        if abs(centers[index] - value) > 0.501 * step:
            return None
        found.append(index)
    return found[0], found[1]


def sigma(state: State) -> xr.DataArray | None:
    """Standard uncertainty of the map that is shown, ``(y, x)``; None where it is not known."""
    if state.show_frame or state.maps is None or state.map_name is None:
        return None
    name = std_name(state.map_name)
    return state.maps[name].transpose(Y, X).compute() if name in state.maps else None


def overlay_mask(state: State) -> np.ndarray | None:
    """Pixels ``(y, x)`` that the overlay marks: rims of particles, or what has no usable value."""
    if state.overlay == "mask" and state.maps is not None:
        return ~usable(state.maps).transpose(Y, X).values
    if state.overlay != "labels" or state.labels is None:
        return None
    labels = state.labels.transpose(Y, X).values
    rim = np.zeros(labels.shape, dtype=bool)
    for near, far in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        differs = labels[near] != labels[far]
        rim[near] |= differs
        rim[far] |= differs
    return rim & (labels > 0)


def pixel_words(state: State, x_um: float, y_um: float) -> str:
    """Value and standard uncertainty at a place, in words."""
    pixel = pixel_at(state.stack, x_um, y_um)
    if pixel is None:
        return ""
    at = {Y: pixel[0], X: pixel[1]}
    if state.phases and state.maps is not None and not state.show_frame:
        values = ((n, float(state.maps[n].isel(at))) for n in state.phases if n in state.maps)
        return ", ".join(f"{n.removeprefix('fraction_')} {v:.3g}" for n, v in values)
    shown = displayed(state)
    value, spread = float(shown.isel(at)), sigma(state)
    if not np.isfinite(value) or shown.name == STATUS:
        return ""
    error = float("nan") if spread is None else float(spread.isel(at))
    units = str(shown.attrs.get("units", "")).replace("um", "µm")
    tail = "" if units in ("", "1") else f" {units}"
    if not (np.isfinite(error) and error > 0):
        return f"{value:.4g}{tail}"
    digits = int(np.clip(1 - np.floor(np.log10(error)), 0, 6))
    return f"{value:.{digits}f} ± {error:.{digits}f}{tail}"
