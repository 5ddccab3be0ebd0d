"""Pixels of a detector that do not tell the truth: dead, hot, at full scale, clipped, too dense."""

from __future__ import annotations

from enum import IntFlag

import numpy as np
import xarray as xr

from socwidgets.model.names import X, Y
from socwidgets.model.status import Status

PIXEL_FLAGS = "pixel_flags"
#: Attribute of a stack: counts at which its detector is full.
FULL_SCALE = "full_scale"
#: A flat that is full in any reading is this bright in the mean of its readings, of full scale.
_NEARLY_FULL = 0.7

#: A dead pixel sees less than this share of its surroundings' light, a hot one more than that.
DEAD_SHARE, HOT_SHARE = 0.1, 2.0
#: A hot pixel's dark counts lie this many robust standard deviations above the median.
HOT_SIGMA = 10.0
#: Half width of the surroundings, px.
_REACH = 2


class PixelFlag(IntFlag):
    """Why a pixel of the detector is not to be believed (CF ``flag_masks``)."""

    DEAD = 1
    HOT = 2
    FULL_SCALE = 4
    CLIPPED = 8
    TOO_DENSE = 16


def flag_attrs() -> dict[str, object]:
    """CF attributes of a map of pixel flags."""
    return {
        "long_name": "Defects of the pixel",
        "flag_masks": np.array([int(flag) for flag in PixelFlag], dtype=np.uint8),
        "flag_meanings": " ".join(str(flag.name).lower() for flag in PixelFlag),
    }


def flag_counts(flags: np.ndarray) -> dict[str, int]:
    """Number of pixels with each flag, as ``n_<flag>``."""
    return {
        f"n_{str(flag.name).lower()}": int(np.count_nonzero(flags & np.uint8(flag)))
        for flag in PixelFlag
    }


def detector_defects(light: xr.DataArray, dark: xr.DataArray) -> xr.DataArray | None:
    """Dead and hot pixels of an area detector, from its flats and darks.

    Parameters
    ----------
    light : xarray.DataArray
        Open beam minus dark, counts; averaged over all dims but y and x.
    dark : xarray.DataArray
        Dark counts; a dark without y and x tells nothing.

    Returns
    -------
    xarray.DataArray or None
        ``(y, x)`` uint8: `PixelFlag.DEAD` where the pixel sees less than a tenth of the light of
        the 5 x 5 pixels around it, `PixelFlag.HOT` where it sees more than twice that, or where
        its dark counts lie ten robust standard deviations above the median. None without images.
    """
    flags = None
    if Y in light.dims and X in light.dims:
        image = light.mean([d for d in light.dims if d not in (Y, X)]).transpose(Y, X)
        flags = _off_its_surroundings(np.asarray(image.values, np.float64))
    if Y in dark.dims and X in dark.dims:
        image = dark.mean([d for d in dark.dims if d not in (Y, X)]).transpose(Y, X)
        values = np.asarray(image.values, np.float64)
        middle = np.nanmedian(values)
        spread = 1.4826 * np.nanmedian(np.abs(values - middle))
        floor = np.sqrt(max(middle, 1.0))
        hot = values > middle + HOT_SIGMA * max(spread, floor / HOT_SIGMA)
        flags = (np.zeros(values.shape, np.uint8) if flags is None else flags) | np.where(
            hot, np.uint8(PixelFlag.HOT), np.uint8(0)
        )
    return None if flags is None else xr.DataArray(flags, dims=(Y, X))


def _off_its_surroundings(light: np.ndarray) -> np.ndarray:
    flags = np.zeros(light.shape, np.uint8)
    if min(light.shape) < 2 * _REACH + 1:
        return flags
    whole = np.nan_to_num(light)
    padded = np.pad(whole, 1, mode="reflect")
    near = (padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]) / 4.0
    # A cheap test first: the median of the surroundings is taken of candidates only.
    suspect = (whole < 0.5 * near) | (whole > 1.5 * near) | (whole < DEAD_SHARE * np.median(whole))
    at = np.flatnonzero(suspect)
    if not at.size:
        return flags
    wide = np.pad(whole, _REACH, mode="reflect")
    for part in np.array_split(at, max(1, at.size // 65536)):
        y, x = np.unravel_index(part, light.shape)
        reach = np.arange(2 * _REACH + 1)
        around = wide[y[:, None, None] + reach[:, None], x[:, None, None] + reach[None, :]]
        level = np.median(around, axis=(1, 2))
        own = whole[y, x]
        lit = level > 0
        flags[y, x] = np.where(
            lit & (own < DEAD_SHARE * level), PixelFlag.DEAD,
            np.where(lit & (own > HOT_SHARE * level), PixelFlag.HOT, 0),
        )  # fmt: skip
    return flags


def full_scale_of(dtype: np.dtype) -> float | None:
    """Largest count of an integer detector of up to 16 bits; None where it cannot be known."""
    return float(np.iinfo(dtype).max) if dtype.kind in "iu" and dtype.itemsize <= 2 else None


def add_full_flats(
    seen: dict[str, xr.DataArray],
    flats: list[xr.DataArray],
    light: xr.DataArray,
    limit: float | None,
) -> dict[str, xr.DataArray]:
    """Mark the pixels whose flat was at full scale: there the optical density is too small.

    Parameters
    ----------
    seen : dict of str to xarray.DataArray
        What is known of each pixel; its ``full`` ``(..., y, x)`` bool is widened.
    flats : list of xarray.DataArray
        Flats with all their readings; those without y and x tell nothing of a pixel.
    light : xarray.DataArray
        Mean open beam above the dark: only where it comes near the limit are the readings looked
        at, because they may be many.
    limit : float or None
        Counts at full scale; None where it is not known.
    """
    images = [flat for flat in flats if Y in flat.dims and X in flat.dims]
    if limit is None or not images or not bool((light > _NEARLY_FULL * limit).any()):
        return seen
    found = seen["full"]
    for flat in images:
        full = (flat >= limit).any([d for d in flat.dims if d not in (Y, X)]).compute()
        found = found | full.transpose(Y, X).variable
    return {**seen, "full": found}


def pixel_flags(
    seen: dict[str, xr.DataArray],
    codes: xr.DataArray,
    defects: xr.DataArray | None,
    ends: tuple[float, float],
    max_od: float,
) -> xr.DataArray:
    """What is wrong with each pixel, ``(..., y, x)`` uint8.

    Parameters
    ----------
    seen : dict of str to xarray.DataArray
        ``full`` (bool), and the largest and smallest optical density ``high`` and ``low`` of each
        pixel, where they are known.
    codes : xarray.DataArray
        ``(..., y, x)``, status so far; a masked pixel is a dead one.
    defects : xarray.DataArray or None
        From `detector_defects`.
    ends : (float, float)
        Optical densities at which transmissions are clipped, largest and smallest.
    max_od : float
        Optical density above which a pixel is too dense.
    """
    flags = xr.zeros_like(codes)
    if defects is not None:
        flags = flags | defects.variable
    marks = {}
    if "full" in seen:
        marks[PixelFlag.FULL_SCALE] = seen["full"]
    if "high" in seen:
        clipped = (seen["high"] >= ends[0] - 1e-5) | (seen["low"] <= ends[1] + 1e-5)
        marks[PixelFlag.CLIPPED] = clipped
        marks[PixelFlag.TOO_DENSE] = seen["high"] > max_od
    for flag, where in marks.items():
        flags = flags | xr.where(where, np.uint8(flag), np.uint8(0))
    flags = xr.where(codes == Status.MASKED, flags | np.uint8(PixelFlag.DEAD), flags)
    return flags.transpose(*codes.dims).astype(np.uint8)
