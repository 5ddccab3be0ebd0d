"""One energy shift between an image and its references, found on the mean spectrum."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.analysis.fit import fit_map
from socwidgets.analysis.lcf import LcfParameters
from socwidgets.analysis.lcf_design import background_rows, window_points
from socwidgets.analysis.mean_spectrum import mean_spectrum
from socwidgets.model import provenance
from socwidgets.model.errors import CalibrationWarning, ReferenceSpectraError
from socwidgets.model.names import SIGNAL, STATUS, VALID, spectral_dim
from socwidgets.model.references import align_references, shift_references
from socwidgets.model.status import Status

#: Largest shift that is looked for, axis units: beyond it the scale is wrong, not drifting.
REACH = 0.5


@dataclass(frozen=True, slots=True)
class ImageShift:
    """Shift of the references that fits a mean spectrum best.

    Attributes
    ----------
    shift, std : float
        Axis units, and its standard uncertainty from the residual; add the shift to the axis of
        the references.
    rms, rms_before : float
        Root-mean-square residual with and without it, on the same points.
    at_bound : bool
        Whether it lies at the end of what was looked at: then it is no minimum, and the energy
        scale has to be calibrated.
    window : (float, float)
        Ends of the fit, inside the references for every shift.
    """

    shift: float
    std: float
    rms: float
    rms_before: float
    at_bound: bool
    window: tuple[float, float]


def image_shift(
    stack: xr.Dataset,
    references: xr.DataArray,
    *,
    mask: xr.DataArray | None = None,
    reach: float = REACH,
    **options: Any,
) -> ImageShift:
    """Find the energy shift of an image against its references.

    Parameters
    ----------
    stack : xarray.Dataset
        ``signal`` ``(..., spectral, y, x)``.
    references : xarray.DataArray
        ``(component, spectral)``.
    mask : xarray.DataArray, optional
        ``(y, x)`` bool, pixels whose mean spectrum is fitted; all ``valid`` ones if left out.
    reach : float
        Largest shift to look for.
    **options
        Options of the linear combination fit: window and background. Weights are not constrained:
        the shift belongs to the axis, and a bound would bend it.

    Raises
    ------
    ReferenceSpectraError
        If the references are shorter than the window that is left.
    """
    params = LcfParameters.from_mapping(options)
    signal = stack[SIGNAL]
    dim = spectral_dim(signal)
    mean = mean_spectrum(signal.transpose(..., dim, "y", "x"), _left_out(stack, mask))
    axis, coord = references[dim].values, stack[dim]
    low = max(params.low if params.low is not None else -np.inf, axis[0] + reach)
    high = min(params.high if params.high is not None else np.inf, axis[-1] - reach)
    points = window_points(coord, low, high) & np.isfinite(mean)
    window, values = coord[points], mean[points]
    background = background_rows(window.values, params.background_degree, params.background_law)
    if window.size <= references.sizes["component"] + background.shape[0] + 1:
        raise ReferenceSpectraError(
            "too few points are left to find an energy shift",
            expected=f"references that reach {reach:g} beyond the fit window",
            found=f"{window.size} points from {low:g} to {high:g}",
        )

    def design(shift: float) -> np.ndarray:
        moved = align_references(shift_references(references, shift), window).values
        return np.vstack([moved, background]).T

    def squares(shift: float) -> float:
        return float(np.sum(_residual(design(shift), values) ** 2))

    shift = _minimum(squares, reach)
    rms_before, rms = (float(np.sqrt(squares(s) / values.size)) for s in (0.0, shift))
    std = _shift_std(design, values, shift)
    ends = (float(window.values[0]), float(window.values[-1]))
    return ImageShift(shift, std, rms, rms_before, abs(shift) > 0.995 * reach, ends)


def shifted_lcf(
    stack: xr.Dataset,
    references: xr.DataArray,
    *,
    mask: xr.DataArray | None = None,
    reach: float = REACH,
    **options: Any,
) -> xr.Dataset:
    """Linear combination fit with one energy shift for the whole image.

    Parameters
    ----------
    stack, references, mask, reach
        As in `image_shift`.
    **options
        Options of the linear combination fit.

    Returns
    -------
    xarray.Dataset
        As from `fit_map`; ``attrs["energy_shift"]``, ``energy_shift_std`` and
        ``energy_shift_at_bound`` (0 or 1) tell the shift. Its uncertainty is common to all pixels
        and not part of their ``_std``.

    Warns
    -----
    CalibrationWarning
        If the shift lies at the end of what was looked at: the fractions are then wrong.
    """
    found = image_shift(stack, references, mask=mask, reach=reach, **options)
    if found.at_bound:
        text = (
            f"the energy shift stands at its bound of {reach:g}: this is no minimum, and the "
            "fractions are off. Calibrate the energy scale first (a foil, or references of the "
            "same beamline), or raise reach"
        )
        warnings.warn(text, CalibrationWarning, stacklevel=2)
    chosen = {**options, "energy_shift": found.shift, "low": found.window[0]}
    maps = fit_map(
        stack, "lcf", {**chosen, "high": found.window[1]}, references=references, mask=mask
    )
    maps.attrs.update(energy_shift_std=found.std, energy_shift_at_bound=int(found.at_bound))
    called = {**options, "reach": reach}
    return provenance.record(maps, "socwidgets.analysis.lcf_shift.shifted_lcf", called, source=maps)


def _left_out(stack: xr.Dataset, mask: xr.DataArray | None) -> xr.DataArray | None:
    """Where pixels do not enter the mean spectrum, nonzero; None for nowhere."""
    codes = []
    if mask is not None:
        codes.append(~mask)
    if VALID in stack:
        codes.append(~stack[VALID])
    if STATUS in stack:
        codes.append(stack[STATUS] != Status.OK)
    total = None
    for code in codes:
        total = code if total is None else total | code
    return None if total is None else total.astype(np.uint8)


def _residual(design: np.ndarray, values: np.ndarray) -> np.ndarray:
    return values - design @ np.linalg.lstsq(design, values, rcond=None)[0]


def _minimum(squares: Any, reach: float) -> float:
    """Global minimum in the interval: the best of a grid, then refined around it."""
    from scipy.optimize import minimize_scalar

    grid = np.linspace(-reach, reach, 21)
    best = int(np.argmin([squares(s) for s in grid]))
    ends = (grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)])
    found = minimize_scalar(squares, bounds=ends, method="bounded", options={"xatol": 1e-6})
    return float(found.x)


def _shift_std(design: Any, values: np.ndarray, shift: float) -> float:
    """Standard uncertainty from the curvature, with the weights free (variable projection)."""
    step = 1e-3
    at = design(shift)
    weights = np.linalg.lstsq(at, values, rcond=None)[0]
    slope = (design(shift + step) - design(shift - step)) @ weights / (2 * step)
    # What the weights cannot follow of the change that a shift makes.
    own = _residual(at, slope)
    free = values.size - at.shape[1] - 1
    variance = float(np.sum(_residual(at, values) ** 2)) / max(free, 1)
    return float(np.sqrt(variance / np.sum(own**2)))
