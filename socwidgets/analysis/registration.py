"""Registration: measure the drift of the frames of a stack and bring them back."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from scipy import ndimage

from socwidgets.analysis.drift import Drift, find_drift
from socwidgets.analysis.registration_params import RegistrationParams
from socwidgets.analysis.resample import shift_frame, shift_variance
from socwidgets.model import provenance
from socwidgets.model.errors import DataError
from socwidgets.model.mapset import status_variable
from socwidgets.model.names import SIGNAL, SIGNAL_STD, STATUS, VALID, X, Y, spectral_dim
from socwidgets.model.stack import require_quantity, validate_stack
from socwidgets.model.status import Status

__all__ = ["RegistrationParams", "measure_drift", "register"]

_QUANTITIES = ("optical_density", "normalized", "intensity")


def measure_drift(
    stack: xr.Dataset, params: RegistrationParams | None = None, **changes: Any
) -> xr.Dataset:
    """Measure how far each frame of a stack is displaced.

    Parameters
    ----------
    stack : xarray.Dataset
        ``signal`` ``(spectral, y, x)``; optical density is best, because flat fields do not move
        with the sample. A lazy signal is read frame by frame, once per pass.
    params : RegistrationParams, optional
        `changes` are laid over them.

    Returns
    -------
    xarray.Dataset
        ``dy``, ``dx`` ``(spectral,)`` in px, positive toward larger y and x; mean zero for
        reference ``"mean"``, else relative to the first frame. ``correlation`` with the reference
        and ``replaced`` (bool: taken from the neighboring frames, because the frame's own drift
        was not to be trusted).

    Raises
    ------
    DataError
        If the stack has leading dims, or no frame has contrast.
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
    found = find_drift(lambda i: signal[i].values, signal.sizes[dim], chosen)
    return _drift_dataset(found, signal[dim], dim)


def register(
    stack: xr.Dataset,
    params: RegistrationParams | None = None,
    *,
    drift: xr.Dataset | None = None,
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

    Returns
    -------
    xarray.Dataset
        The stack with ``signal`` moved and ``dy``, ``dx``, ``correlation``, ``replaced`` added.
        Samples that would come from outside of the field, or from dead pixels, are NaN; ``valid``
        is False (and ``status`` masked) for pixels that any frame misses. ``signal_std`` follows
        the interpolation, ``var = sum_j w_j^2 var_j``: the noise of a pixel shrinks by up to a
        quarter and neighboring pixels become correlated. Saturated pixels mark all that they were
        moved to. ``attrs["registration"]`` says in words what was done.

    Raises
    ------
    DataError
        For counts, leading dims, frames without contrast, or a drift beyond `max_shift_px` or a
        quarter of the field.
    """
    chosen = _choose(params, changes)
    require_quantity(stack, _QUANTITIES, "registration")
    measured = measure_drift(stack, chosen) if drift is None else drift
    dim = spectral_dim(stack[SIGNAL])
    path = _path(measured, stack, dim)
    _check_size(path, stack, chosen)
    rms = float(np.sqrt(np.mean(np.sum(path**2, axis=1))))
    result = stack.copy()
    if rms < chosen.threshold_px:
        said = f"not moved: a drift of {rms:.3f} px is below {chosen.threshold_px:g} px"
    else:
        said = f"moved by {rms:.3f} px (root mean square), cubic spline"
        _move(result, measured, path, dim)
    if int(measured.get("replaced", xr.DataArray(0)).sum()):
        said += f"; {int(measured['replaced'].sum())} frames took the drift of their neighbors"
    result = result.assign({str(n): v.variable for n, v in measured.data_vars.items()})
    result.attrs["registration"] = said
    called = {**chosen.to_dict(), **({} if drift is None else {"drift": drift})}
    return provenance.record(result, "socwidgets.register", called, source=stack)


def _choose(params: RegistrationParams | None, changes: dict[str, Any]) -> RegistrationParams:
    return (params or RegistrationParams()).replace(**changes)


def _drift_dataset(found: Drift, coord: xr.DataArray, dim: str) -> xr.Dataset:
    columns = {
        "dy": (found.path[:, 0], "Drift along y", "pixel"),
        "dx": (found.path[:, 1], "Drift along x", "pixel"),
        "correlation": (found.correlation, "Correlation with the reference", "1"),
        "replaced": (found.replaced, "Drift taken from the neighboring frames", "1"),
    }
    variables = {
        name: (dim, values, {"long_name": words, "units": units})
        for name, (values, words, units) in columns.items()
    }
    return xr.Dataset(variables, {dim: coord})


def _path(drift: xr.Dataset, stack: xr.Dataset, dim: str) -> np.ndarray:
    """Drift as ``(frame, 2)``, checked against the stack."""
    n = stack.sizes[dim]
    for name in ("dy", "dx"):
        shape = drift[name].shape if name in drift else "none"
        if shape != (n,) or not np.isfinite(drift[name].values).all():
            raise DataError(
                "the drift does not fit the stack",
                expected=f"finite dy and dx, each with {n} values in px",
                found=f"{name} of shape {shape}",
                fix="take it from measure_drift of a stack with the same frames",
            )
    return np.stack([drift["dy"].values, drift["dx"].values], axis=1).astype(np.float64)


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


def _move(result: xr.Dataset, drift: xr.Dataset, path: np.ndarray, dim: str) -> None:
    """Interpolate signal and noise, and bring the masks along; changes `result`."""
    result[SIGNAL] = _each_frame(shift_frame, result[SIGNAL], drift)
    if SIGNAL_STD in result:
        std = result[SIGNAL_STD]
        moved = _each_frame(shift_variance, std**2, drift) ** 0.5
        note = "neighboring pixels are correlated by the interpolation of the registration"
        result[SIGNAL_STD] = moved.assign_attrs({**std.attrs, "note": note})
    shape = (result.sizes[Y], result.sizes[X])
    common = _common_area(path, shape)
    if VALID in result:
        common &= ~_carried(~result[VALID].transpose(Y, X).values, path, any_frame=True)
    result[VALID] = ((Y, X), common, {"long_name": "Seen in every frame"})
    codes = np.zeros(shape, np.uint8)
    if STATUS in result:
        before = result[STATUS].transpose(Y, X).values
        codes[_carried(before == Status.SATURATED, path, any_frame=True)] = Status.SATURATED
        codes[_carried(before == Status.MASKED, path, any_frame=False)] = Status.MASKED
        codes[~common] = Status.MASKED
        result[STATUS] = status_variable(codes, (Y, X))


def _each_frame(function: Any, values: xr.DataArray, drift: xr.Dataset) -> xr.DataArray:
    """Apply `function(frame, dy, dx)` to every frame, lazily where the values are lazy."""
    if values.chunks is not None:
        # One frame per task: the interpolation needs whole frames, and no more than one at once.
        values = values.chunk({Y: -1, X: -1, spectral_dim(values): 1})

    def block(frames: np.ndarray, dy: np.ndarray, dx: np.ndarray) -> np.ndarray:
        moved = [function(f, float(a), float(b)) for f, a, b in zip(frames, dy, dx, strict=True)]
        return np.stack(moved).astype(dtype)

    dtype = np.result_type(values.dtype, np.float32)
    moved = xr.apply_ufunc(
        block,
        values,
        drift["dy"].variable,
        drift["dx"].variable,
        input_core_dims=[[Y, X], [], []],
        output_core_dims=[[Y, X]],
        dask="parallelized",
        output_dtypes=[dtype],
    )
    return moved.transpose(*values.dims).assign_attrs(values.attrs)


def _common_area(path: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Pixels ``(y, x)`` that lie inside the field in every frame."""
    inside = []
    for n, shifts in zip(shape, path.T, strict=True):
        at = np.arange(n)
        inside.append((at + shifts.min() >= -1e-6) & (at + shifts.max() <= n - 1 + 1e-6))
    return inside[0][:, None] & inside[1][None, :]


def _carried(bad: np.ndarray, path: np.ndarray, *, any_frame: bool) -> np.ndarray:
    """Pixels that a mask of detector pixels touches after moving, in any or in all frames."""
    result = np.zeros(bad.shape, bool) if any_frame else np.ones(bad.shape, bool)
    if not bad.any():
        return np.zeros(bad.shape, bool)
    weights = bad.astype(np.float32)
    for shift in path:
        # Linear interpolation: its footprint is where the spline has nearly all its weight.
        touched = ndimage.shift(weights, -shift, order=1, mode="constant") > 0.1
        result = result | touched if any_frame else result & touched
    return result
