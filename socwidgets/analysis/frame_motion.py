"""Carry out a measured motion of the frames of a stack: signal, noise, masks and status."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr
from scipy import ndimage

from socwidgets.analysis.frame_threads import each_frame
from socwidgets.analysis.resample import Motion, move_frame, move_variance
from socwidgets.model.errors import DataError
from socwidgets.model.mapset import status_variable
from socwidgets.model.names import SIGNAL, SIGNAL_STD, STATUS, VALID, X, Y, spectral_dim
from socwidgets.model.status import Status
from socwidgets.model.watch import NOBODY, Watch

SCALE, ROW_DY, ROW_DX = "scale", "row_dy", "row_dx"


def motions(drift: xr.Dataset, stack: xr.Dataset, dim: str) -> list[Motion]:
    """Motion of each frame, checked against the stack.

    Parameters
    ----------
    drift : xarray.Dataset
        ``dy``, ``dx`` ``(spectral,)`` in px and, where there are such, ``scale`` ``(spectral,)``
        and ``row_dy``, ``row_dx`` ``(spectral, y)``.

    Raises
    ------
    DataError
        If something is missing, has another length or is not finite.
    """
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
    scale = drift[SCALE].values if SCALE in drift else np.ones(n)
    rows = [drift[k].transpose(dim, Y).values if k in drift else [None] * n for k in (ROW_DY, ROW_DX)]  # fmt: skip # noqa: E501
    return [
        Motion(float(dy), float(dx), float(s), row_dy, row_dx)
        for dy, dx, s, row_dy, row_dx in zip(
            drift["dy"].values, drift["dx"].values, scale, *rows, strict=True
        )
    ]


def move_stack(result: xr.Dataset, moves: list[Motion], watch: Watch = NOBODY) -> None:
    """Interpolate signal and noise once, and bring the masks along; changes `result`."""
    result[SIGNAL] = _each_frame(move_frame, result[SIGNAL], moves, watch.part(0.0, 0.5))
    if SIGNAL_STD in result:
        std = result[SIGNAL_STD]
        moved = _each_frame(move_variance, std**2, moves, watch.part(0.5, 1.0)) ** 0.5
        note = "neighboring pixels are correlated by the interpolation of the registration"
        result[SIGNAL_STD] = moved.assign_attrs({**std.attrs, "note": note})
    shape = (result.sizes[Y], result.sizes[X])
    common = common_area(moves, shape)
    if VALID in result:
        common &= ~_carried(~result[VALID].transpose(Y, X).values, moves, any_frame=True)
    result[VALID] = ((Y, X), common, {"long_name": "Seen in every frame"})
    codes = np.zeros(shape, np.uint8)
    if STATUS in result:
        before = result[STATUS].transpose(Y, X).values
        codes[_carried(before == Status.SATURATED, moves, any_frame=True)] = Status.SATURATED
        codes[_carried(before == Status.MASKED, moves, any_frame=False)] = Status.MASKED
        codes[~common] = Status.MASKED
        result[STATUS] = status_variable(codes, (Y, X))


def common_area(moves: list[Motion], shape: tuple[int, int]) -> np.ndarray:
    """Pixels ``(y, x)`` that lie inside the field in every frame."""
    inside = np.ones(shape, bool)
    for move in moves:
        at_y, at_x = _grid(move, shape)
        for at, n in ((at_y, shape[0]), (at_x, shape[1])):
            inside &= (at >= -1e-6) & (at <= n - 1 + 1e-6)
    return inside


def _grid(move: Motion, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Where each pixel is read, ``(y, 1)`` and ``(y or 1, x)``."""
    at_y, at_x = move.positions(shape)
    return at_y[:, None], at_x[None, :] + move.row_shift(at_y)


def _each_frame(
    function: Callable[[np.ndarray, Motion], np.ndarray], values: xr.DataArray, moves: list[Motion],
    watch: Watch,
) -> xr.DataArray:  # fmt: skip
    """Apply `function(frame, motion)` to every frame, lazily where the values are lazy."""
    dim = spectral_dim(values)
    if values.chunks is not None:
        # One frame per task: the interpolation needs whole frames, and no more than one at once.
        values = values.chunk({Y: -1, X: -1, dim: 1})
        watch = NOBODY  # moved when they are read, and the caller is gone by then
    dtype = np.result_type(values.dtype, np.float32)

    def block(frames: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        result = np.empty(frames.shape, dtype)

        def place(i: int) -> None:
            result[i] = function(frames[i], moves[int(numbers[i])])

        for _ in each_frame(place, range(len(frames)), watch):
            pass
        return result

    moved = xr.apply_ufunc(
        block,
        values,
        xr.DataArray(np.arange(len(moves)), dims=dim),
        input_core_dims=[[Y, X], []],
        output_core_dims=[[Y, X]],
        dask="parallelized",
        output_dtypes=[dtype],
    )
    return moved.transpose(*values.dims).assign_attrs(values.attrs)


def _carried(bad: np.ndarray, moves: list[Motion], *, any_frame: bool) -> np.ndarray:
    """Pixels that a mask of detector pixels touches after moving, in any or in all frames."""
    result = np.zeros(bad.shape, bool) if any_frame else np.ones(bad.shape, bool)
    if not bad.any():
        return np.zeros(bad.shape, bool)
    weights = bad.astype(np.float32)
    for move in moves:
        # Linear interpolation: its footprint is where the spline has nearly all its weight.
        at = np.stack(np.broadcast_arrays(*_grid(move, bad.shape)))
        touched = ndimage.map_coordinates(weights, at, order=1, mode="constant") > 0.1
        result = result | touched if any_frame else result & touched
    return result
