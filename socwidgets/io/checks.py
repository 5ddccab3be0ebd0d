"""Data that were read but cannot be right: dark, saturated and empty frames."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.model.errors import DataError
from socwidgets.model.names import QUANTITY, SIGNAL, VALID, X, Y, spectral_dim

#: Pixels of a frame of which its bright level is told.
_LEVEL_PIXELS = 16_384

#: A frame of counts whose bright pixels lie below this share of the median frame's is dark.
DARK_SHARE = 0.01
#: More than this share of the pixels of one frame exactly at the ceiling: the frame is saturated.
SATURATED_SHARE = 0.01
#: Frames looked at in a lazily read stack.
SAMPLE_FRAMES = 8
#: Attribute that says how many frames were looked at.
CHECKED = "checked_frames"
#: Ceilings of counters and cameras, 8 to 32 bit.
_CEILINGS = frozenset(2**bits - 1 for bits in (8, 10, 12, 14, 15, 16, 24, 31, 32))


def check_frames(stack: xr.Dataset, *, saturation: float | None = None) -> xr.Dataset:
    """Check the frames of a freshly read stack.

    Parameters
    ----------
    stack : xarray.Dataset
        A valid stack, ``signal (..., spectral, y, x)``. Of a lazily read one, `SAMPLE_FRAMES`
        evenly spaced frames are looked at (one each from the start and the end).
    saturation : float, optional
        Value at which the detector clips. Otherwise the largest value of the data is a ceiling if
        it is the largest of its integer type or ``2**n - 1`` of a usual counter.

    Returns
    -------
    xarray.Dataset
        The stack. Pixels with a NaN or infinite value in any frame looked at are False in
        ``valid`` ``(y, x)``; their number is in ``attrs["nonfinite_values"]``, and a warning is
        given. ``attrs["checked_frames"]`` says how many frames were looked at.

    Raises
    ------
    DataError
        Frames without one finite value; dark frames (every pixel zero or below; for counts also
        bright pixels below `DARK_SHARE` of the median frame's: fluorescence before the edge is
        an intensity, and may be that low); frames with more
        than `SATURATED_SHARE` of their pixels at the ceiling; no pixel that is finite throughout.
    """
    dim = spectral_dim(stack[SIGNAL])
    sample, where = _sample(stack, dim)
    numbers = {dim: stack[dim].values[where], "index": where}
    bad = ~np.isfinite(sample) if sample.dtype.kind == "f" else None
    if bad is not None and bad.any():
        stack = _mark_nonfinite(stack, sample, bad, numbers, dim)
    quantity = str(stack.attrs.get(QUANTITY))
    _check_dark(sample, numbers, dim, quantity)
    if quantity in ("counts", "intensity"):
        _check_saturated(sample, numbers, dim, saturation)
    total = stack.sizes[dim]
    text = f"all {total}" if len(where) == total else f"a sample of {len(where)} of {total}"
    return stack.assign_attrs({CHECKED: text})


def _sample(stack: xr.Dataset, dim: str) -> tuple[np.ndarray, np.ndarray]:
    """Frames to look at, ``(frame, pixel...)`` with the leading dims folded in."""
    signal = stack[SIGNAL]
    total = signal.sizes[dim]
    where = np.arange(total)
    if signal.chunks is not None and total > SAMPLE_FRAMES:
        where = np.unique(np.linspace(0, total - 1, SAMPLE_FRAMES).round().astype(int))
        signal = signal.isel({dim: where})
    return np.asarray(signal.transpose(dim, ..., Y, X).values), where


def _mark_nonfinite(
    stack: xr.Dataset, sample: np.ndarray, bad: np.ndarray, numbers: dict[str, Any], dim: str
) -> xr.Dataset:
    empty = np.asarray(bad.reshape(len(bad), -1).all(axis=1))
    if empty.any():
        raise DataError(
            f"{np.count_nonzero(empty)} frames hold no finite value",
            expected="numbers in every frame",
            found="only NaN or infinity at " + _where(empty, numbers, dim),
            fix="read the file they came from, or open this one with check=False and leave the "
            f"frames out: stack.dropna({dim!r}, how='all')",
        )
    lost = bad.any(axis=tuple(range(bad.ndim - 2)))
    if lost.all():
        raise DataError(
            "no pixel has finite values in all frames",
            expected="pixels that were measured at every energy",
            found=f"{np.count_nonzero(bad)} of {bad.size} values are NaN or infinite",
            fix="check the alignment or the background correction that was done before",
        )
    count, pixels = int(np.count_nonzero(bad)), int(np.count_nonzero(lost))
    infinite = int(np.count_nonzero(np.isinf(sample)))
    warnings.warn(
        f"{count} values are not finite (NaN: {count - infinite}, infinite: {infinite}); "
        f"the {pixels} pixels concerned are marked as not valid",
        stacklevel=4,
    )
    known = stack[VALID].values if VALID in stack else np.ones(lost.shape, bool)
    stack = stack.assign({VALID: ((Y, X), known & ~lost)})
    stack[VALID].attrs["long_name"] = "Pixel may be used"
    return stack.assign_attrs(nonfinite_values=count)


def _bright_level(flat: np.ndarray) -> np.ndarray:
    """Level ``(frame,)`` that the brightest thousandth of the finite pixels reaches.

    Of large frames some pixels are looked at: to sort all of them takes longer than to read them.
    """
    # An odd step: no column, and no row of a detector of 2^n pixels, is left out.
    flat = flat[:, :: max(1, flat.shape[1] // _LEVEL_PIXELS) | 1]
    if flat.dtype.kind != "f" or np.isfinite(flat).all():
        return np.percentile(flat, 99.9, axis=1)
    return np.array([np.percentile(row[np.isfinite(row)], 99.9) for row in flat])


def _check_dark(sample: np.ndarray, numbers: dict[str, Any], dim: str, quantity: str) -> None:
    flat = sample.reshape(len(sample), -1)
    transmitted, counts = quantity in ("counts", "intensity"), quantity == "counts"
    if transmitted:
        # The 99.9th percentile: a single hot pixel must not make a dark frame look lit.
        level = _bright_level(flat)
        dark = level <= 0
        if counts:
            dark |= level < DARK_SHARE * np.median(level)
    else:
        # Optical density may be zero or below somewhere, never exactly zero everywhere.
        level = np.zeros(len(flat))
        dark = (flat == 0).all(axis=1)
    if dark.any():
        lit = f"; the median frame reaches {np.median(level):.4g}" if transmitted else ""
        raise DataError(
            f"{np.count_nonzero(dark)} of {len(sample)} frames are dark",
            expected="light in every frame",
            found="dark at " + _where(dark, numbers, dim) + lit,
            fix="the beam or the shutter was off: leave these frames out, or read them with "
            "check=False if they are meant to be dark",
        )


def _check_saturated(
    sample: np.ndarray, numbers: dict[str, Any], dim: str, saturation: float | None
) -> None:
    flat = sample.reshape(len(sample), -1)
    finite = flat[np.isfinite(flat)] if flat.dtype.kind == "f" else flat
    ceiling = float(finite.max()) if saturation is None else float(saturation)
    share = (flat >= ceiling).mean(axis=1) if saturation else (flat == ceiling).mean(axis=1)
    full = share > SATURATED_SHARE
    limits = set(_CEILINGS)
    if sample.dtype.kind in "iu":
        limits.add(int(np.iinfo(sample.dtype).max))
    if full.any() and (saturation is not None or ceiling in limits):
        raise DataError(
            f"{np.count_nonzero(full)} of {len(sample)} frames are saturated",
            expected=f"at most {SATURATED_SHARE:.0%} of the pixels at the ceiling {ceiling:g}",
            found=f"{share.max():.0%} of the pixels; saturated at " + _where(full, numbers, dim),
            fix="measure with a shorter dwell time; or read with check=False and mask the bright "
            "pixels: their optical density is a lower limit only",
        )
    if np.count_nonzero(full) > 1:
        warnings.warn(
            f"in {np.count_nonzero(full)} frames more than {SATURATED_SHARE:.0%} of the pixels "
            f"have exactly the largest value, {ceiling:g}: the counts may be clipped there",
            stacklevel=4,
        )


def _where(flags: np.ndarray, numbers: dict[str, Any], dim: str) -> str:
    found = np.flatnonzero(flags)
    named = [f"frame {numbers['index'][i]} ({numbers[dim][i]:g})" for i in found[:5]]
    return ", ".join(named) + (f" and {found.size - 5} more" if found.size > 5 else "")
