"""The edge of a foil, and the shift between two scans of the same material."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from scipy.optimize import minimize_scalar

from socwidgets.analysis.edge_position import LEAST_SMOOTHING_EV, fine_step, smoothed_slope
from socwidgets.analysis.scan_pair import ScanPair
from socwidgets.model.errors import DataError
from socwidgets.model.names import spectral_dim
from socwidgets.model.units import energies_in_ev

#: A maximum of the derivative counts as strong above this share of the largest one.
STRONG = 0.5
#: Window around E0 in which scans are compared, eV (the one Larch's energy_align uses).
ALIGN_WINDOW = (-15.0, 35.0)


@dataclass(frozen=True, slots=True)
class Alignment:
    """Shift that brings one scan onto another.

    Attributes
    ----------
    shift : float
        eV to add to the energies of the scan.
    scale : float
        Factor on its edge.
    residual : float
        Root-mean-square difference over that of the scan about a straight line.
    """

    shift: float
    scale: float
    residual: float


def find_e0(
    spectrum: xr.DataArray,
    *,
    strong: float = STRONG,
    smooth_ev: float | None = None,
    refine: bool = False,
) -> float:
    """Edge energy of a metal foil: the first strong maximum of the derivative.

    Parameters
    ----------
    spectrum : xarray.DataArray
        ``(energy,)``, absorption in any unit; an axis in keV is taken as such. Samples that are
        not finite are left out.
    strong : float
        Maxima below this share of the largest one are passed over. 1 takes the largest, which is
        what most programs do and is wrong where the second inflection is steeper.
    smooth_ev : float, optional
        Half width of the Lorentzian that smooths the derivative, eV; the finest step of the axis,
        but at least 0.5 eV, if left out; 0 for none.
    refine : bool
        Read the maximum between grid points, by a parabola. Without it the answer is a grid point,
        as Larch gives it.

    Returns
    -------
    float
        eV.

    Raises
    ------
    DataError
        If there are fewer than five points or the spectrum never rises.

    Notes
    -----
    For calibration of the axis on a foil. It is no measure of a charge state: two inflections
    compete in oxides.
    """
    energies, mu = _arrays(spectrum)
    width = max(fine_step(energies), LEAST_SMOOTHING_EV) if smooth_ev is None else smooth_ev
    slope = smoothed_slope(energies, mu, width)
    inner = np.arange(1, energies.size - 1)
    peaks = inner[(slope[inner] >= slope[inner - 1]) & (slope[inner] > slope[inner + 1])]
    if not peaks.size or not slope[peaks].max() > 0:
        raise DataError(
            "this spectrum shows no edge",
            expected="an absorption that rises with energy",
            found=f"a largest slope of {slope.max():.3g} per eV",
            fix="check the sign (absorption, not transmission) and the energies",
        )
    top = int(peaks[np.argmax(slope[peaks] >= strong * slope[peaks].max())])
    if not refine:
        return float(energies[top])
    return _parabola(energies[top - 1 : top + 2], slope[top - 1 : top + 2])


def align_scan(
    scan: xr.DataArray,
    reference: xr.DataArray,
    *,
    e0: float | None = None,
    window: tuple[float, float] = ALIGN_WINDOW,
    reach_ev: float = 5.0,
    smooth_ev: float | None = None,
) -> Alignment:
    """Shift that brings the edge of a scan (or its foil) onto that of a reference.

    The samples of the scan over -15 to +35 eV around E0 are compared with a spline through the
    reference, scaled, on a straight line: neither background nor thickness matters. The spline
    is as smooth as the reference's noise asks for (generalized cross-validation). Parts of the
    reference whose steps are much wider than the finest ones are left out.

    Parameters
    ----------
    scan, reference : xarray.DataArray
        ``(energy,)``, absorption of the same material, any unit.
    e0 : float, optional
        Center of the window on the reference's axis, eV; its `find_e0` if left out.
    window : (float, float)
        Ends relative to `e0`, eV.
    reach_ev : float
        Largest shift that is tried, eV.
    smooth_ev : float
        As in `find_e0`, for the search of `e0`.

    Raises
    ------
    DataError
        If the scans hardly overlap there, or the best shift is the largest tried.

    Notes
    -----
    Window and indifference to the background are those of a comparison of derivatives (as Larch's
    ``energy_align`` makes it), without the noise that a derivative adds: 0.3 % of noise on a foil
    in steps of 0.2 eV leaves 0.005 eV instead of 0.1 eV.
    """
    center = find_e0(reference, smooth_ev=smooth_ev) if e0 is None else e0
    pair = ScanPair.of(_arrays(scan), _arrays(reference), center, window)
    tried = np.linspace(-reach_ev, reach_ev, max(81, round(8 * reach_ev) + 1))
    values = np.array([pair.misfit(s, pair.seen(s)) for s in tried])
    if not np.isfinite(values).any():
        own = pair.energies
        raise DataError(
            "the scans do not cover the edge together",
            expected=f"{center + window[0]:g} to {center + window[1]:g} eV, most of it in both",
            found=f"{own[0]:g} to {own[-1]:g} and {pair.low:g} to {pair.high:g} eV",
            fix="give a narrower window=, or e0= if the edge was not found where it is",
        )
    best = int(np.argmin(values))
    if best in (0, tried.size - 1) or not np.isfinite(values[best - 1 : best + 2]).all():
        raise DataError(
            "the scans cannot be aligned",
            expected=f"a shift within {reach_ev:g} eV",
            found="the best one lies at the end of the range",
            fix="raise reach_ev=, or check that both are the same material",
        )
    # The same samples at every step: one that comes in or drops out would be a jump.
    seen = pair.seen(tried[best])
    shift = float(
        minimize_scalar(
            lambda s: pair.misfit(s, seen), bounds=(tried[best - 1], tried[best + 1]),
            method="bounded", options={"xatol": 1e-5},
        ).x
    )  # fmt: skip
    scale, _ = pair.compared(shift, seen)
    return Alignment(shift, 1.0 / scale, float(np.sqrt(pair.misfit(shift, seen))))


def align_scans(scans: xr.DataArray, *, reference: int = 0, **options: Any) -> xr.Dataset:
    """Shifts of a series of scans whose foil (or other reference) was recorded each time.

    Parameters
    ----------
    scans : xarray.DataArray
        ``(<scan>, energy)``, absorption of the same foil in each scan.
    reference : int
        Number of the scan onto which the others are brought.
    **options
        Of `align_scan`.

    Returns
    -------
    xarray.Dataset
        ``shift`` (eV to add to the energies of each scan, 0 for the reference) and ``residual``,
        each ``(<scan>,)``; ``attrs["jitter_ev"]`` is the standard deviation of the shifts.

    Raises
    ------
    DataError
        If there is not one leading dim, or a scan cannot be aligned (it is named).
    """
    dim = spectral_dim(scans)
    lead = [str(d) for d in scans.dims if d != dim]
    if len(lead) != 1:
        raise DataError(
            "this is no series of scans", expected=f"dims (<scan>, {dim})", found=str(scans.dims)
        )
    one = scans.isel({lead[0]: reference})
    shifts, rests = [], []
    for number in range(scans.sizes[lead[0]]):
        try:
            found = align_scan(scans.isel({lead[0]: number}), one, **options)
        except DataError as error:
            words = f"scan {number}: {error.problem}"
            raise DataError(words, found=error.found, fix=error.fix) from error
        shifts.append(0.0 if number == reference % scans.sizes[lead[0]] else found.shift)
        rests.append(found.residual)
    coords = {lead[0]: scans[lead[0]]} if lead[0] in scans.coords else {}
    made = xr.Dataset({"shift": (lead[0], shifts), "residual": (lead[0], rests)}, coords)
    made["shift"].attrs.update(long_name="Energy to add", units="eV")
    return made.assign_attrs(jitter_ev=float(np.std(shifts)))


def _arrays(spectrum: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """Rising energies in eV and the finite samples on them."""
    dim = spectral_dim(spectrum)
    if spectrum.ndim != 1:
        raise DataError("one spectrum is wanted", found=f"dims {spectrum.dims}")
    axis = spectrum[dim]
    energies, _ = energies_in_ev(axis.values, str(axis.attrs.get("units", "")) or None)
    mu = spectrum.values.astype(np.float64)
    kept = np.isfinite(energies) & np.isfinite(mu)
    order = np.argsort(energies[kept], kind="stable")
    energies, mu = energies[kept][order], mu[kept][order]
    distinct = np.concatenate([[True], np.diff(energies) > 0]) if energies.size else kept[:0]
    if np.count_nonzero(distinct) < 5:
        raise DataError("too few points", expected="at least five", found=str(distinct.sum()))
    return energies[distinct], mu[distinct]


def _parabola(x: np.ndarray, y: np.ndarray) -> float:
    """Abscissa of the maximum of the parabola through three points that are not equidistant."""
    a, b, _ = np.polyfit(x - x[1], y, 2)
    return float(x[1] - 0.5 * b / a) if a < 0 else float(x[1])
