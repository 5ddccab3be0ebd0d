"""Edge jump of every pixel and the mask that it makes (science: masks)."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from scipy import ndimage

from socwidgets.analysis.fit_mask import MASK_STATUS
from socwidgets.analysis.jump_windows import automatic_windows
from socwidgets.analysis.mean_spectrum import without_infinite
from socwidgets.analysis.watched_graph import graph_watched_by
from socwidgets.model import provenance
from socwidgets.model.errors import DataError
from socwidgets.model.names import SIGNAL, SIGNAL_STD, X, Y, spectral_dim, std_name
from socwidgets.model.parameters import Parameters, param
from socwidgets.model.stack import require_quantity, validate_stack
from socwidgets.model.watch import Progress, Watch
from socwidgets.model.windows import require_edge_windows

JUMP = "edge_jump"
MASK = "mask"


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeJumpParameters(Parameters):
    """Parameters of the edge-jump mask."""

    pre: tuple[float, float] | None = param(
        None,
        "Window before the edge; empty: all points before the absorption rises in any phase that a "
        "twentieth of the sample consists of (at a K edge, up to 20 eV below half of the rise).",
        unit="eV",
    )
    post: tuple[float, float] | None = param(
        None,
        "Window after the edge; empty: all points beyond the white line, where the spectrum of "
        "each such phase has come down to less than half of it; at a K edge, where it does not, "
        "from 40 eV above half of the rise.",
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
        require_edge_windows(self.pre, self.post)


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
        windows. Samples that are not finite are left out of the means.

    Raises
    ------
    DataError
        If a window holds no point, or the windows cannot be found by themselves.
    CancelledError
        If `cancel` was set.
    """
    validate_stack(od)
    require_quantity(od, ("optical_density", "normalized", "intensity"), "the edge jump")
    chosen = EdgeJumpParameters.merged(params, changes)
    dim, watch = spectral_dim(od[SIGNAL]), Watch(progress, cancel)
    watch(0, 1)
    with graph_watched_by(watch.part(0.0, 0.5)):
        pre, post = _windows(od, chosen, dim, watch.part(0.0, 0.5))
    watch(1, 2)
    before, after = (without_infinite(od[SIGNAL].isel({dim: rows})) for rows in (pre, post))
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
    automatic = automatic_windows(od, dim, watch) if missing else None
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
