"""Counts without sample: averaged, interpolated in time, scaled by an object-free region."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from socwidgets.analysis.named_arrays import named
from socwidgets.model.errors import DataError
from socwidgets.model.names import DARK, FLAT, I0, SIGNAL, X, Y, spectral_dim
from socwidgets.model.units import energies_in_ev

#: Coordinate that holds when a frame or a flat was taken (seconds or datetimes).
TIME = "time"


@dataclass(frozen=True, slots=True)
class OpenBeam:
    """Counts without the sample and how noisy they are.

    Attributes
    ----------
    counts : xarray.DataArray
        Dark counts included; any of the signal's dims.
    per_flat : ndarray
        ``(spectral,)``, variance of the open beam in units of that of one flat: ``1/n_f`` for the
        mean of n_f flats, 0 for an I0 without noise.
    """

    counts: xr.DataArray
    per_flat: np.ndarray


def dark_counts(stack: xr.Dataset, dark: xr.DataArray | np.ndarray | float | None) -> xr.DataArray:
    """Mean dark counts, float32: of `dark`, else the stack's own, else zero.

    Dims that the signal does not have are repeats and are averaged. The dark belongs to the
    detector: its own coordinates along y and x do not matter, its size does.

    Raises
    ------
    DataError
        If its size is another.
    """
    source = dark if dark is not None else stack.get(DARK)
    if source is None:
        return xr.DataArray(np.float32(0))
    values = named(source, stack, "dark")
    mean = values.mean(_repeats(values, stack)).astype(np.float32)
    for name, size in mean.sizes.items():
        if stack[SIGNAL].sizes[name] != size:
            raise DataError(
                "the dark does not fit the stack",
                expected=f"{name} of length {stack[SIGNAL].sizes[name]}",
                found=f"length {size}",
                fix="give dark frames of the same image size, or one number",
            )
    return mean.drop_vars([Y, X], errors="ignore")


def open_beam(
    stack: xr.Dataset,
    flat: xr.DataArray | np.ndarray | None,
    flat_after: xr.DataArray | np.ndarray | None,
    empty: xr.DataArray | np.ndarray | None,
    background: xr.DataArray,
) -> OpenBeam:
    """Counts without the sample for every frame of a stack.

    Parameters
    ----------
    stack : xarray.Dataset
        ``signal`` ``(..., spectral, y, x)``, counts.
    flat, flat_after : xarray.DataArray, optional
        Flats taken before and after the frames; see `optical_density`.
    empty : xarray.DataArray, optional
        ``(y, x)`` bool, True where there is no sample.
    background : xarray.DataArray
        Dark counts.

    Raises
    ------
    DataError
        If there is nothing to divide by, or the parts do not fit together.
    """
    dim = spectral_dim(stack[SIGNAL])
    source = flat if flat is not None else stack.get(FLAT, stack.get(I0))
    if source is None:
        if empty is not None and flat_after is None:
            return _from_region(stack, empty, background)
        raise DataError(
            "there is no I0 to divide by",
            expected="a flat= argument, an object-free region empty=, or a variable 'flat' or "
            "'i0' in the stack",
            found=f"variables {', '.join(map(str, stack.data_vars))}",
            fix="flat_after= alone is none: pass those flats as flat="
            if flat_after is not None
            else "pass flat=, or empty=mask of the pixels without sample",
        )
    source = named(source, stack, "flat")
    beam, share = _average(source, stack, dim)
    if flat_after is not None:
        flat_after = named(flat_after, stack, "flat after the scan")
        beam, share = _between(source, flat_after, stack, dim)
    if empty is not None:
        beam, share = _scaled(beam, share, stack, empty, background)
    return OpenBeam(beam.astype(np.float32), np.broadcast_to(share, (stack.sizes[dim],)).copy())


def time_weights(
    before: xr.DataArray, after: xr.DataArray, stack: xr.Dataset, dim: str
) -> np.ndarray:
    """Weight of the later flat for each frame, ``(spectral,)``, 0 to 1.

    From the coordinates ``time`` of stack and flats where all three have one. Else single flat
    images count as taken right before the first and right after the last frame, and flats for each
    energy as taken in scans of their own, between which each frame lies in the middle.

    Raises
    ------
    DataError
        If the later flats are not later, or no frame lies between the two.
    """
    n = stack.sizes[dim]
    if all(TIME in part.coords for part in (before, after, stack)):
        start, stop = (_mean_time(part, dim) for part in (before, after))
        now = stack[TIME].transpose(dim).values.astype(np.float64)
        if not np.all(stop > start):
            raise DataError(
                "the later flats are not later than the earlier ones",
                expected="time of flat_after beyond time of flat",
                found=f"{np.min(start):g} and {np.min(stop):g}",
                fix="exchange them, or drop the time coordinate",
            )
        share = (now - start) / (stop - start)
        if not ((share >= 0.0) & (share <= 1.0)).any():
            kinds = [str(part[TIME].dtype) for part in (before, stack, after)]
            raise DataError(
                "no frame was taken between the flats before and after",
                expected="times of the frames between those of the flats, by one clock",
                found=f"frames at {now[0]:g} to {now[-1]:g}, flats at {np.min(start):g} and "
                f"{np.max(stop):g} (types {', '.join(kinds)})",
                fix="give all times as seconds from one start, or all as datetimes",
            )
        return np.broadcast_to(np.clip(share, 0.0, 1.0), (n,))
    if dim in before.dims:
        return np.full(n, 0.5)
    return (np.arange(n) + 1.0) / (n + 1.0)


def i0_on_axis(i0: xr.DataArray, axis: xr.DataArray) -> xr.DataArray:
    """I0 spectrum of another file on the energies of a stack, without extrapolation.

    Parameters
    ----------
    i0 : xarray.DataArray
        ``(spectral,)`` with its own axis, counts; energies in keV are recognized.
    axis : xarray.DataArray
        ``(spectral,)``, the stack's axis.

    Returns
    -------
    xarray.DataArray
        ``(spectral,)``, linearly interpolated.

    Raises
    ------
    DataError
        If the axis reaches beyond the I0.
    """
    dim = spectral_dim(i0)
    if dim == "energy":
        i0 = i0.assign_coords({dim: energies_in_ev(i0[dim].values, i0[dim].attrs.get("units"))[0]})
    own = i0.sortby(dim)
    low, high = float(own[dim][0]), float(own[dim][-1])
    if float(axis.min()) < low - 1e-3 or float(axis.max()) > high + 1e-3:
        raise DataError(
            "the I0 does not cover the stack",
            expected=f"{float(axis.min()):g} to {float(axis.max()):g}",
            found=f"{low:g} to {high:g}",
            fix="cut the stack to the energies of the I0, or use an object-free region",
        )
    values = np.interp(axis.values, own[dim].values, own.values.astype(np.float64))
    return xr.DataArray(values, {dim: axis.values}, dims=dim, attrs=i0.attrs)


def _repeats(values: xr.DataArray, stack: xr.Dataset) -> list[str]:
    return [str(d) for d in values.dims if d not in stack[SIGNAL].dims]


def _average(source: xr.DataArray, stack: xr.Dataset, dim: str) -> tuple[xr.DataArray, np.ndarray]:
    """Mean over repeats; an I0 spectrum counts as noiseless."""
    repeats = _repeats(source, stack)
    count = int(np.prod([source.sizes[d] for d in repeats], dtype=int))
    share = 1.0 / count if Y in source.dims else 0.0
    return source.mean(repeats), np.full(stack.sizes[dim], share)


def _between(
    before: xr.DataArray, after: xr.DataArray, stack: xr.Dataset, dim: str
) -> tuple[xr.DataArray, np.ndarray]:
    """Interpolate between the flats before and after."""
    first, share_first = _average(before, stack, dim)
    last, share_last = _average(after, stack, dim)
    if dict(first.sizes) != dict(last.sizes):
        raise DataError(
            "the flats before and after do not fit each other",
            expected=f"dims {dict(first.sizes)}",
            found=f"dims {dict(last.sizes)}",
        )
    weight = time_weights(before, after, stack, dim)
    along = xr.DataArray(weight, dims=dim)
    drop = {TIME}.intersection
    first, last = (part.drop_vars(drop(part.coords)) for part in (first, last))
    mixed = first * (1.0 - along) + last.variable * along
    return mixed, (1.0 - weight) ** 2 * share_first + weight**2 * share_last


def _mean_time(part: xr.DataArray, dim: str) -> np.ndarray:
    when = part[TIME].astype(np.float64)
    return when.mean([d for d in when.dims if d != dim]).values


def _region(stack: xr.Dataset, empty: xr.DataArray | np.ndarray) -> xr.DataArray:
    mask = named(empty, stack, "object-free region")
    sizes = {Y: stack.sizes[Y], X: stack.sizes[X]}
    if mask.dtype != bool or dict(mask.sizes) != sizes or not bool(mask.any()):
        raise DataError(
            "the object-free region does not fit the stack",
            expected=f"a bool mask (y, x) of {sizes[Y]} x {sizes[X]} with at least one True",
            found=f"{mask.dtype} {dict(mask.sizes)}, {int(mask.sum())} True",
            fix="make it with roi_mask(stack, roi), over pixels that hold no sample at any energy",
        )
    return mask.reset_coords(drop=True)


def _from_region(
    stack: xr.Dataset, empty: xr.DataArray | np.ndarray, background: xr.DataArray
) -> OpenBeam:
    """I0 spectrum: mean counts of the object-free pixels."""
    mask = _region(stack, empty)
    seen = _mean_light(stack[SIGNAL], background, mask)
    level = background.where(mask).mean([d for d in (Y, X) if d in background.dims])
    count = int(mask.sum())
    # The dark is taken off again pixel by pixel, so the region's own goes back on as an image.
    beam = seen + (background if Y in background.dims else level)
    share = np.full(stack.sizes[spectral_dim(stack[SIGNAL])], 1.0 / count)
    return OpenBeam(beam.astype(np.float32), share)


def _scaled(
    beam: xr.DataArray,
    share: np.ndarray,
    stack: xr.Dataset,
    empty: xr.DataArray | np.ndarray,
    background: xr.DataArray,
) -> tuple[xr.DataArray, np.ndarray]:
    """Flat times what the object-free pixels say about each frame: ring current, shutter."""
    mask = _region(stack, empty)
    seen = _mean_light(stack[SIGNAL], background, mask)
    flat = _mean_light(beam, background, mask)
    if not bool(((seen > 0) & (flat > 0)).all()):
        raise DataError(
            "the object-free region is dark in a frame",
            expected="counts above the dark there at every energy",
            fix="look at that frame, or choose another region",
        )
    factor = (seen / flat).compute()
    dim = spectral_dim(stack[SIGNAL])
    mean = factor.mean([d for d in factor.dims if d != dim]).values
    count = int(mask.sum())
    # Photons are counted in units of the scaled flat; the region adds the noise of its own mean.
    spread = share * mean + (1.0 + share * mean) / count
    return (beam - background) * factor + background, spread


def _mean_light(counts: xr.DataArray, background: xr.DataArray, mask: xr.DataArray) -> xr.DataArray:
    """Mean of counts minus dark over a mask; of what has no pixels, the plain difference."""
    rest = [d for d in (Y, X) if d in counts.dims or d in background.dims]
    light = counts.astype(np.float64) - background
    return (light.where(mask).mean(rest) if rest else light).reset_coords(drop=True)
