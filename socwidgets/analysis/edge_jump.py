"""Edge jump of every pixel and the mask that it makes (science: masks)."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from scipy import ndimage

from socwidgets.analysis.fit_mask import MASK_STATUS
from socwidgets.analysis.watched_graph import graph_watched_by
from socwidgets.analysis.xanes_parameters import POST_START, PRE_WINDOW, half_rise
from socwidgets.model import provenance
from socwidgets.model.errors import DataError, ParameterError
from socwidgets.model.names import SIGNAL, SIGNAL_STD, X, Y, spectral_dim, std_name
from socwidgets.model.parameters import Parameters, param
from socwidgets.model.stack import require_quantity, validate_stack
from socwidgets.model.watch import Progress, Watch

JUMP = "edge_jump"
MASK = "mask"
#: Above this energy an edge is a K edge whose white line is no higher than twice its step.
_K_EDGES_EV = 2000.0
_WINDOWS_FIX = (
    "give pre=(low, high) and post=(low, high); without points on both sides of the edge the "
    "methods 'lcf' and 'white_line' still work"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeJumpParameters(Parameters):
    """Parameters of the edge-jump mask."""

    pre: tuple[float, float] | None = param(
        None,
        "Window before the edge; empty: all points before the absorption rises (at a K edge, up to "
        "20 eV below half of the rise).",
        unit="eV",
    )
    post: tuple[float, float] | None = param(
        None,
        "Window after the edge; empty: all points beyond the white line, where the mean spectrum "
        "has come down to less than half of it; at a K edge, where it does not, all points from "
        "40 eV above half of the rise.",
        unit="eV",
    )
    min_jump: float = param(0.05, "Smallest edge jump of a pixel that is kept.", low=0.0)
    jump_sigma: float = param(
        5.0, "Smallest edge jump in units of its own standard uncertainty.", low=0.0
    )

    erode_px: int = param(
        0,
        "Pixels taken off the border of the mask: 1 or 2 where a bright and dark phase fringe runs "
        "along the particles, or where frames were moved.",
        unit="px",
        low=0,
        high=50,
    )

    def check(self) -> None:
        """Check the order of the windows."""
        for name, window in (("pre", self.pre), ("post", self.post)):
            if window is not None and window[0] >= window[1]:
                raise ParameterError(
                    f"the {name} window is empty", expected="low, high", found=str(window)
                )
        if self.pre and self.post and self.pre[1] > self.post[0]:
            raise ParameterError("the pre window reaches into the post window")


def edge_jump(
    od: xr.Dataset,
    params: EdgeJumpParameters | None = None,
    *,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
    **changes: Any,
) -> xr.Dataset:
    """Edge jump ``mean(post) - mean(pre)`` with its noise, and the mask of pixels with enough.

    Parameters
    ----------
    od : xarray.Dataset
        Stack of optical density, ``(..., spectral, y, x)``.
    params : EdgeJumpParameters, optional
        `changes` are laid over them.
    progress, cancel : optional
        As for `socwidgets.fit_map`.

    Returns
    -------
    xarray.Dataset
        ``edge_jump``, ``edge_jump_std`` (optical density) and ``mask`` (bool, True = enough
        signal). The noise comes from ``signal_std``, or else from the scatter within the two
        windows. NaN samples are left out of the means.

    Raises
    ------
    DataError
        If a window holds no point, or the windows cannot be found by themselves.
    CancelledError
        If `cancel` was set.
    """
    validate_stack(od)
    require_quantity(od, ("optical_density", "normalized", "intensity"), "the edge jump")
    given = params.to_dict() if params is not None else {}
    chosen = EdgeJumpParameters.from_mapping({**given, **changes})
    dim, watch = spectral_dim(od[SIGNAL]), Watch(progress, cancel)
    watch(0, 1)
    with graph_watched_by(watch.part(0.0, 0.5)):
        pre, post = _windows(od, chosen, dim, watch.part(0.0, 0.5))
    watch(1, 2)
    before, after = od[SIGNAL].isel({dim: pre}), od[SIGNAL].isel({dim: post})
    jump = after.mean(dim) - before.mean(dim)
    watch(3, 5)
    variance = sum(
        _mean_variance(od, part, points, dim) for part, points in ((before, pre), (after, post))
    )
    watch(4, 5)
    std = variance**0.5
    mask = (jump > chosen.min_jump) & (jump > chosen.jump_sigma * std)
    if chosen.erode_px:
        mask = _eroded(mask.compute(), chosen.erode_px)
    made = xr.Dataset(
        {
            JUMP: jump.assign_attrs(long_name="Edge jump", units="1"),
            std_name(JUMP): std.assign_attrs(
                long_name="Standard uncertainty: edge jump", units="1"
            ),
            MASK: mask.assign_attrs(long_name="Enough signal", **{MASK_STATUS: "low_signal"}),
        }
    )
    with graph_watched_by(watch.part(0.8, 1.0)):
        result = made.compute()
    axis = od[dim].values
    used = {"pre": _span(axis[pre]), "post": _span(axis[post])}
    result.attrs.update({f"{name}_window": window for name, window in used.items()})
    return provenance.record(
        result, "socwidgets.edge_jump", {**chosen.to_dict(), **used}, source=od
    )


def _eroded(mask: xr.DataArray, pixels: int) -> xr.DataArray:
    """Mask ``(..., y, x)`` without its outermost pixels; the field's own border costs none."""
    ordered = mask.transpose(..., Y, X)
    images = ordered.values.reshape(-1, *ordered.shape[-2:])
    thin = [ndimage.binary_erosion(m, iterations=pixels, border_value=1) for m in images]
    return ordered.copy(data=np.reshape(thin, ordered.shape)).transpose(*mask.dims)


def _span(values: np.ndarray) -> list[float]:
    return [float(values.min()), float(values.max())]


def _mean_variance(
    od: xr.Dataset, part: xr.DataArray, points: np.ndarray, dim: str
) -> xr.DataArray:
    """Variance of the mean over a window: propagated, or from the scatter inside it."""
    count = part.notnull().sum(dim).clip(min=1)
    if SIGNAL_STD in od:
        return (od[SIGNAL_STD].isel({dim: points}) ** 2).sum(dim) / count**2
    return part.var(dim, ddof=1) / count


def _windows(
    od: xr.Dataset, chosen: EdgeJumpParameters, dim: str, watch: Watch
) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the points before and after the edge."""
    axis = od[dim].values
    missing = chosen.pre is None or chosen.post is None
    automatic = _automatic_windows(od, dim, watch) if missing else None
    chosen_windows = []
    for name, window, found in (
        ("pre", chosen.pre, automatic and automatic[0]),
        ("post", chosen.post, automatic and automatic[1]),
    ):
        low, high = window or found or (np.nan, np.nan)
        points = np.flatnonzero((axis >= low) & (axis <= high))
        if points.size < (1 if SIGNAL_STD in od else 2):
            raise DataError(
                f"the {name}-edge window holds too few points",
                expected="at least two" if SIGNAL_STD not in od else "at least one",
                found=f"{points.size} between {low:g} and {high:g} of {axis[0]:g} to {axis[-1]:g}",
                fix=f"give {name}=(low, high) where the stack has points",
            )
        chosen_windows.append(points)
    return chosen_windows[0], chosen_windows[1]


def _automatic_windows(
    od: xr.Dataset, dim: str, watch: Watch
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Find the windows on the spectrum of the pixels that absorb most."""
    axis = od[dim].values
    signal = od[SIGNAL].stack(pixel=[d for d in od[SIGNAL].dims if d != dim])
    rise = (signal.max(dim) - signal.isel({dim: 0})).compute()
    watch(1, 3)
    strong = rise >= rise.quantile(0.95)
    mean = signal.isel(pixel=np.flatnonzero(strong.values)).mean("pixel").compute().values
    watch(2, 3)
    base = np.median(mean[: max(3, mean.size // 20)])
    top = int(np.nanargmax(mean))
    height = mean[top] - base
    onset = int(np.argmax(mean > base + 0.1 * height))
    after = np.flatnonzero(mean[top:] < base + 0.5 * height)
    first_after = top + int(after[0]) if after.size else -1
    if not after.size and axis[0] > _K_EDGES_EV:
        return _beside_a_step(axis, mean)
    if not (np.isfinite(height) and height > 0) or onset < 1 or first_after < 0:
        raise DataError(
            "the windows before and after the edge cannot be found in this stack",
            expected="a mean spectrum that starts low, rises and comes down again",
            found=f"maximum at {axis[top]:g}, rise at {axis[onset]:g}",
            fix=_WINDOWS_FIX,
        )
    # Of the whole image: what absorbs most at the peak may be one phase of several.
    whole = signal.mean("pixel").compute().values
    before, after_edge = float(np.mean(whole[:onset])), float(np.mean(whole[first_after:]))
    if not after_edge > before:
        # A stack that begins on a peak has no base: its jump would be a peak's depth.
        raise DataError(
            "the stack has no points before the edge",
            expected="a mean spectrum that stays higher after the edge than it was before",
            found=f"{before:.3g} up to {axis[onset - 1]:g}, {after_edge:.3g} from "
            f"{axis[first_after]:g} on",
            fix=_WINDOWS_FIX,
        )
    return (float(axis[0]), float(axis[max(onset - 1, 0)])), (
        float(axis[first_after]),
        float(axis[-1]),
    )


def _beside_a_step(
    axis: np.ndarray, mean: np.ndarray
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Windows of an edge whose white line is low: the imaging defaults of the normalization."""
    e0 = half_rise(axis, mean)
    pre, post = axis[axis <= e0 + PRE_WINDOW[1]], axis[axis >= e0 + POST_START]
    if not (pre.size and post.size):
        raise DataError(
            f"the stack has no points {'before' if post.size else 'after'} the edge",
            expected=f"energies below {e0 + PRE_WINDOW[1]:.0f} eV and above "
            f"{e0 + POST_START:.0f} eV for an edge at {e0:.1f} eV",
            found=f"{axis[0]:g} to {axis[-1]:g} eV",
            fix=_WINDOWS_FIX,
        )
    return (float(pre[0]), float(pre[-1])), (float(post[0]), float(post[-1]))
