"""MBACK normalization: match a measured spectrum to tabulated absorption (Weng et al. 2005)."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import xarray as xr
from scipy.special import erfc

from socwidgets.analysis.edge_position import half_rise
from socwidgets.analysis.mean_spectrum import mean_spectrum
from socwidgets.kernels.normalization_plan import window_rows
from socwidgets.model import provenance
from socwidgets.model.errors import DataError, ParameterError
from socwidgets.model.mapset import status_variable
from socwidgets.model.names import QUANTITY, SIGNAL, SIGNAL_STD, STATUS, X, Y, spectral_dim
from socwidgets.model.parameters import Parameters, param
from socwidgets.model.stack import require_quantity, validate_stack
from socwidgets.model.status import Status

JUMP = "edge_jump"


@dataclass(frozen=True, slots=True, kw_only=True)
class MbackParameters(Parameters):
    """Parameters of a normalization to tabulated absorption."""

    e0: float | None = param(
        None, "Edge energy; empty: half of the rise of the mean spectrum.", unit="eV", label="E0"
    )
    pre_end: float = param(
        -15.0, "The table is followed up to here, relative to E0.", unit="eV", high=0.0
    )
    post_start: float = param(
        25.0, "The table is followed from here on, relative to E0.", unit="eV", low=0.0
    )
    degree: int = param(1, "Degree of the polynomial background.", low=0, high=3)
    emission_ev: float | None = param(
        None, "Fluorescence line of the absorber, for the erfc term; empty: no such term.",
        unit="eV", low=0.0,
    )  # fmt: skip
    width_ev: float = param(500.0, "Width of the erfc term.", unit="eV", low=1.0)


def tabulated_absorption(element: str, energies: np.ndarray, edge: str = "K") -> np.ndarray:
    """Absorption of the edge from the tables of Chantler, by xraydb (an optional package).

    Parameters
    ----------
    element : str
        Symbol.
    energies : ndarray
        ``(energy,)``, eV, on the same scale as the stack's: shift by `energy_calibration` first.
    edge : str
        Only checked to lie inside the energies.

    Returns
    -------
    ndarray
        ``(energy,)``, mass attenuation, cm2/g.

    Raises
    ------
    ParameterError
        If xraydb is not installed, or the edge is outside.
    """
    try:
        xraydb: Any = import_module("xraydb")
    except ModuleNotFoundError:
        raise ParameterError(
            "the tables are not installed",
            expected="the package xraydb",
            fix="pip install xraydb, or give mu_tab= from another table",
        ) from None
    position = float(xraydb.xray_edge(element, edge).energy)
    if not energies.min() < position < energies.max():
        raise ParameterError(
            f"the {edge} edge of {element} is not in these energies",
            expected=f"{energies.min():g} to {energies.max():g} eV",
            found=f"{position:g} eV",
        )
    return np.asarray(xraydb.mu_chantler(element, np.asarray(energies, np.float64)))


def normalize_mback(
    stack: xr.Dataset,
    mu_tab: np.ndarray,
    params: MbackParameters | None = None,
    **changes: Any,
) -> xr.Dataset:
    """Normalize every pixel by a match to tabulated absorption.

    ``s mu(E) - sum_k c_k u^k - A erfc((E - E_em)/xi)`` is fitted to the table before and beyond
    the edge (Weng, Waldo and Penner-Hahn 2005, J. Synchrotron Rad. 12, 506), both sides with
    equal weight; the result is put on the scale on which the table goes from 0 to 1. It needs no
    long post-edge range, because the slopes there are the table's.

    Parameters
    ----------
    stack : xarray.Dataset
        ``signal`` ``(..., spectral, y, x)``, optical density or intensity, in memory.
    mu_tab : ndarray
        ``(spectral,)``, tabulated absorption of the absorber on the stack's energies, any unit;
        see `tabulated_absorption`.
    params : MbackParameters, optional
        `changes` are laid over them.

    Returns
    -------
    xarray.Dataset
        As from `normalize`: ``quantity`` "normalized", ``edge_jump`` (1/s on that scale),
        ``signal_std``, ``status``.

    Raises
    ------
    DataError
        If the table does not fit the stack or shows no step, or too few energies are left.
    """
    validate_stack(stack)
    require_quantity(stack, ("optical_density", "intensity"), "MBACK normalization")
    chosen = (params or MbackParameters()).replace(**changes)
    dim = spectral_dim(stack[SIGNAL])
    signal = stack[SIGNAL].transpose(..., dim, Y, X)
    energies = stack[dim].values.astype(np.float64)
    e0 = chosen.e0 or half_rise(energies, mean_spectrum(signal))
    table = _unit_step(np.asarray(mu_tab, np.float64), energies, e0, chosen)
    columns = _columns(energies, e0, chosen)
    weight = _weights(energies, e0, chosen)
    # Take the background out of data and table alike; then the scale is one division.
    solve = np.linalg.pinv(columns * weight[:, None])
    target = weight * table
    off_target = target - (columns * weight[:, None]) @ (solve @ target)
    values = np.moveaxis(signal.values.astype(np.float64), -3, 0)
    values = np.where(np.isfinite(values), values, np.nan)
    flat = values.reshape(energies.size, -1)
    seen = flat * weight[:, None]
    own = seen - (columns * weight[:, None]) @ (solve @ seen)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = (off_target @ own) / np.sum(own**2, axis=0)
        scale = np.where(scale > 0, scale, np.nan)
    normalized = flat * scale - columns @ (solve @ (seen * scale - target[:, None]))
    if not np.isfinite(scale).any():
        raise DataError(
            "no pixel can be matched to the table",
            expected="pixels with a finite sample at every energy and a step up at the edge",
            found=f"{int(np.isfinite(flat).all(axis=0).sum())} of {flat.shape[1]} pixels have all "
            "their samples",
            fix="leave frames without values out: stack.sel(energy=...); check the sign of the "
            "signal",
        )
    shaped = np.moveaxis(normalized.reshape(values.shape), 0, -3)
    jump = (1.0 / scale).reshape(values.shape[1:])
    return _as_stack(stack, signal, shaped, jump, e0, chosen)


def _as_stack(
    stack: xr.Dataset,
    signal: xr.DataArray,
    values: np.ndarray,
    jump: np.ndarray,
    e0: float,
    chosen: MbackParameters,
) -> xr.Dataset:
    dim = spectral_dim(signal)
    kind = signal.dtype if signal.dtype.kind == "f" else np.float32
    result = stack.copy()
    made = signal.copy(data=values.astype(kind)).transpose(*stack[SIGNAL].dims)
    result[SIGNAL] = made.assign_attrs(long_name="Normalized absorption (MBACK)", units="1")
    image = signal.isel({dim: 0}, drop=True)
    step = image.copy(data=jump.astype(kind)).drop_attrs()
    result[JUMP] = step.assign_attrs(long_name="Edge jump", units="1")
    if SIGNAL_STD in stack:
        spread = (stack[SIGNAL_STD] / step).transpose(*stack[SIGNAL_STD].dims)
        result[SIGNAL_STD] = spread.astype(kind).assign_attrs(
            long_name="Standard uncertainty of the normalized absorption", units="1"
        )
    missing = signal.isnull().any(dim).values
    codes = np.where(missing, np.uint8(Status.MASKED), np.uint8(Status.LOW_SIGNAL))
    codes = np.where(np.isfinite(jump), np.uint8(Status.OK), codes)
    if STATUS in stack:
        earlier = stack[STATUS].transpose(*image.dims).values
        codes = np.where(earlier > 0, earlier, codes)
    result[STATUS] = status_variable(codes, tuple(str(d) for d in image.dims))
    result.attrs.update({QUANTITY: "normalized", "e0": float(e0), "normalization": "mback"})
    called = {**chosen.to_dict(), "e0": float(e0)}
    name = "socwidgets.analysis.mback.normalize_mback"
    return provenance.record(result, name, called, source=stack)


def _sides(
    energies: np.ndarray, e0: float, chosen: MbackParameters
) -> tuple[np.ndarray, np.ndarray]:
    before = window_rows(energies, -np.inf, e0 + chosen.pre_end)
    beyond = window_rows(energies, e0 + chosen.post_start, np.inf)
    return before, beyond


def _weights(energies: np.ndarray, e0: float, chosen: MbackParameters) -> np.ndarray:
    """``1/sqrt(n)`` on each side, 0 in the edge: both sides count the same."""
    weight = np.zeros(energies.size)
    need = chosen.degree + 3 + (chosen.emission_ev is not None)
    sides = _sides(energies, e0, chosen)
    if min(side.size for side in sides) < 1 or sum(side.size for side in sides) < need:
        raise DataError(
            "too few energies outside of the edge for MBACK",
            expected=f"at least {need} in all, on both sides of {e0:.1f} eV",
            found=f"{sides[0].size} before and {sides[1].size} beyond",
            fix="lower degree=, or narrow the edge by pre_end= and post_start=",
        )
    for side in sides:
        weight[side] = 1.0 / np.sqrt(side.size)
    return weight


def _columns(energies: np.ndarray, e0: float, chosen: MbackParameters) -> np.ndarray:
    u = (energies - e0) / np.ptp(energies)
    columns = [u**k for k in range(chosen.degree + 1)]
    if chosen.emission_ev is not None:
        columns.append(erfc((energies - chosen.emission_ev) / chosen.width_ev))
    return np.stack(columns, axis=1)


def _unit_step(
    table: np.ndarray, energies: np.ndarray, e0: float, chosen: MbackParameters
) -> np.ndarray:
    """Table on a scale where it is 0 before the edge and steps by 1 at it."""
    if table.shape != energies.shape or not np.isfinite(table).all():
        raise DataError(
            "the table does not fit the stack",
            expected=f"{energies.size} finite values on the stack's energies",
            found=f"shape {table.shape}",
        )
    before, beyond = _sides(energies, e0, chosen)
    _weights(energies, e0, chosen)
    degree = min(1, before.size - 1)
    rest = table - np.polyval(
        np.polyfit(energies[before] - e0, table[before], degree), energies - e0
    )
    curve = np.polyfit(energies[beyond] - e0, rest[beyond], min(1, beyond.size - 1))
    step = float(np.polyval(curve, 0.0))
    if not step > 0:
        raise DataError(
            "the tabulated absorption does not step up at the edge",
            found=f"a step of {step:g} at {e0:.1f} eV",
            fix="check element and edge, and that both are on one energy scale",
        )
    return rest / step
