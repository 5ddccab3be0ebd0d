"""2-D XAFS: each row of the camera sees another photon energy, and what that does to a map.

The beam diverges vertically at the monochromator, so ``dE = E cot(theta_B) dtheta`` from row to row
(Katayama et al. 2012, J. Synchrotron Rad. 19, 717). Left in, it is a false oxidation gradient of
several eV over some millimeters. It is measured once, on a sample that is the same everywhere.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from scipy.interpolate import CubicSpline

from socwidgets.analysis.energy_calibration import SI111_ANGSTROM, bragg_angle
from socwidgets.analysis.scan_alignment import align_scan, find_e0
from socwidgets.model import provenance
from socwidgets.model.errors import CalibrationWarning, DataError, SocwidgetsError
from socwidgets.model.names import SIGNAL, SIGNAL_STD, VALID, X, Y, spectral_dim
from socwidgets.model.parameters import Parameters, param
from socwidgets.model.stack import refuse_transmission, require_quantity, validate_stack

#: Attribute of a corrected stack: eV per um of height that were taken out.
SLOPE = "row_energy_ev_per_um"
_QUANTITIES = ("optical_density", "normalized", "intensity")
#: Outliers of the row fit lie this many robust standard deviations off the line.
_OUTLIER_SIGMA = 4.0
#: Scatter about the line from which on a sample is doubted, eV: what a correction has to reach.
_UNEVEN_EV = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class RowEnergyParameters(Parameters):
    """How the row energies of a uniform sample are measured."""

    band_rows: int = param(
        8, "Rows whose spectra are averaged before they are compared.", low=1, high=1000
    )
    window: tuple[float, float] = param(
        (-15.0, 35.0), "Part of the spectrum that is compared, relative to the edge.", unit="eV"
    )
    reach_ev: float = param(
        12.0, "Largest difference to the middle band that is tried.", unit="eV", low=0.1, high=50
    )
    e0: float | None = param(
        None, "Edge of the sample; empty: found in the middle band.", unit="eV", label="E0"
    )
    true_e0: float | None = param(
        None,
        "Where the first inflection of the sample belongs (7112.0 for an iron foil); empty: the "
        "energies of the stack are taken as those of the middle row.",
        unit="eV",
        label="True E0",
    )


@dataclass(frozen=True, slots=True)
class RowEnergy:
    """Model ``E(row) = E + a + b (y - y0)`` of a camera.

    Attributes
    ----------
    a : float
        eV at the middle of the field, relative to the energies of the stack: 0 unless the sample's
        true edge was given.
    b : float
        eV per um.
    y0 : float
        Middle of the field, um.
    a_std, b_std : float
        Standard uncertainties, from the scatter about the line.
    residual_ev : float
        Root mean square of what the line leaves over, eV.
    table : xarray.Dataset
        ``shift``, ``fitted`` and ``used`` of each band, ``(y,)``; eV.
    """

    a: float
    b: float
    y0: float
    a_std: float
    b_std: float
    residual_ev: float
    table: xr.Dataset

    def shift(self, y: np.ndarray) -> np.ndarray:
        """Energy to add to the stack's at positions `y` (um), eV."""
        return self.a + self.b * (np.asarray(y, np.float64) - self.y0)


def row_energy_step(
    energy_ev: float, angle_rad: float, *, spacing: float = SI111_ANGSTROM
) -> float:
    """Change of photon energy with the vertical angle, eV: ``E cot(theta_B) dtheta`` (G-15)."""
    return float(energy_ev / np.tan(bragg_angle(energy_ev, spacing)) * angle_rad)


def fit_row_energy(
    uniform: xr.Dataset, params: RowEnergyParameters | None = None, **changes: Any
) -> RowEnergy:
    """Measure the row energies on a sample that is the same everywhere (pristine, or a foil).

    Bands of rows are averaged, each is aligned with the middle one, and a straight line is fitted
    to the shifts; bands far off the line are left out.

    Parameters
    ----------
    uniform : xarray.Dataset
        ``signal`` ``(energy, y, x)``, optical density or normalized. Pixels with NaN or outside
        of ``valid`` are left out.
    params : RowEnergyParameters, optional
        `changes` are laid over them.

    Returns
    -------
    RowEnergy

    Raises
    ------
    DataError
        If fewer than three bands can be aligned.

    Warns
    -----
    CalibrationWarning
        If the bands lie more than 0.05 eV (root mean square) off the line: the sample is not the
        same everywhere, or the bands are too noisy.
    """
    chosen = (params or RowEnergyParameters()).replace(**changes)
    validate_stack(uniform)
    require_quantity(uniform, _QUANTITIES, "the fit of the row energies")
    dim = spectral_dim(uniform[SIGNAL])
    signal = uniform[SIGNAL].transpose(dim, Y, X)
    if VALID in uniform:
        signal = signal.where(uniform[VALID])
    rows = signal.mean(X).compute()
    bands = rows.coarsen({Y: min(chosen.band_rows, rows.sizes[Y])}, boundary="trim").mean()
    middle = bands.isel({Y: _typical_band(bands, dim)})
    shifts = np.full(bands.sizes[Y], np.nan)
    why = ""
    for i in range(shifts.size):
        try:
            found = align_scan(
                bands.isel({Y: i}), middle, e0=chosen.e0, window=chosen.window,
                reach_ev=chosen.reach_ev,
            )  # fmt: skip
        except SocwidgetsError as error:
            why = str(error)
            continue
        # To bring a band's axis onto the middle one's, its shift has to be added.
        shifts[i] = found.shift
    y0 = float(rows[Y].mean())
    model = _line(bands[Y].values, shifts, y0, why)
    # Shifts are relative to one band; by definition the middle row has the stack's energies.
    anchor = 0.0
    if chosen.true_e0 is not None:
        own = float(np.interp(float(middle[Y]), model.table[Y], model.table["fitted"])) - model.a
        anchor = chosen.true_e0 - find_e0(middle, refine=True) - own
    table = model.table.assign(shift=model.table["shift"] - model.a + anchor,
                               fitted=model.table["fitted"] - model.a + anchor)  # fmt: skip
    if model.residual_ev > _UNEVEN_EV:
        warnings.warn(
            f"the rows lie {model.residual_ev:.2f} eV (root mean square) off a straight line, more "
            f"than {_UNEVEN_EV:g} eV: this sample is not the same everywhere, or its bands are too "
            "noisy, and the row energies are wrong by a part of that. Measure them on a pristine "
            "sample or a foil, or raise band_rows; table has each band",
            CalibrationWarning,
            stacklevel=2,
        )
    return replace(model, a=anchor, table=table)


def _typical_band(bands: xr.DataArray, dim: str) -> int:
    """Band nearest to the middle of the field that shows as much of an edge as most do."""
    spread = np.nan_to_num(bands.std(dim).values)
    able = np.flatnonzero(spread >= 0.5 * np.median(spread))
    return int(able[np.argmin(np.abs(able - spread.size // 2))])


def _line(y: np.ndarray, shifts: np.ndarray, y0: float, why: str) -> RowEnergy:
    used = np.isfinite(shifts)
    if np.count_nonzero(used) < 3:
        raise DataError(
            "the row energies cannot be fitted",
            expected="at least three bands of rows with an edge",
            found=f"{np.count_nonzero(used)} of {shifts.size}",
            fix=why or "use smaller bands",
        )
    for _ in range(3):
        (b, a), cov = np.polyfit(y[used] - y0, shifts[used], 1, cov="unscaled")
        rest = shifts - (a + b * (y - y0))
        spread = 1.4826 * np.nanmedian(np.abs(rest[used]))
        kept = np.abs(np.nan_to_num(rest, nan=np.inf)) <= max(_OUTLIER_SIGMA * spread, 1e-3)
        if np.count_nonzero(kept) < 3 or np.array_equal(kept, used):
            break
        used = kept
    freedom = max(np.count_nonzero(used) - 2, 1)
    scatter = float(np.sqrt(np.sum(rest[used] ** 2) / freedom))
    table = xr.Dataset(
        {"shift": (Y, shifts), "fitted": (Y, a + b * (y - y0)), "used": (Y, used)}, {Y: y}
    )
    table["shift"].attrs.update(long_name="Energy of the row", units="eV")
    errors = np.sqrt(np.diag(cov)) * scatter
    rms = float(np.sqrt(np.mean(rest[used] ** 2)))
    return RowEnergy(float(a), float(b), y0, float(errors[1]), float(errors[0]), rms, table)


def correct_row_energy(stack: xr.Dataset, model: RowEnergy) -> xr.Dataset:
    """Bring the spectra of all rows onto one energy axis, by one cubic spline each.

    Parameters
    ----------
    stack : xarray.Dataset
        ``signal`` ``(energy, y, x)``, optical density or normalized, on the camera of `model`.
    model : RowEnergy
        From `fit_row_energy`.

    Returns
    -------
    xarray.Dataset
        On the stack's own energies, cut to the range that every row has measured: nothing is
        extrapolated. ``signal_std`` follows the weights of the interpolation, ``var = sum_j w_j^2
        var_j``, and neighboring energies become correlated. ``attrs["row_energy_ev_per_um"]``,
        ``attrs["row_energy_span_ev"]`` and ``attrs["row_energy_residual_ev"]`` tell what was
        taken out. A spectrum with a NaN is NaN.

    Raises
    ------
    DataError
        If fewer than four energies are left, or the stack was corrected before.
    """
    validate_stack(stack)
    refuse_transmission(stack, "the fit of the row energies")
    if SLOPE in stack.attrs:
        raise DataError(
            "the row energies were taken out of this stack before",
            expected="a stack as measured",
            found=f"{SLOPE} = {float(stack.attrs[SLOPE]):.4g}",
            fix="correct the measured stack once; fit_row_energy of a corrected one tells what is "
            "left",
        )
    dim = spectral_dim(stack[SIGNAL])
    energies = stack[dim].values.astype(np.float64)
    shift = model.shift(stack[Y].values)
    low, high = energies.min() + shift.max(), energies.max() + shift.min()
    kept = np.flatnonzero((energies >= low - 1e-9) & (energies <= high + 1e-9))
    if kept.size < 4:
        raise DataError(
            "the rows have no energies in common",
            expected="a scan that is wider than the spread of the row energies",
            found=f"a spread of {np.ptp(shift):.2f} eV in a scan of {np.ptp(energies):.2f} eV",
        )
    result = stack.isel({dim: kept})
    ordered = (Y, dim, X)
    signal = stack[SIGNAL].transpose(*ordered).values
    moved = np.empty((signal.shape[0], kept.size, signal.shape[2]), signal.dtype)
    std = stack[SIGNAL_STD].transpose(*ordered).values if SIGNAL_STD in stack else None
    spread = None if std is None else np.empty(moved.shape, std.dtype)
    for row in range(signal.shape[0]):
        weights = _spline_weights(energies + shift[row], energies[kept])
        moved[row] = weights @ signal[row].astype(np.float64)
        if spread is not None and std is not None:
            spread[row] = np.sqrt(weights**2 @ std[row].astype(np.float64) ** 2)
    coords = {d: result[d] for d in ordered}
    for name, values in ((SIGNAL, moved), (SIGNAL_STD, spread)):
        if values is not None:
            made = xr.DataArray(values, coords, ordered, attrs=stack[name].attrs)
            result[name] = made.transpose(*stack[name].dims)
    result.attrs.update(
        {
            SLOPE: model.b,
            "row_energy_span_ev": float(np.ptp(shift)),
            "row_energy_residual_ev": model.residual_ev,
        }
    )
    called = {"a": model.a, "b": model.b, "y0": model.y0}
    return provenance.record(
        result, "socwidgets.techniques.xafs2d.correct_row_energy", called, source=stack
    )


def _spline_weights(known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Matrix ``(wanted, known)`` of a natural cubic spline; rows within the known range only."""
    inside = np.clip(wanted, known.min(), known.max())
    return np.asarray(CubicSpline(known, np.eye(known.size), bc_type="natural")(inside))
