"""Windows before and after an edge, found by themselves (science: masks)."""

from __future__ import annotations

import numpy as np
import xarray as xr

from socwidgets.analysis.edge_position import half_rise
from socwidgets.analysis.mean_spectrum import without_infinite
from socwidgets.analysis.window_rules import K_EDGES_EV, POST_START, PRE_WINDOW
from socwidgets.model.errors import DataError
from socwidgets.model.names import SIGNAL, X, Y
from socwidgets.model.watch import Watch

#: What lies nearer to the half rise of a K edge is the edge itself, and no base, eV.
_FOOT_EV = 8.0
_WINDOWS_FIX = (
    "give pre=(low, high) and post=(low, high); without points on both sides of the edge the "
    "methods 'lcf' and 'white_line' still work"
)
#: Pixels along a block whose mean spectrum is looked at, and how many blocks are.
_BLOCK, _BLOCKS = 4, 4096
#: Blocks that a phase must have to be one.
_LEAST_BLOCKS = 3


def automatic_windows(
    od: xr.Dataset, dim: str, watch: Watch
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Windows before and after the edge, from the spectra of the pixels that absorb.

    Parameters
    ----------
    od : xarray.Dataset
        Stack of optical density.
    dim : str
        Its spectral dim.
    watch : Watch
        Is told how far it is.

    Raises
    ------
    DataError
        If there is no base before or no step after the edge.
    """
    axis = od[dim].values
    finite = without_infinite(od[SIGNAL])
    signal = finite.stack(pixel=[d for d in od[SIGNAL].dims if d != dim])
    rise = (signal.max(dim) - signal.isel({dim: 0})).compute()
    watch(1, 3)
    if not bool(rise.notnull().any()):
        raise DataError(
            "no pixel is left whose edge could be looked for",
            expected="a pixel with a finite first sample",
            found=f"none in {rise.size}",
            fix="check mask=, and that the stack is an optical density",
        )
    strong = rise >= rise.quantile(0.95)
    mean = signal.isel(pixel=np.flatnonzero(strong.values)).mean("pixel").compute().values
    watch(2, 3)
    top, height, onset, first_after = _shape(mean)
    # A high white line comes down to half without being a peak alone: what a K edge needs is a base
    # before it. Only where a scan ends early are the points behind such a line taken instead.
    if axis[0] > K_EDGES_EV:
        e0 = half_rise(axis, mean)
        ends_early = axis[-1] < e0 + POST_START
        if not (ends_early and first_after > 0):
            return _beside_a_step(axis, mean)
        if axis[0] > e0 - _FOOT_EV:
            raise _no_base(
                axis, f"energies below {e0 - _FOOT_EV:.0f} eV for an edge at {e0:.1f} eV"
            )
    if not (np.isfinite(height) and height > 0) or onset < 1 or first_after < 0:
        raise DataError(
            "the windows before and after the edge cannot be found in this stack",
            expected="a mean spectrum that starts low, rises and comes down again",
            found=f"maximum at {axis[top]:g}, rise at {axis[onset]:g}",
            fix=_WINDOWS_FIX,
        )
    # What absorbs most may be one phase of several, with another onset and another peak.
    for spectrum in _kinds(finite, dim, onset, first_after):
        _, _, own_onset, own_after = _shape(spectrum)
        onset = own_onset if 1 <= own_onset < onset else onset
        first_after = max(first_after, own_after)
    # Of the whole image: what absorbs most at the peak may be one phase of several.
    whole = signal.mean("pixel").compute().values
    before, after_edge = float(np.nanmean(whole[:onset])), float(np.nanmean(whole[first_after:]))
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


def _no_base(axis: np.ndarray, expected: str) -> DataError:
    return DataError(
        "the stack has no points before the edge",
        expected=expected,
        found=f"{axis[0]:g} to {axis[-1]:g} eV",
        fix=_WINDOWS_FIX,
    )


def _shape(mean: np.ndarray) -> tuple[int, float, int, int]:
    """Row and height of the maximum, first row of the rise, and first row beyond the peak or -1."""
    base = np.nanmedian(mean[: max(3, mean.size // 20)])
    top = int(np.nanargmax(mean))
    height = float(mean[top] - base)
    onset = int(np.argmax(mean > base + 0.1 * height))
    after = np.flatnonzero(mean[top:] < base + 0.5 * height)
    return top, height, onset, top + int(after[0]) if after.size else -1


def _kinds(signal: xr.DataArray, dim: str, onset: int, first_after: int) -> list[np.ndarray]:
    """Mean spectra ``(spectral,)`` of the parts of the sample that peak at different energies.

    Found on blocks of pixels, where noise does not choose the peak; a part that has less than a
    twentieth of the sample is left out.
    """
    size = {d: max(1, min(_BLOCK, signal.sizes[d])) for d in (Y, X)}
    blocks = {d: signal.sizes[d] // size[d] for d in (Y, X)}
    step = max(1, round((blocks[Y] * blocks[X] / _BLOCKS) ** 0.5))
    rows = {d: np.arange(signal.sizes[d]) // size[d] for d in (Y, X)}
    held = {d: np.flatnonzero((rows[d] < blocks[d]) & (rows[d] % step == 0)) for d in (Y, X)}
    means = signal.isel(held).coarsen(size, boundary="trim").mean()
    flat = means.transpose(dim, ...).compute().values.reshape(signal.sizes[dim], -1)
    flat = flat[:, np.isfinite(flat).all(axis=0)]
    if not flat.shape[1]:
        return []
    rise = flat.max(axis=0) - flat[:onset].mean(axis=0)
    flat = flat[:, rise >= 0.5 * np.quantile(rise, 0.95)]
    top = flat.argmax(axis=0)
    least = max(_LEAST_BLOCKS, 0.05 * top.size)
    parts = [flat[:, top == row] for row in range(onset, first_after)]
    return [part.mean(axis=1) for part in parts if part.shape[1] >= least]


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
    before, after = np.nanmean(mean[axis <= pre[-1]]), np.nanmean(mean[axis >= post[0]])
    if not after > before:
        raise DataError(
            "the stack shows no step at the edge",
            expected="a mean spectrum that is higher after the edge than before it",
            found=f"{before:.3g} before and {after:.3g} after {e0:.1f} eV",
            fix="check that the signal is an optical density, and not its negative",
        )
    return (float(pre[0]), float(pre[-1])), (float(post[0]), float(post[-1]))
