"""The heterogeneity card: one map in numbers, each with its uncertainty and its assumptions."""

from __future__ import annotations

import numpy as np
import xarray as xr

from socwidgets.heterogeneity.bootstrap import BootstrapResult, bootstrap
from socwidgets.heterogeneity.card_model import CardEntry, HeterogeneityCard
from socwidgets.heterogeneity.correlation import correlation_length_px, effective_count
from socwidgets.heterogeneity.nested import VarianceShares, variance_shares
from socwidgets.heterogeneity.sample import Sample, take_sample
from socwidgets.heterogeneity.spread import (
    NoiseCorrectedSpread,
    describe,
    noise_corrected_spread,
    outside_limits,
)
from socwidgets.model.names import STATUS
from socwidgets.model.stack import pixel_size_um
from socwidgets.model.status import Status

#: Below this ratio of true spread to noise no adjective is used (science E.3).
MIN_HSN = 0.5


def heterogeneity_card(
    maps: xr.Dataset,
    labels: xr.DataArray | None = None,
    *,
    variable: str = "soc",
    weights: str | xr.DataArray | None = "thickness",
    limits: tuple[float, float] = (0.0, 1.0),
    projection: bool = True,
    draws: int = 1000,
    seed: int = 0,
) -> HeterogeneityCard:
    """Summarize how heterogeneous a map is, noise taken out.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set with `variable`, its ``_std`` and ``status``, ``(y, x)``.
    labels : xarray.DataArray, optional
        ``(y, x)`` particles; with them the card splits the variance, and resamples particles.
    variable : str
        The map to describe; its ``kind`` decides what makes sense.
    weights : str, xarray.DataArray or None
        Thickness weights (see `take_sample`).
    limits : (float, float)
        Window of the quantity, for local over- and under-shoot.
    projection : bool
        Whether the map is a projection through the sample: then its within-particle spread is a
        lower limit, and the card says so.
    draws, seed : int
        Of the bootstrap.

    Returns
    -------
    HeterogeneityCard
        NaN (and "not available") where a number cannot be given.

    Raises
    ------
    DataError, KindError
        If there is nothing to describe, or shapes or the kind do not fit.
    """
    sample = take_sample(maps, variable, labels=labels, weights=weights)
    rough = noise_corrected_spread(sample.values, sample.noise_variance, sample.weights)
    length = correlation_length_px(sample, rough.true**2)
    n_eff = effective_count(sample.size, length, len(sample.shape))
    spread = noise_corrected_spread(sample.values, sample.noise_variance, sample.weights, n_eff)
    intervals = bootstrap(sample, length, draws=draws, seed=seed)
    shares = None
    if sample.labels is not None:
        shares = variance_shares(
            sample.values, sample.labels, sample.weights, sample.noise_variance
        )
    pixel = float(np.nanmean(pixel_size_um(maps)))
    entries = [
        *_spread_entries(sample, spread, intervals),
        *_share_entries(shares),
        *_structure_entries(sample, length, n_eff, pixel, limits),
    ]
    source = str(maps.attrs.get("sigma_source", "not stated"))
    record = {
        "variable": variable,
        "noise_source": source,
        "bootstrap": {"unit": intervals.unit, "draws": draws, "seed": seed},
        "weights": weights
        if isinstance(weights, str)
        else "given"
        if weights is not None
        else "equal",
    }
    return HeterogeneityCard(
        tuple(entries),
        _verdict(sample, spread, shares),
        tuple(_warnings(maps, sample, spread, intervals, shares, projection)),
        record,
    )


def _spread_entries(
    sample: Sample, spread: NoiseCorrectedSpread, intervals: BootstrapResult
) -> list[CardEntry]:
    units = sample.kind.units
    numbers = describe(sample.values, sample.weights)
    by = f"resampling {intervals.n_units} units ({intervals.unit})"
    mean, seen, true = intervals.mean, intervals.observed, intervals.true
    return [
        CardEntry("mean", "Mean", numbers["mean"], mean.std, mean.low, mean.high, units, by),
        CardEntry("median", "Median", numbers["median"], units=units),
        CardEntry(
            "sigma_observed", "Spread as observed", spread.observed, seen.std, seen.low, seen.high,
            units, "population standard deviation",
        ),
        CardEntry("sigma_noise", "Spread of the noise", spread.noise, units=units),
        CardEntry(
            "sigma_true", "Spread without the noise", spread.true, true.std, true.low, true.high,
            units, "noise variance subtracted",
        ),
        CardEntry(
            "detection_limit", "Detection limit of the spread", spread.detection_limit, units=units
        ),
        CardEntry("hsn", "Spread over noise", spread.hsn, note="no adjective below 0.5"),
        CardEntry("iqr", "Interquartile range, as observed", numbers["iqr"], units=units),
    ]  # fmt: skip


def _share_entries(shares: VarianceShares | None) -> list[CardEntry]:
    if shares is None:
        return []
    note = "noise variance subtracted at each level"
    return [
        CardEntry(
            "sigma_between",
            "Spread between particles",
            float(np.sqrt(shares.between_true)),
            note=note,
        ),
        CardEntry(
            "sigma_within", "Spread within particles", float(np.sqrt(shares.within_true)), note=note
        ),
        CardEntry(
            "share_between", "Share of the variance between particles", shares.share_between_true
        ),
        CardEntry(
            "icc", "Intraclass correlation", shares.icc, note="one-way ANOVA, noise included"
        ),
        CardEntry("n_particles", "Particles", float(shares.n_groups)),
    ]


def _structure_entries(
    sample: Sample, length: float, n_eff: float, pixel: float, limits: tuple[float, float]
) -> list[CardEntry]:
    under, over = outside_limits(sample.values, sample.noise_variance, sample.weights, limits)
    span = f"{limits[0]:g} to {limits[1]:g}, guarded by 2 sigma"
    return [
        CardEntry(
            "correlation_length", "Correlation length", length * pixel, units="um",
            note="1/e of the noise-free autocovariance",
        ),
        CardEntry("f_under", "Share below the window", under, note=span),
        CardEntry("f_over", "Share above the window", over, note=span),
        CardEntry("n_pixels", "Pixels", float(sample.size)),
        CardEntry("n_eff", "Independent pixels", n_eff, note="N over a correlated area"),
    ]  # fmt: skip


def _verdict(sample: Sample, spread: NoiseCorrectedSpread, shares: VarianceShares | None) -> str:
    """Words that follow the numbers."""
    name = sample.kind.name.replace("_", " ").replace("soc", "state of charge")
    if np.isnan(spread.true):
        return f"The noise of this {name} map is not known: its spread cannot be judged."
    if spread.below_detection:
        return (
            f"No heterogeneity of the {name} above the noise: the spread of {spread.observed:.3f} "
            f"is explained by noise of {spread.noise:.3f}; anything below "
            f"{spread.detection_limit:.3f} would go unseen."
        )
    if spread.hsn < MIN_HSN:
        return (
            f"The {name} varies by {spread.true:.3f} beyond the noise, which is "
            f"{spread.noise:.3f}: too little of it to judge its structure."
        )
    text = f"The {name} is heterogeneous: a spread of {spread.true:.3f} remains without the noise"
    if shares is None or np.isnan(shares.share_between_true):
        return text + "."
    return f"{text}, {100 * shares.share_between_true:.0f} % of its variance between particles."


def _warnings(
    maps: xr.Dataset,
    sample: Sample,
    spread: NoiseCorrectedSpread,
    intervals: BootstrapResult,
    shares: VarianceShares | None,
    projection: bool,
) -> list[str]:
    found = []
    if projection:
        found.append(
            "This is a projection through the sample: a particle with a sharp core and shell looks "
            "intermediate, and the spread within particles is a lower limit."
        )
    if np.isnan(spread.noise):
        found.append("The map carries no standard uncertainty: noise and heterogeneity are mixed.")
    if np.isnan(intervals.mean.std):
        found.append(
            f"Only {intervals.n_units} independent units ({intervals.unit}): no confidence "
            "interval."
        )
    if shares is not None and shares.n_groups < 10:
        found.append(f"Only {shares.n_groups} particles: the shares of the variance are rough.")
    codes = maps[STATUS].values if STATUS in maps else np.zeros(1)
    saturated = int(np.count_nonzero(codes == Status.SATURATED))
    if saturated:
        found.append(f"{saturated} pixels are saturated or clipped and were left out.")
    outside = int(np.count_nonzero(codes == Status.OUT_OF_RANGE))
    if outside:
        found.append(f"{outside} pixels lie outside the calibrated range and were left out.")
    return found
