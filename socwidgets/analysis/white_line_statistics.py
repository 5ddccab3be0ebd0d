"""White lines of raw spectra, with a test of the conditions under which that is allowed.

Without a normalization a white-line map needs a handful of energies and no background. It holds
where the background's slope is small against the curvature of the peak and one environment absorbs
(Wang et al. 2026, ACS Photon Sci. 1, 104); both leave traces that can be looked for.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.analysis.edge_parameters import WhiteLineParameters
from socwidgets.analysis.fit import fit_map
from socwidgets.analysis.mean_spectrum import without_infinite
from socwidgets.model import provenance
from socwidgets.model.errors import DataError
from socwidgets.model.names import SIGNAL, SIGNAL_STD, STATUS, spectral_dim, std_name
from socwidgets.model.parameters import param
from socwidgets.model.status import USABLE, Status, status_counts

ENERGY = "white_line_energy"
BIAS = "background_bias"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticalWhiteLineParameters(WhiteLineParameters):
    """Parameters of `statistical_white_line`."""

    max_bias: float = param(
        0.1,
        "Largest shift of the peak by the slope of the background that still counts as small: of "
        "the mean spectrum, and of its scatter between pixels.",
        unit="eV",
        low=0.0,
    )
    max_misfit: float = param(
        0.1,
        "Largest residual of the polynomial in the mean spectrum, in units of the drop of the "
        "peak over half the window: more points to two environments or too wide a window.",
        low=0.0,
    )
    min_accepted: float = param(
        0.5,
        "Smallest share of accepted pixels among those with enough signal: where most have no "
        "maximum in the window, noise has chosen the others.",
        low=0.0,
        high=1.0,
    )


def statistical_white_line(
    stack: xr.Dataset,
    params: StatisticalWhiteLineParameters | None = None,
    *,
    mask: xr.DataArray | None = None,
    **changes: Any,
) -> xr.Dataset:
    """White-line map of raw spectra, and whether it may be believed.

    Parameters
    ----------
    stack : xarray.Dataset
        ``signal`` ``(..., energy, y, x)``, optical density, not normalized. At least three points
        before the edge are needed to test the slope of the background.
    params : StatisticalWhiteLineParameters, optional
        `changes` are laid over them. The window is found once, from the mean spectrum.
    mask : xarray.DataArray, optional
        ``(y, x)`` bool; False pixels get no value and do not count as rejected.

    Returns
    -------
    xarray.Dataset
        ``white_line_energy``, ``white_line_height`` and their ``_std`` as from `fit_map` with
        ``"white_line"``: a pixel is accepted if its parabola opens downwards, its vertex lies in
        the window and it is higher than ``peak_sigma`` of its noise; ``status`` says what failed.
        ``background_bias`` ``(..., y, x)``, eV, and its ``_std``: how far a straight background
        with the slope found before the edge moves the peak, ``g/(2|a|)``; it is not taken off.

        Attributes: ``accepted_fraction`` of the unmasked pixels and ``rejected`` (JSON, share by
        reason); ``bias_ev`` of the mean spectrum, which cancels against standards with the same
        background, and ``bias_spread_ev`` between pixels with the noise taken out, which does not;
        ``misfit``; ``conditions_met`` (0 or 1) and ``verdict`` in words, which is a ``caveat`` of
        the maps where they are not met.

    Raises
    ------
    DataError
        If there are fewer than three points before the edge, or no pixel is accepted.

    Warns
    -----
    UserWarning
        If the conditions are not met.
    """
    chosen = StatisticalWhiteLineParameters.merged(params, changes)
    own = ("max_bias", "max_misfit", "min_accepted")
    plain = {name: value for name, value in chosen.to_dict().items() if name not in own}
    maps = fit_map(stack, "white_line", plain, mask=mask)
    _need_background(maps)
    _add_bias(maps, stack)
    accepted = maps[STATUS].isin([int(c) for c in USABLE]) & maps[ENERGY].notnull()
    if not bool(accepted.any()):
        raise DataError(
            "no pixel has a white line in the window",
            expected=f"a maximum near {maps.attrs['white_line_center']:g} eV above the noise",
            found=json.dumps(status_counts(maps[STATUS])),
            fix="give center and half_width, mask the background, or bin pixels",
        )
    maps.attrs.update(_acceptance(maps, accepted))
    maps.attrs.update(_conditions(maps, stack, accepted, chosen))
    if not maps.attrs["conditions_met"]:
        maps.attrs["caveat"] = f"white lines of raw spectra: {maps.attrs['verdict']}"
        warnings.warn(maps.attrs["caveat"], UserWarning, stacklevel=2)
    called = {**chosen.to_dict(), **({} if mask is None else {"mask": mask})}
    name = "socwidgets.analysis.white_line_statistics.statistical_white_line"
    return provenance.record(maps, name, called, source=stack)


def _need_background(maps: xr.Dataset) -> None:
    if not maps.attrs.get("baseline_window"):
        raise DataError(
            "there are too few points before the edge to test the slope of the background",
            expected="at least three energies before the rise, or baseline=(low, high)",
            found="none",
            fix="fit_map(stack, 'white_line') makes the map without the test",
        )


def _rows(maps: xr.Dataset, energies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the white-line window and of the window before the edge."""
    low, high = maps.attrs["baseline_window"]
    before = np.flatnonzero((energies >= low - 1e-6) & (energies <= high + 1e-6))
    near = np.abs(energies - maps.attrs["white_line_center"])
    return np.flatnonzero(near <= maps.attrs["white_line_half_width"] + 1e-6), before


def _weights(energies: np.ndarray, degree: int) -> np.ndarray:
    """``(degree + 1, n)``: coefficients of the polynomial about the mean energy, per sample."""
    u = energies - energies.mean()
    return np.linalg.pinv(np.vander(u, degree + 1, increasing=True))


def _add_bias(maps: xr.Dataset, stack: xr.Dataset) -> None:
    """Curvature at the peak and slope before the edge: linear in the samples, so their noise is."""
    signal = stack[SIGNAL]
    dim = spectral_dim(signal)
    peak, before = _rows(maps, stack[dim].values)
    bend = xr.DataArray(_weights(stack[dim].values[peak], 2)[2], dims=dim)
    tilt = xr.DataArray(_weights(stack[dim].values[before], 1)[1], dims=dim)
    plain = signal.drop_vars(dim)
    curvature = xr.dot(plain.isel({dim: peak}), bend, dim=dim).compute()
    slope = xr.dot(plain.isel({dim: before}), tilt, dim=dim).compute()
    variance = _slope_variance(stack, plain.isel({dim: before}), tilt, before, dim)
    order = maps[ENERGY].dims
    bias = (slope / (2.0 * np.abs(curvature))).transpose(*order).where(maps[ENERGY].notnull())
    sigma = (np.sqrt(variance) / (2.0 * np.abs(curvature))).transpose(*order)
    words = "Shift of the peak by the background's slope"
    maps[BIAS] = bias.assign_attrs(long_name=words, units="eV")
    maps[std_name(BIAS)] = sigma.where(bias.notnull()).assign_attrs(
        long_name=f"Standard uncertainty: {words}", units="eV"
    )


def _slope_variance(
    stack: xr.Dataset, before: xr.DataArray, tilt: xr.DataArray, rows: np.ndarray, dim: str
) -> xr.DataArray:
    if SIGNAL_STD in stack:
        noise = stack[SIGNAL_STD].drop_vars(dim).isel({dim: rows})
        return xr.dot(noise**2, tilt**2, dim=dim).compute()
    # Residual of the line: what the projection on its two curves leaves of the sum of squares.
    u = stack[dim].values[rows]
    basis = np.linalg.qr(np.vander(u - u.mean(), 2))[0]
    free = max(rows.size - 2, 1)
    held = xr.dot(before, xr.DataArray(basis, dims=(dim, "_c")), dim=dim)
    rest = ((before**2).sum(dim) - (held**2).sum("_c")).compute()
    return np.maximum(rest, 0.0) / free * float((tilt**2).sum())


def _acceptance(maps: xr.Dataset, accepted: xr.DataArray) -> dict[str, Any]:
    asked = maps[STATUS] != Status.MASKED
    total = int(asked.sum())
    lost = maps[STATUS].where(asked & ~accepted)
    shares = {
        code.name.lower(): int((lost == int(code)).sum()) / total
        for code in Status
        if bool((lost == int(code)).any())
    }
    return {"accepted_fraction": int(accepted.sum()) / total, "rejected": json.dumps(shares)}


def _conditions(
    maps: xr.Dataset,
    stack: xr.Dataset,
    accepted: xr.DataArray,
    chosen: StatisticalWhiteLineParameters,
) -> dict[str, Any]:
    dim = spectral_dim(stack[SIGNAL])
    energies = stack[dim].values
    peak, before = _rows(maps, energies)
    others = [d for d in stack[SIGNAL].dims if d != dim]
    mean = without_infinite(stack[SIGNAL]).where(accepted).mean(others).compute().values
    # Of the frames that have a value.
    peak, before = (rows[np.isfinite(mean[rows])] for rows in (peak, before))
    coefficients = _weights(energies[peak], 2) @ mean[peak]
    slope = float(_weights(energies[before], 1)[1] @ mean[before])
    bias = slope / (2.0 * abs(float(coefficients[2])))
    u = energies[peak] - energies[peak].mean()
    residual = mean[peak] - np.vander(u, 3, increasing=True) @ coefficients
    drop = abs(float(coefficients[2])) * float(np.abs(u).max()) ** 2
    misfit = float(np.sqrt(np.mean(residual**2))) / drop
    spread = _true_spread(maps, accepted)
    failed, remedies = [], []
    share = _share_of_signal(maps, accepted)
    if share < chosen.min_accepted:
        failed.append(f"only {share:.1%} of the pixels with signal have a maximum in the window")
        remedies.append("Measure or choose energies around the white line (center=, half_width=)")
    if abs(bias) > chosen.max_bias:
        failed.append(f"the background moves the peak of the mean spectrum by {bias:+.2f} eV")
    if spread > chosen.max_bias:
        failed.append(f"the background moves peaks by amounts that scatter by {spread:.2f} eV")
    if misfit > chosen.max_misfit:
        failed.append(f"the polynomial leaves {misfit:.2f} of the peak's drop: not one simple line")
    if len(failed) > len(remedies):  # more than the share has failed
        remedies.append("Normalize first: fit_map(stack, 'edge_energy', definition='white_line')")
    verdict = ". ".join(["; ".join(failed), *remedies]) if failed else "the conditions hold"
    return {
        "bias_ev": bias,
        "bias_spread_ev": spread,
        "misfit": misfit,
        "conditions_met": int(not failed),
        "verdict": verdict,
    }


def _share_of_signal(maps: xr.Dataset, accepted: xr.DataArray) -> float:
    """Share of the accepted pixels among those that are neither masked nor without signal."""
    signal = accepted | ~maps[STATUS].isin([int(Status.MASKED), int(Status.LOW_SIGNAL)])
    return int(accepted.sum()) / int(signal.sum())


def _true_spread(maps: xr.Dataset, accepted: xr.DataArray) -> float:
    """Scatter of the bias between accepted pixels without its noise; robust against thin ones."""
    bias = maps[BIAS].where(accepted).values.ravel()
    sigma = maps[std_name(BIAS)].where(accepted).values.ravel()
    good = np.isfinite(bias) & np.isfinite(sigma)
    if np.count_nonzero(good) < 2:
        return 0.0
    bias, sigma = bias[good], sigma[good]
    weight = 1.0 / np.maximum(sigma**2, 1e-12)
    middle = float(np.average(bias, weights=weight))
    observed = float(np.average((bias - middle) ** 2, weights=weight))
    noise = float(bias.size / weight.sum())
    return float(np.sqrt(max(observed - noise, 0.0)))
