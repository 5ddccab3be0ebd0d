"""Registration: measure the drift of the frames of a stack and bring them back."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.analysis.contrast_drift import warn_if_held
from socwidgets.analysis.drift import find_drift
from socwidgets.analysis.drift_model import row_drift
from socwidgets.analysis.drift_table import APART, drift_dataset, shift_table
from socwidgets.analysis.frame_motion import ROW_DX, ROW_DY, motions, move_stack
from socwidgets.analysis.magnification import magnifications, rescaled
from socwidgets.analysis.named_arrays import named
from socwidgets.analysis.registration_params import RegistrationParams
from socwidgets.analysis.resample import Motion, noise_shape
from socwidgets.analysis.row_comparison import RowComparison
from socwidgets.model import provenance
from socwidgets.model.errors import DataError
from socwidgets.model.names import SIGNAL, X, Y, spectral_dim
from socwidgets.model.noise_shape import NOISE_SHAPE
from socwidgets.model.rim import RIM_CHECK
from socwidgets.model.stack import require_quantity, validate_stack
from socwidgets.model.watch import Progress, Watch

__all__ = ["RegistrationParams", "measure_drift", "register", "shift_table"]

#: What may be registered: not counts, whose flat field does not move with the sample.
QUANTITIES = ("optical_density", "normalized", "intensity")


def measure_drift(
    stack: xr.Dataset,
    params: RegistrationParams | None = None,
    *,
    mask: xr.DataArray | np.ndarray | None = None,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
    **changes: Any,
) -> xr.Dataset:
    """Measure how far each frame of a stack is displaced.

    Parameters
    ----------
    stack : xarray.Dataset
        ``signal`` ``(spectral, y, x)``; optical density is best, because flat fields do not move
        with the sample. A lazy signal is read frame by frame, once per pass.
    params : RegistrationParams, optional
        `changes` are laid over them.
    mask : xarray.DataArray, optional
        ``(y, x)`` bool: only these pixels are compared, for instance without a particle that moves
        by itself or dust on the detector: nothing outside is read (masked normalized correlation,
        Padfield 2012), so a beam stop next to the mask does not pull.
    progress, cancel : optional
        As for `socwidgets.fit_map`.

    Returns
    -------
    xarray.Dataset
        ``dy``, ``dx`` ``(spectral,)`` in px, positive toward larger y and x; mean zero for
        reference ``"mean"``, else relative to the reference frame. ``correlation`` with the
        reference and ``replaced`` (bool: taken from the neighboring frames, because the frame's
        own drift was not to be trusted). ``scale`` ``(spectral,)`` with a magnification, and
        ``row_dy``, ``row_dx`` ``(spectral, y)`` for a raster scan: px by which the row as recorded
        is displaced beyond ``dy`` and ``dx``. A shear that all frames share is in their mean as
        well and cannot be seen: of it, what goes on evenly between the frames is taken.
        ``attrs["apart_px"]``: by how much what changes its contrast with the energy moves apart
        from this drift, because something that stands still was registered; 0 if it does not.

    Raises
    ------
    DataError
        If the stack has leading dims, or no frame has contrast.
    CancelledError
        If `cancel` was set.
    """
    chosen = _choose(params, changes)
    validate_stack(stack)
    signal = stack[SIGNAL]
    if signal.ndim != 3:
        raise DataError(
            "drift is measured within one series of frames",
            expected="dims (spectral, y, x)",
            found=f"dims {signal.dims}",
            fix="take one state at a time, for instance stack.isel(state=0)",
        )
    dim = spectral_dim(signal)
    signal = signal.transpose(dim, Y, X)
    n = signal.sizes[dim]
    if n < 2:
        raise DataError(
            "one frame has nothing to be registered with",
            expected="two or more frames",
            found=f"{n} along {dim}",
            fix="leave registration out; states are registered by register_states of "
            "socwidgets.analysis.state_shifts",
        )
    if chosen.reference == "frame" and chosen.reference_frame >= n:
        raise DataError(
            "there is no such reference frame",
            expected=f"0 to {n - 1}",
            found=str(chosen.reference_frame),
        )
    scale = np.ones(n)
    if chosen.magnification:
        scale = magnifications(signal[dim].values, chosen.magnification_ev, chosen.magnification)
    kept = None if mask is None else _checked_mask(mask, stack)
    watch = Watch(progress, cancel)
    frames = watch.part(0.0, 0.4 if chosen.raster and chosen.row_step else 1.0)
    found = find_drift(lambda i: rescaled(signal[i].values, scale[i]), n, chosen, kept, frames)
    # A scaled frame moves by its drift in its own pixels.
    drift = drift_dataset(found, signal[dim], dim, scale)
    if chosen.raster:
        rows = _row_drift(drift, signal, chosen, kept, watch.part(0.4, 1.0))
        for name, values in zip((ROW_DY, ROW_DX), rows, strict=True):
            attrs = {"long_name": f"Drift of the row along {name[-1]}", "units": "pixel"}
            drift[name] = ((dim, Y), values, attrs)
    return drift


def register(
    stack: xr.Dataset,
    params: RegistrationParams | None = None,
    *,
    drift: xr.Dataset | None = None,
    mask: xr.DataArray | np.ndarray | None = None,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
    **changes: Any,
) -> xr.Dataset:
    """Bring every frame of a stack to the same place, by one cubic-spline interpolation each.

    Register the optical density, not the counts: the flat field belongs to the detector and does
    not move with the sample. Where the drift is small (`threshold_px`), nothing is interpolated.

    Parameters
    ----------
    stack : xarray.Dataset
        ``signal`` ``(spectral, y, x)``, optical density or intensity. A lazy signal stays lazy.
    params : RegistrationParams, optional
        `changes` are laid over them.
    drift : xarray.Dataset, optional
        ``dy`` and ``dx`` as from `measure_drift`, for instance of another channel of the same
        scan; measured here if left out.
    mask : xarray.DataArray, optional
        ``(y, x)`` bool, pixels to compare; see `measure_drift`.
    progress, cancel : optional
        As for `socwidgets.fit_map`.

    Returns
    -------
    xarray.Dataset
        The stack with ``signal`` moved and ``dy``, ``dx``, ``correlation``, ``replaced`` added.
        Samples that would come from outside of the field, or from dead pixels, are NaN; ``valid``
        is False (and ``status`` masked) for pixels that any frame misses. ``signal_std`` follows
        the interpolation, ``var = sum_j w_j^2 var_j``: the noise of a pixel shrinks by up to a
        quarter and neighboring pixels become correlated. Saturated pixels mark all that they were
        moved to. ``attrs["registration"]`` says in words what was done.

    Warns
    -----
    UserWarning
        Where dust, scratches or a beam stop hold the frames, and the sample moves behind them.

    Raises
    ------
    DataError
        For counts, leading dims, frames without contrast, or a drift beyond `max_shift_px` or a
        quarter of the field.
    CancelledError
        If `cancel` was set.
    """
    chosen = _choose(params, changes)
    require_quantity(stack, QUANTITIES, "registration")
    watch = Watch(progress, cancel)
    watch(0, 1)
    measured = drift
    if measured is None:
        part = watch.part(0.0, 0.85)
        measured = measure_drift(stack, chosen, mask=mask, progress=part, cancel=cancel)
    dim = spectral_dim(stack[SIGNAL])
    moves = motions(measured, stack, dim)
    path = np.array([(move.dy, move.dx) for move in moves])
    _check_size(path, stack, chosen)
    # What row drift and, at the border of the field, magnification move counts as well.
    rms = float(np.sqrt(np.mean(np.sum(path**2, axis=1)) + _stretch(moves, stack) ** 2))
    result = stack.copy()
    if rms < chosen.threshold_px:
        said = f"not moved: a drift of {rms:.3f} px is below {chosen.threshold_px:g} px"
    else:
        said = f"moved by {rms:.3f} px (root mean square), cubic spline"
        move_stack(result, moves, watch.part(0.85, 1.0))
        result.attrs[NOISE_SHAPE] = noise_shape(moves).to_attr()
    if int(measured.get("replaced", xr.DataArray(0)).sum()):
        said += f"; {int(measured['replaced'].sum())} frames took the drift of their neighbors"
    apart = float(measured.attrs.get(APART, 0.0))
    if apart > 0.0:
        said += f"; doubtful, because the sample moves by {apart:.1f} px apart from it"
        warn_if_held(apart)
    result = result.assign({str(n): v.variable for n, v in measured.data_vars.items()})
    result.attrs["registration"] = said
    # A verdict on frames that have moved since is none.
    result.attrs.pop(RIM_CHECK, None)
    called = {**chosen.to_dict(), **({} if drift is None else {"drift": drift})}
    return provenance.record(result, "socwidgets.register", called, source=stack)


def _row_drift(
    drift: xr.Dataset, signal: xr.DataArray, params: RegistrationParams, mask: np.ndarray | None,
    watch: Watch,
) -> np.ndarray:  # fmt: skip
    """Drift of the rows ``(2, frame, y)``, px: from that between the frames, then by comparison."""
    path = np.stack([drift["dy"].values, drift["dx"].values], axis=1)
    between = np.stack(row_drift(path, signal.sizes[Y]))
    if not params.row_step:
        return between
    moves = motions(drift, drift, str(drift["dy"].dims[0]))
    used = ~drift["replaced"].values
    # What goes on evenly between the frames, or from each to the next; the data choose.
    each = between.transpose(1, 0, 2)
    evenly = np.broadcast_to(each.mean(axis=0), each.shape)
    priors = np.stack([each, evenly])
    compare = RowComparison(lambda i: signal[i].values, moves, priors, used, params, mask)
    return compare.run(watch).transpose(1, 0, 2)


def _choose(params: RegistrationParams | None, changes: dict[str, Any]) -> RegistrationParams:
    return (params or RegistrationParams()).replace(**changes)


def _checked_mask(mask: xr.DataArray | np.ndarray, stack: xr.Dataset) -> np.ndarray:
    mask = named(mask, stack, "mask of the registration")
    sizes = {Y: stack.sizes[Y], X: stack.sizes[X]}
    if mask.dtype != bool or dict(mask.sizes) != sizes or int(mask.sum()) < 64:
        raise DataError(
            "the mask of the registration does not fit the stack",
            expected=f"bool (y, x) of {sizes[Y]} x {sizes[X]} with at least 64 True",
            found=f"{mask.dtype} {dict(mask.sizes)}, {int(mask.sum())} True",
        )
    return np.asarray(mask.transpose(Y, X).values)


def _stretch(moves: list[Motion], stack: xr.Dataset) -> float:
    """Displacement by magnification (largest) and row drift (root mean square), px."""
    half = 0.5 * max(stack.sizes[Y], stack.sizes[X])
    scaled = max(abs(move.scale - 1.0) for move in moves) * half
    rows = [np.mean(r**2) for m in moves for r in (m.row_dy, m.row_dx) if r is not None]
    return float(np.hypot(scaled, np.sqrt(np.sum(rows) / len(moves))))


def _check_size(path: np.ndarray, stack: xr.Dataset, params: RegistrationParams) -> None:
    limit = min(params.max_shift_px, stack.sizes[Y] / 4.0, stack.sizes[X] / 4.0)
    largest = int(np.argmax(np.abs(path).max(axis=1)))
    if np.abs(path[largest]).max() > limit:
        dy, dx = path[largest]
        raise DataError(
            "the drift is too large to be believed",
            expected=f"at most {limit:g} px (max_shift_px, and a quarter of the field)",
            found=f"({dy:.1f}, {dx:.1f}) px along (y, x) in frame {largest}",
            fix="look at that frame; raise max_shift_px if the sample did move, or register with "
            "another reference or image='gradient'",
        )
