"""Maps and a binned cube in a few MB: 16-bit codes, base64."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.model.errors import DataError
from socwidgets.model.kinds import end_words
from socwidgets.model.names import SIGNAL, STD_SUFFIX, X, Y, spectral_dim
from socwidgets.plotting.limits import default_colormap, default_limits
from socwidgets.plotting.scalebar import extent
from socwidgets.plotting.style import colormap
from socwidgets.plotting.text import quantity_label, unit_sign

#: Pixels of a map along its longer side, and bytes of the cube: what an e-mail still carries.
MAX_SIDE, MAX_CUBE_BYTES = 512, 1_600_000
NO_VALUE, TOP = 65535, 65534


def payload(
    stack: xr.Dataset,
    maps: Sequence[xr.DataArray],
    keep: xr.DataArray | None = None,
    limits: tuple[float, float] | None = None,
) -> dict[str, Any]:
    """Everything that the page needs, JSON-able.

    Parameters
    ----------
    stack : xarray.Dataset
        ``signal`` ``(<spectral>, y, x)``, optical density (or any unit).
    maps : sequence of xarray.DataArray
        ``(y, x)`` each, on the pixels of the stack; NaN has no value. The first is shown first.
    keep : xarray.DataArray, optional
        ``(y, x)`` bool; spectra are means of these pixels only. All finite ones if left out.
    limits : (float, float), optional
        Ends of the color scale of the first map; sensible ones if left out.

    Returns
    -------
    dict
        Maps larger than 512 pixels are binned; the cube is binned until it fits into 1.6 MB. A
        value is coded with an error of at most 1/131068 of its range.

    Raises
    ------
    DataError
        If there is no map, or one is not on the pixels of the stack.
    """
    signal = stack[SIGNAL]
    if not maps or any(m.shape != (signal.sizes[Y], signal.sizes[X]) for m in maps):
        raise DataError(
            "these maps are not of this stack",
            expected=f"one or more of {signal.sizes[Y]} x {signal.sizes[X]} pixels",
            found=", ".join(str(m.shape) for m in maps) or "none",
        )
    dim = spectral_dim(signal)
    cube, count, step = _binned_cube(signal.transpose(dim, Y, X), keep)
    left, right, bottom, top = extent(maps[0])
    return {
        "extent": [left, right, bottom, top],
        "pixels": [int(signal.sizes[Y]), int(signal.sizes[X])],
        "units": unit_sign(str(maps[0][X].attrs.get("units", "um"))),
        "maps": [_map(values, None if i else limits) for i, values in enumerate(maps)],
        "cube": {
            "shape": list(cube.shape),
            "step": step,
            **_codes(cube),
            "count": _text(count.astype("<u2")),
            "axis": [float(v) for v in signal[dim].values],
            "axisLabel": quantity_label(signal[dim]),
            "label": quantity_label(signal),
        },
    }


def _map(values: xr.DataArray, limits: tuple[float, float] | None = None) -> dict[str, Any]:
    data = np.asarray(values.values, dtype=float)
    step = max(1, math.ceil(max(data.shape) / MAX_SIDE))
    small = bin_mean(data, step)
    low, high = limits or default_limits(values)
    sigma = str(values.name).endswith(STD_SUFFIX)
    table = colormap(default_colormap(values))(np.arange(256), bytes=True)[:, :3]
    return {
        "name": str(values.name),
        "label": quantity_label(values),
        "words": ["", ""] if sigma else list(end_words(values)),
        "shape": list(small.shape),
        "limits": [float(low), float(high)],
        "colors": _text(np.ascontiguousarray(table)),
        **_codes(small),
    }


def bin_mean(data: np.ndarray, step: int) -> np.ndarray:
    """Mean of blocks of `step` by `step` pixels of ``(y, x)``, NaN left out; the rim may be cut."""
    if step == 1:
        return data
    sums, count = _block_sums(np.nan_to_num(data), step), _block_sums(np.isfinite(data), step)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 0, sums / count, np.nan)


def _block_sums(data: np.ndarray, step: int) -> np.ndarray:
    rows, columns = data.shape
    padded = np.pad(data.astype(float), ((0, -rows % step), (0, -columns % step)))
    return padded.reshape(padded.shape[0] // step, step, -1, step).sum(axis=(1, 3))


def _binned_cube(
    signal: xr.DataArray, keep: xr.DataArray | None
) -> tuple[np.ndarray, np.ndarray, int]:
    """Mean of the kept pixels of each block, their number, and the size of the blocks."""
    depth, rows, columns = signal.shape
    step = 1
    while depth * math.ceil(rows / step) * math.ceil(columns / step) * 2 > MAX_CUBE_BYTES:
        step += 1
    used = np.ones((rows, columns), bool) if keep is None else np.asarray(keep.values, bool)
    frames = []
    for index in range(depth):  # frame by frame: a stack may be larger than memory
        frame = np.asarray(signal[index].values, dtype=float)
        used = used & np.isfinite(frame)
    count = _block_sums(used, step)
    for index in range(depth):
        frame = np.where(used, np.nan_to_num(np.asarray(signal[index].values, float)), 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            frames.append(np.where(count > 0, _block_sums(frame, step) / count, np.nan))
    return np.stack(frames), np.minimum(count, 65535), step


def _codes(values: np.ndarray) -> dict[str, Any]:
    """16-bit codes with ``value = offset + scale * code``."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    scale = (high - low) / TOP or 1.0
    codes = np.full(values.shape, NO_VALUE, dtype="<u2")
    known = np.isfinite(values)
    codes[known] = np.rint((values[known] - low) / scale).astype("<u2")
    return {"codes": _text(codes), "offset": low, "scale": scale}


def _text(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")
