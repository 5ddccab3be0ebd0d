"""Whether the mean of a map agrees with the charge that passed."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.heterogeneity.card_parts import CardEntry
from socwidgets.heterogeneity.correlation import correlation_length_px
from socwidgets.heterogeneity.sample import take_sample
from socwidgets.heterogeneity.spread import noise_corrected_spread
from socwidgets.heterogeneity.spread_intervals import bootstrap
from socwidgets.model.errors import DataError, ParameterError
from socwidgets.model.kinds import require_kind

#: From so many combined standard uncertainties on, a mismatch is flagged.
FLAG_AT = 2.0


def soc_from_charge(
    charge_ah: Any,
    reversible_ah: float,
    start_soc: float = 0.0,
    *,
    charge_std_ah: float = 0.0,
    reversible_std_ah: float = 0.0,
    start_std: float = 0.0,
) -> tuple[Any, Any]:
    """State of charge ``s0 + Q/Q_rev`` and its standard uncertainty.

    Parameters
    ----------
    charge_ah : float or array_like
        Charge that has passed since `start_soc`, Ah, positive on charge.
    reversible_ah : float
        Charge of the whole window, Ah.
    start_soc : float
        State of charge at the beginning.
    charge_std_ah, reversible_std_ah, start_std : float
        Standard uncertainties. Self-discharge and side reactions are not known and not in them.

    Returns
    -------
    soc, std : float or ndarray

    Raises
    ------
    ParameterError
        If the reversible charge is not above zero or an uncertainty is negative.
    """
    if not reversible_ah > 0 or min(charge_std_ah, reversible_std_ah, start_std) < 0:
        raise ParameterError(
            "the reversible charge must be above zero and uncertainties must not be negative",
            found=f"{reversible_ah!r} Ah",
        )
    part = np.asarray(charge_ah, dtype=np.float64) / reversible_ah
    variance = (charge_std_ah / reversible_ah) ** 2 + start_std**2
    std = np.sqrt(variance + (part * reversible_std_ah / reversible_ah) ** 2)
    soc = start_soc + part
    return (float(soc), float(std)) if soc.ndim == 0 else (soc, std)


def passed_charge_ah(current_a: Any, time_h: Any) -> np.ndarray:
    """Charge (Ah) passed at every time, by the trapezoid rule.

    Parameters
    ----------
    current_a : array_like
        ``(time,)`` A, positive on charge.
    time_h : array_like
        ``(time,)`` h, rising.

    Returns
    -------
    ndarray
        ``(time,)`` Ah since the first time, positive on charge.

    Raises
    ------
    DataError
        For sizes that do not fit, times that do not rise or values that are not finite.
    """
    current, time = np.asarray(current_a, np.float64), np.asarray(time_h, np.float64)
    if current.shape != time.shape or current.ndim != 1 or current.size < 2:
        raise DataError(
            "current and time do not fit",
            expected="two points or more each",
            found=f"{current.shape} and {time.shape}",
        )
    if np.any(np.diff(time) < 0) or not np.all(np.isfinite(current + time)):
        raise DataError("times must rise and values be finite", fix="drop the broken rows")
    steps = 0.5 * (current[1:] + current[:-1]) * np.diff(time)
    return np.concatenate([[0.0], np.cumsum(steps)])


@dataclass(frozen=True, slots=True)
class MassBalance:
    """Mean of the map against coulometry.

    Attributes
    ----------
    map_mean, map_std : float
        Thickness-weighted mean of the map and its standard uncertainty: of the sample (resampled
        particles or blocks) and of the calibration.
    soc, soc_std : float
        From the charge.
    delta, sigma : float
        Map minus charge, and its combined standard uncertainty.
    pixel_mean : float
        Mean in which every pixel counts the same: a projected map's is biased.
    weighted : bool
        Whether there were thickness weights.
    n_units : int
        Units that were resampled.
    """

    map_mean: float
    map_std: float
    soc: float
    soc_std: float
    delta: float
    sigma: float
    pixel_mean: float
    weighted: bool
    n_units: int

    @property
    def z(self) -> float:
        """Mismatch in combined standard uncertainties; NaN without one."""
        return self.delta / self.sigma if self.sigma > 0 else float("nan")

    @property
    def mismatch(self) -> bool:
        """Whether the mismatch is beyond 2 sigma."""
        return bool(abs(self.z) > FLAG_AT)

    @property
    def verdict(self) -> str:
        """The balance in words."""
        if np.isnan(self.z):
            return "The balance cannot be judged: no uncertainty is known."
        size = f"differs by {self.delta:+.3f} ({abs(self.z):.1f} sigma) from the charge passed"
        if self.mismatch:
            return (
                f"Mass balance broken: the mean of the map {size}. Look at the calibration, the "
                "references, the choice of the field of view and the state of the cell."
            )
        return f"Mass balance holds: the mean of the map {size}."

    def entries(self) -> list[CardEntry]:
        """Numbers for a card."""
        return [
            CardEntry("map_mean", "Mean of the map", self.map_mean, self.map_std),
            CardEntry("charge_soc", "State of charge from the charge", self.soc, self.soc_std),
            CardEntry(
                "mass_balance", "Map minus charge", self.delta, self.sigma,
                note=f"{abs(self.z):.1f} sigma" + (", beyond 2 sigma" if self.mismatch else ""),
            ),
        ]  # fmt: skip

    def _repr_html_(self) -> str:
        color = "#b00020" if self.mismatch else "inherit"
        sign = "&#9888; " if self.mismatch else ""
        return (
            f"<div class='soc-card'><p style='color:{color}'><strong>{sign}"
            f"{escape(self.verdict)}</strong></p><p>map {self.map_mean:.3f} &plusmn; "
            f"{self.map_std:.2g}, charge {self.soc:.3f} &plusmn; {self.soc_std:.2g}</p></div>"
        )


def mass_balance(
    maps: xr.Dataset,
    soc: float,
    soc_std: float,
    labels: xr.DataArray | None = None,
    *,
    variable: str = "soc",
    weights: str | xr.DataArray | None = "thickness",
    calibration_std: float = 0.0,
    draws: int = 1000,
    seed: int = 0,
) -> MassBalance:
    """Compare the mean of a SOC map with the state of charge from coulometry.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set with `variable` of kind ``soc``, its ``_std`` and ``status``.
    soc, soc_std : float
        From `soc_from_charge`.
    labels : xarray.DataArray, optional
        Particles: they are resampled, because the cell holds others than those imaged.
    variable : str
        The map.
    weights : str, xarray.DataArray or None
        Thickness weights: the mean of the material needs them.
    calibration_std : float
        Common standard uncertainty of all pixels, from the end members.
    draws, seed : int
        Of the bootstrap.

    Returns
    -------
    MassBalance

    Raises
    ------
    KindError
        If the map is no SOC.
    ParameterError
        If an uncertainty is negative.
    DataError
        If nothing usable is there.
    """
    if not (soc_std >= 0 and calibration_std >= 0):
        raise ParameterError(
            "a standard uncertainty is negative or not a number",
            found=f"{soc_std!r} and {calibration_std!r}",
        )
    sample = take_sample(maps, variable, labels=labels, weights=weights)
    require_kind(maps[variable], ("soc",), "a mass balance")
    rough = noise_corrected_spread(sample.values, sample.noise_variance, sample.weights)
    # Without noise the correlation is that of the whole.
    true = rough.true if np.isfinite(rough.true) else rough.observed
    found = bootstrap(sample, correlation_length_px(sample, true**2), draws=draws, seed=seed)
    mean = float(np.average(sample.values, weights=sample.weights))
    map_std = float(np.hypot(found.mean.std, calibration_std))
    sigma = float(np.hypot(map_std, soc_std))
    return MassBalance(
        mean, map_std, float(soc), float(soc_std), mean - float(soc), sigma,
        float(sample.values.mean()), bool(np.ptp(sample.weights) > 0), found.n_units,
    )  # fmt: skip
