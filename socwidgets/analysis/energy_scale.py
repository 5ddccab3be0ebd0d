"""How much a mean fraction depends on the energy scale that references and stack share."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.analysis.fit import fit_spectrum
from socwidgets.analysis.roi import roi_spectrum
from socwidgets.model.errors import DataError
from socwidgets.model.names import SIGNAL, spectral_dim
from socwidgets.model.references import component_names, shift_references

#: Reach and step of the shifts that are tried, axis units (within 0.5 eV).
REACH = 0.5
STEP = 0.05


@dataclass(frozen=True, slots=True)
class EnergyScale:
    """Dependence of a mean fraction on a shift of the references.

    Attributes
    ----------
    slope : float
        Change of the mean fraction per unit of the axis (1/eV) around no shift.
    best_shift : float
        Shift that, added to the references' axis, leaves the smallest residual.
    best_fraction, fraction : float
        Mean fraction at that shift, and without one.
    best_rms, rms : float
        Root-mean-square residual of the mean spectrum at that shift, and without one.
    at_end : bool
        Whether the best shift lies at the end of what was tried: then it is no minimum.
    """

    slope: float
    best_shift: float
    best_fraction: float
    fraction: float
    best_rms: float
    rms: float
    at_end: bool


def energy_sensitivity(
    stack: xr.Dataset,
    mask: xr.DataArray,
    references: xr.DataArray,
    *,
    charged: str | None = None,
    reach: float = REACH,
    **options: Any,
) -> EnergyScale:
    """Fit the mean spectrum with the references shifted, all on the same points.

    An unconstrained fit is linear, so the fraction of the mean spectrum is the thickness-weighted
    mean of the fractions of its pixels: one spectrum tells what the whole map would do.

    Parameters
    ----------
    stack : xarray.Dataset
        ``signal`` ``(spectral, y, x)``, optical density.
    mask : xarray.DataArray
        ``(y, x)`` bool, the pixels of the statistics.
    references : xarray.DataArray
        ``(component, spectral)``.
    charged : str, optional
        Reference whose fraction is meant; the last one if left out.
    reach : float
        Largest shift to try, axis units.
    **options
        Options of the linear combination fit. Its window is narrowed by `reach` where the
        references would otherwise not cover it.

    Raises
    ------
    DataError
        If the mask is empty.
    ReferenceSpectraError
        If the references cannot be fitted at all.
    """
    if not bool(mask.any()):
        raise DataError("there is no pixel to average", expected="a mask with a True pixel")
    spectrum = roi_spectrum(stack, mask)["mean"]
    name = charged or component_names(references)[-1]
    window = _common_window(stack[SIGNAL], references, reach, options)
    count = round(reach / STEP)
    shifts = STEP * np.arange(-count, count + 1)
    found = np.array(
        [_fraction_and_rms(spectrum, shift_references(references, s), name, window) for s in shifts]
    )
    fractions, rms = found.T
    best = int(np.nanargmin(rms))
    at_end = best in (0, shifts.size - 1)
    shift = shifts[best] if at_end else _vertex(shifts, rms, best)
    slope = (fractions[count + 2] - fractions[count - 2]) / (shifts[count + 2] - shifts[count - 2])
    return EnergyScale(
        slope=float(slope),
        best_shift=float(shift),
        best_fraction=float(np.interp(shift, shifts, fractions)),
        fraction=float(fractions[count]),
        best_rms=float(rms[best]),
        rms=float(rms[count]),
        at_end=at_end,
    )


def _common_window(
    signal: xr.DataArray, references: xr.DataArray, reach: float, options: dict[str, Any]
) -> dict[str, Any]:
    dim = spectral_dim(references)
    low = max(float(references[dim].min()) + reach, float(signal[dim].min()))
    high = min(float(references[dim].max()) - reach, float(signal[dim].max()))
    wanted = (options.get("low"), options.get("high"))
    low = low if wanted[0] is None else max(low, float(wanted[0]))
    high = high if wanted[1] is None else min(high, float(wanted[1]))
    return {**options, "low": low, "high": high}


def _fraction_and_rms(
    spectrum: xr.DataArray, references: xr.DataArray, name: str, options: dict[str, Any]
) -> tuple[float, float]:
    fit = fit_spectrum(spectrum, "lcf", references=references, **options)
    numbers = json.loads(fit.attrs["results"])
    found = numbers.get(f"fraction_{name}_free", numbers[f"fraction_{name}"])["value"]
    residual = fit["residual"].values
    fraction = float("nan") if found is None else float(found)
    return fraction, float(np.sqrt(np.nanmean(residual**2)))


def _vertex(shifts: np.ndarray, rms: np.ndarray, best: int) -> float:
    """Minimum of the parabola through the best point and its neighbors."""
    left, middle, right = rms[best - 1 : best + 2] ** 2
    bend = left - 2 * middle + right
    return float(shifts[best] + (0.5 * STEP * (left - right) / bend if bend > 0 else 0.0))
