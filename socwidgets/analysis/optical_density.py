"""From detector counts to optical density, with the noise that the counts carry."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.analysis.detector import (
    FULL_SCALE,
    PIXEL_FLAGS,
    PixelFlag,
    add_full_flats,
    detector_defects,
    flag_attrs,
    flag_counts,
    full_scale_of,
    pixel_flags,
)
from socwidgets.analysis.incoming_light import incoming_light
from socwidgets.analysis.named_arrays import named
from socwidgets.analysis.open_beam import dark_counts, open_beam
from socwidgets.analysis.transmission import convert_in_memory
from socwidgets.analysis.watched_graph import graph_watched_by
from socwidgets.model import provenance
from socwidgets.model.mapset import status_variable
from socwidgets.model.names import (
    DARK,
    FLAT,
    I0,
    QUANTITY,
    SIGNAL,
    SIGNAL_STD,
    STATUS,
    VALID,
    spectral_dim,
)
from socwidgets.model.parameters import Parameters, param
from socwidgets.model.stack import require_quantity, validate_stack
from socwidgets.model.status import Status
from socwidgets.model.watch import Progress, Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class OpticalDensityParameters(Parameters):
    """Parameters of the conversion from counts to optical density."""

    noise: str = param(
        "auto",
        "'poisson' propagates counting statistics into signal_std; 'none' leaves it out, so that "
        "fits take their noise from the residual; 'auto' is 'poisson' where the counts are photon "
        "counts (stack attribute counts = 'photons', or an integer detector) and 'none' elsewhere.",
        choices=("auto", "poisson", "none"),
    )
    gain: float = param(1.0, "Photons per count, where the detector's counts are scaled.", low=1e-9)
    clip_low: float = param(
        1e-4, "Transmissions below this are clipped and the pixel flagged as saturated.", low=0.0
    )
    clip_high: float = param(20.0, "Transmissions above this are clipped and flagged.", low=1.0)
    max_od: float = param(
        3.0,
        "Optical densities above this are flagged as saturated: stray light and harmonics make "
        "them meaningless. 1.5 is a usual limit at an L edge.",
        low=0.1,
    )
    full_scale: float | None = param(
        None,
        "Counts at which the detector is full; empty: the stack's attribute full_scale, else the "
        "end of the range of an integer detector of up to 16 bits.",
        unit="counts",
        low=1.0,
    )
    defects: str = param(
        "auto",
        "'auto' finds dead and hot pixels in flat and dark images; 'none' does not look for them.",
        choices=("auto", "none"),
    )

    def limits(self) -> dict[str, float]:
        """Keywords of the kernel."""
        return {
            "clip_low": self.clip_low,
            "clip_high": self.clip_high,
            "max_od": self.max_od,
            "photons_per_count": self.gain,
        }


def optical_density(
    stack: xr.Dataset,
    *,
    flat: xr.DataArray | np.ndarray | None = None,
    flat_after: xr.DataArray | np.ndarray | None = None,
    empty: xr.DataArray | np.ndarray | None = None,
    dark: xr.DataArray | np.ndarray | float | None = None,
    params: OpticalDensityParameters | None = None,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
    **changes: Any,
) -> xr.Dataset:
    """Optical density ``-ln((I - D)/(I0 - D))`` of a stack of counts.

    Parameters
    ----------
    stack : xarray.Dataset
        ``signal`` ``(..., spectral, y, x)``, counts.
    flat : xarray.DataArray, optional
        Counts without the sample: an image ``(y, x)``, one per energy ``(spectral, y, x)``, or a
        spectrum ``(spectral,)``; any further dimension holds repeats, which are averaged. The
        stack's own ``flat``, else its ``i0``, if left out.
    flat_after : xarray.DataArray, optional
        Flats taken after the sample, with the dims of `flat`: each frame is divided by what lies
        between the two at its time (`socwidgets.analysis.open_beam.time_weights`).
    empty : xarray.DataArray, optional
        ``(y, x)`` bool, pixels that never hold sample. Their light scales the flat of each frame,
        which takes the decay of the ring current out; without any flat they are the I0.
    dark : xarray.DataArray, optional
        Counts without beam, any of ``(y, x)``, ``(spectral,)`` or a scalar, and repeats; the
        stack's own ``dark`` if left out, else zero.
    params : OpticalDensityParameters, optional
        `changes` are laid over them.
    progress, cancel : optional
        As for `socwidgets.fit_map`.

    Returns
    -------
    xarray.Dataset
        The stack with ``signal`` in optical density (dimensionless), ``signal_std`` where the
        counting noise is known (science: ``sqrt((e^OD + 1/n_f)/N0)``), ``status``: masked for
        dead and hot pixels, saturated for clipped or too dense ones and where counts or flats are
        at full scale, and ``pixel_flags`` (`socwidgets.analysis.detector.PixelFlag`), which says
        which of these it was; their numbers are attributes ``n_dead``, ``n_hot``, ... A sample with
        ``I <= D`` is NaN and does not kill its pixel; dead and hot pixels are NaN at all energies.

    Raises
    ------
    DataError
        If the stack holds no counts, there is no I0, or the I0 has another shape or is dark.
    CancelledError
        If `cancel` was set.

    Notes
    -----
    Flats, dark and `empty` may be plain arrays: their dims are found from their shapes
    (`socwidgets.analysis.named_arrays.named`).
    """
    validate_stack(stack)
    require_quantity(stack, ("counts", "intensity"), "optical density")
    chosen = OpticalDensityParameters.merged(params, changes)
    dim, watch = spectral_dim(stack[SIGNAL]), Watch(progress, cancel)
    watch(0, 1)
    background = dark_counts(stack, dark)
    beam = open_beam(stack, flat, flat_after, empty, background)
    incoming = incoming_light(beam.counts, background, stack, dim)
    made = convert_in_memory(
        stack[SIGNAL], beam.counts, background, chosen.limits(), beam.per_flat,
        _is_poisson(stack, chosen), watch.part(0.05, 0.8),
    ) or _convert_lazily(stack, background, incoming, chosen, beam.per_flat, dim)  # fmt: skip
    od, std, codes = made
    result = stack.drop_vars([FLAT, I0, DARK, SIGNAL_STD], errors="ignore")
    result[SIGNAL] = od.assign_attrs(long_name="Optical density", units="1")
    if std is not None:
        words = "Standard uncertainty of the optical density"
        result[SIGNAL_STD] = std.assign_attrs(long_name=words, units="1")
    limit = chosen.full_scale or stack.attrs.get(FULL_SCALE) or full_scale_of(stack[SIGNAL].dtype)
    with graph_watched_by(watch.part(0.05, 0.8)):
        seen = _per_pixel(stack, od, codes, limit, dim)
    watch(4, 5)
    flats = [f for f in (stack.get(FLAT) if flat is None else flat, flat_after) if f is not None]
    seen = add_full_flats(seen, [named(f, stack, "flat") for f in flats], incoming, limit)
    codes = seen["codes"].transpose(*[d for d in od.dims if d != dim])
    watch(9, 10)
    defects = detector_defects(incoming, background) if chosen.defects == "auto" else None
    ends = (-float(np.log(chosen.clip_low)), -float(np.log(chosen.clip_high)))
    _flag(result, codes, pixel_flags(seen, codes, defects, ends, chosen.max_od))
    if VALID in stack:
        bad = ~stack[VALID].transpose(*[d for d in codes.dims if d in stack[VALID].dims])
        kept = xr.where(bad, np.uint8(Status.MASKED), result[STATUS]).transpose(*codes.dims)
        result[STATUS] = status_variable(kept.values, tuple(str(d) for d in codes.dims))
    result.attrs[QUANTITY] = "optical_density"
    result.attrs.pop(FULL_SCALE, None)
    inputs = {"flat": flat, "flat_after": flat_after, "empty": empty, "dark": dark}
    called = {**chosen.to_dict(), **{k: v for k, v in inputs.items() if v is not None}}
    return provenance.record(result, "socwidgets.optical_density", called, source=stack)


def _per_pixel(
    stack: xr.Dataset, od: xr.DataArray, codes: xr.DataArray, limit: float | None, dim: str
) -> dict[str, xr.DataArray]:
    """Status codes and, where they are needed, what tells the reasons apart."""
    found = {"codes": codes}
    if limit is not None:
        found["full"] = stack[SIGNAL].max(dim) >= limit
    if codes.chunks is not None or bool((codes == Status.SATURATED).any()):
        found["high"], found["low"] = od.max(dim), od.min(dim)
    # Together: a lazy stack is read once for all of them.
    made = xr.Dataset({k: v.reset_coords(drop=True) for k, v in found.items()}).compute()
    return {str(name): values for name, values in made.items()}


def _flag(result: xr.Dataset, codes: xr.DataArray, flags: xr.DataArray) -> None:
    """Put status and flags into the result; dead and hot pixels lose their values."""
    dims = tuple(str(d) for d in codes.dims)
    broken = (flags & np.uint8(PixelFlag.DEAD | PixelFlag.HOT)) > 0
    values = codes.values.copy()
    values[((flags & np.uint8(PixelFlag.FULL_SCALE)) > 0).values & (values == Status.OK)] = (
        Status.SATURATED
    )
    values[broken.values] = Status.MASKED
    result[STATUS] = status_variable(values, dims)
    result[PIXEL_FLAGS] = (dims, flags.values, flag_attrs())
    result.attrs.update(flag_counts(flags.values))
    if bool(broken.any()):
        for name in {SIGNAL, SIGNAL_STD} & {str(n) for n in result.data_vars}:
            was = result[name]
            kept = was.where(~broken.reset_coords(drop=True)).transpose(*was.dims)
            result[name] = kept.assign_attrs(was.attrs)


def _is_poisson(stack: xr.Dataset, chosen: OpticalDensityParameters) -> bool:
    if chosen.noise != "auto":
        return chosen.noise == "poisson"
    stated = stack.attrs.get("counts")
    return stated == "photons" if stated else stack[SIGNAL].dtype.kind in "iu"


def _convert_lazily(
    stack: xr.Dataset,
    background: xr.DataArray,
    incoming: xr.DataArray,
    chosen: OpticalDensityParameters,
    per_flat: np.ndarray,
    dim: str,
) -> tuple[xr.DataArray, xr.DataArray | None, xr.DataArray]:
    """The same by array operations, for dask and for flats of unusual dimensions."""
    counts = stack[SIGNAL].astype(np.float32) - background
    transmission = (counts / incoming).transpose(*stack[SIGNAL].dims).astype(np.float32)
    inside = transmission.clip(chosen.clip_low, chosen.clip_high).where(counts > 0)
    od = -xr.apply_ufunc(np.log, inside, dask="allowed")
    std = None
    if _is_poisson(stack, chosen):
        share = xr.DataArray(per_flat, dims=dim)
        std = ((1.0 / inside + share) / (incoming * chosen.gain)) ** 0.5
        std = std.transpose(*od.dims).astype(np.float32)
    clipped = (transmission < chosen.clip_low) | (transmission > chosen.clip_high)
    saturated = (clipped & (counts > 0)).any(dim) | (od > chosen.max_od).any(dim)
    codes = xr.where(saturated, np.uint8(Status.SATURATED), np.uint8(Status.OK))
    return od, std, codes.where((counts > 0).any(dim), np.uint8(Status.MASKED))


def sigma_optical_density(od: float, n0: float, n_flats: float = np.inf) -> float:
    """Counting noise of one optical density.

    Parameters
    ----------
    od : float
        Optical density.
    n0 : float
        Photons in the flat field.
    n_flats : float
        Number of flats averaged.

    Returns
    -------
    float
        ``sqrt((e^OD + 1/n_f)/N0)`` (golden G-10).
    """
    return float(np.sqrt((np.exp(od) + 1.0 / n_flats) / n0))
