"""From detector counts to optical density, with the noise that the counts carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.analysis.transmission import convert_in_memory
from socwidgets.model import provenance
from socwidgets.model.errors import DataError
from socwidgets.model.mapset import status_variable
from socwidgets.model.names import (
    DARK,
    I0,
    QUANTITY,
    SIGNAL,
    SIGNAL_STD,
    STATUS,
    VALID,
    X,
    Y,
    spectral_dim,
)
from socwidgets.model.parameters import Parameters, param
from socwidgets.model.stack import require_quantity, validate_stack
from socwidgets.model.status import Status

FLAT = "flat"


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
    flat: xr.DataArray | None = None,
    dark: xr.DataArray | None = None,
    params: OpticalDensityParameters | None = None,
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
    dark : xarray.DataArray, optional
        Counts without beam, any of ``(y, x)``, ``(spectral,)`` or a scalar; the stack's own
        ``dark`` if left out, else zero.
    params : OpticalDensityParameters, optional
        `changes` are laid over them.

    Returns
    -------
    xarray.Dataset
        The stack with ``signal`` in optical density (dimensionless), ``signal_std`` where the
        counting noise is known (science: ``sqrt((e^OD + 1/n_f)/N0)``), and ``status``: masked for
        dead pixels (no counts at any energy), saturated for clipped or too dense ones. A sample
        with ``I <= D`` is NaN and does not kill its pixel.

    Raises
    ------
    DataError
        If the stack holds no counts, there is no I0, or the I0 has another shape or is dark.
    """
    validate_stack(stack)
    require_quantity(stack, ("counts", "intensity"), "optical density")
    given = params.to_dict() if params is not None else {}
    chosen = OpticalDensityParameters.from_mapping({**given, **changes})
    dim = spectral_dim(stack[SIGNAL])
    background = _dark(stack, dark)
    open_beam, n_flats = _open_beam(stack, flat)
    incoming = _checked(open_beam, background, stack, dim)
    per_flat = 0.0 if n_flats is None else 1.0 / n_flats
    made = convert_in_memory(
        stack[SIGNAL], open_beam, background, chosen.limits(), per_flat, _is_poisson(stack, chosen)
    ) or _convert_lazily(stack, background, incoming, chosen, per_flat, dim)
    od, std, codes = made
    result = stack.drop_vars([FLAT, I0, DARK, SIGNAL_STD], errors="ignore")
    result[SIGNAL] = od.assign_attrs(long_name="Optical density", units="1")
    if std is not None:
        words = "Standard uncertainty of the optical density"
        result[SIGNAL_STD] = std.assign_attrs(long_name=words, units="1")
    if VALID in stack:
        codes = codes.where(stack[VALID], np.uint8(Status.MASKED))
    codes = codes.transpose(*[d for d in od.dims if d != dim]).compute()
    result[STATUS] = status_variable(codes.values, tuple(str(d) for d in codes.dims))
    result.attrs[QUANTITY] = "optical_density"
    inputs = {"flat": flat, "dark": dark}
    called = {**chosen.to_dict(), **{k: v for k, v in inputs.items() if v is not None}}
    return provenance.record(result, "socwidgets.optical_density", called, source=stack)


def _dark(stack: xr.Dataset, dark: xr.DataArray | None) -> xr.DataArray:
    if dark is not None:
        return xr.DataArray(dark).astype(np.float32)
    return stack[DARK].astype(np.float32) if DARK in stack else xr.DataArray(np.float32(0))


def _open_beam(stack: xr.Dataset, flat: xr.DataArray | None) -> tuple[xr.DataArray, int | None]:
    """Mean counts without the sample, and how many flats were averaged (None: an I0 spectrum)."""
    source = flat
    if source is None:
        source = stack[FLAT] if FLAT in stack else stack.get(I0)
    if source is None:
        raise DataError(
            "there is no I0 to divide by",
            expected="a flat= argument, or a variable 'flat' or 'i0' in the stack",
            found=f"variables {', '.join(map(str, stack.data_vars))}",
            fix="pass flat=, for instance the mean spectrum of an object-free ROI: "
            "roi_spectrum(stack, mask)['mean']",
        )
    repeats = [d for d in source.dims if d not in stack[SIGNAL].dims]
    count = int(np.prod([source.sizes[d] for d in repeats], dtype=int))
    return source.mean(repeats).astype(np.float32), (count if Y in source.dims else None)


def _checked(
    open_beam: xr.DataArray, background: xr.DataArray, stack: xr.Dataset, dim: str
) -> xr.DataArray:
    signal = stack[SIGNAL]
    for name, size in open_beam.sizes.items():
        if signal.sizes.get(name) != size:
            raise DataError(
                "the I0 does not fit the stack",
                expected=f"{name} of length {signal.sizes.get(name, 'none')}",
                found=f"length {size}",
                fix="give one I0 for each energy, or a flat field of the same image size",
            )
        if name in open_beam.coords and not np.allclose(
            open_beam[name].values, signal[name].values, rtol=0, atol=1e-3 if name == dim else 1e-6
        ):
            raise DataError(f"the I0 and the stack have different values along {name!r}")
    incoming = (open_beam.reset_coords(drop=True) - background).drop_vars([Y, X], errors="ignore")
    if not bool((incoming > 0).any()):
        raise DataError("the I0 is not brighter than the dark counts anywhere")
    return incoming.where(incoming > 0)


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
    per_flat: float,
    dim: str,
) -> tuple[xr.DataArray, xr.DataArray | None, xr.DataArray]:
    """The same by array operations, for dask and for flats of unusual dimensions."""
    counts = stack[SIGNAL].astype(np.float32) - background
    transmission = (counts / incoming).transpose(*stack[SIGNAL].dims).astype(np.float32)
    inside = transmission.clip(chosen.clip_low, chosen.clip_high).where(counts > 0)
    od = -xr.apply_ufunc(np.log, inside, dask="allowed")
    std = None
    if _is_poisson(stack, chosen):
        std = ((1.0 / inside + per_flat) / (incoming * chosen.gain)) ** 0.5
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
