"""The numbers of a card, group by group."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from socwidgets.heterogeneity.bootstrap import (
    Interval,
    Units,
    draw_counts,
    interval_of,
)
from socwidgets.heterogeneity.card_parts import CardEntry
from socwidgets.heterogeneity.limits.shares import outside_limits, window_suits
from socwidgets.heterogeneity.nested import VarianceShares
from socwidgets.heterogeneity.nested_levels import NestedVariance
from socwidgets.heterogeneity.sample import Sample
from socwidgets.heterogeneity.space.moran import Autocorrelation
from socwidgets.heterogeneity.space.radial import CoreShell
from socwidgets.heterogeneity.space.structure import CorrelationLength
from socwidgets.heterogeneity.spread import NoiseCorrectedSpread
from socwidgets.heterogeneity.spread_intervals import BootstrapResult, spread_interval

SPREAD, LEVELS, SPACE, WINDOW, SIZE = (
    "Mean and spread", "Between and within particles", "In space", "Window", "What was looked at",
)  # fmt: skip


def spread_entries(
    sample: Sample, spread: NoiseCorrectedSpread, made: BootstrapResult, table: pd.DataFrame
) -> list[CardEntry]:
    """Mean, median, spread as observed, of the noise and without it."""
    units = sample.kind.units
    by = f"resampling {made.n_units} units ({made.unit})" if made.draws else ""

    def with_interval(name: str, words: str, value: float, i: Interval, note: str) -> CardEntry:
        return CardEntry(name, words, value, i.std, i.low, i.high, units, note, SPREAD)

    def measured(name: str, words: str, note: str = "") -> CardEntry:
        row = table.loc[name]
        numbers = (float(row["value"]), float(row["std"]), float(row["low"]), float(row["high"]))
        return CardEntry(name, words, *numbers, units, note, SPREAD)

    mean = float(table.loc["mean", "value"])
    return [
        with_interval("mean", "Mean", mean, made.mean, by),
        measured("median", "Median"),
        with_interval(
            "sigma_observed", "Spread as observed", spread.observed, made.observed,
            "population standard deviation",
        ),
        CardEntry(
            "sigma_noise", "Spread of the noise", spread.noise, units=units, group=SPREAD
        ),
        with_interval(
            "sigma_true", "Spread without the noise", spread.true, made.true,
            "below the detection limit" if spread.below_detection else "noise variance subtracted",
        ),
        CardEntry(
            "detection_limit", "Detection limit of the spread", spread.detection_limit,
            units=units, note="one-sided 95 %", group=SPREAD,
        ),
        CardEntry(
            "hsn", "Spread over noise", spread.hsn, note="no adjective below 0.5", group=SPREAD
        ),
        measured("iqr", "Interquartile range, as observed"),
    ]  # fmt: skip


def share_entries(
    sample: Sample,
    shares: VarianceShares | None,
    levels: NestedVariance | None,
    units: Units,
    draws: int,
    seed: int,
) -> list[CardEntry]:
    """Spread between and within particles, and the intraclass correlation."""
    if shares is None or levels is None:
        return []
    note = "noise variance subtracted"
    between, within, share = _share_intervals(sample, shares, units, draws, seed)
    kind = sample.kind.units
    return [
        _entry(
            "sigma_between", "Spread between particles", np.sqrt(shares.between_true), between,
            kind, note,
        ),
        _entry(
            "sigma_within", "Spread within particles", np.sqrt(shares.within_true), within, kind,
            note,
        ),
        _entry(
            "share_between", "Share of the variance between particles", shares.share_between_true,
            share, "1", note,
        ),
        CardEntry(
            "icc", "Intraclass correlation ICC(1)", float(levels.icc[0]),
            low=float(levels.icc_low[0]), high=float(levels.icc_high[0]),
            note="random effects, noise subtracted; jackknife over particles", group=LEVELS,
        ),
        CardEntry("n_particles", "Particles", float(shares.n_groups), group=LEVELS),
    ]  # fmt: skip


def _entry(
    name: str, words: str, value: float, i: Interval, units: str, note: str
) -> CardEntry:  # fmt: skip
    return CardEntry(name, words, float(value), i.std, i.low, i.high, units, note, LEVELS)


def _share_intervals(
    sample: Sample, shares: VarianceShares, units: Units, draws: int, seed: int
) -> tuple[Interval, Interval, Interval]:
    """Intervals of the two spreads and the share, from five sums per particle."""
    nothing = Interval(float("nan"), float("nan"), float("nan"))
    if not draws or units.name != "particle":
        return nothing, nothing, nothing
    v = sample.values - np.average(sample.values, weights=sample.weights)
    w, noise = sample.weights, sample.noise_variance
    mass, first, second = units.sums(w), units.sums(w * v), units.sums(w * v**2)
    in_mean, in_pixels = units.sums(w**2 * noise) / mass, units.sums(w * noise)
    sums = np.stack([mass, first, first**2 / mass, second, in_mean, in_pixels])
    drawn = np.concatenate([sums @ c.T for c in draw_counts(units, draws, seed)], axis=1)
    between, within = _between(drawn), _within(drawn)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = interval_of(shares.share_between_true, between / (between + within), units)
    return (
        spread_interval(_between, sums, drawn, units),
        spread_interval(_within, sums, drawn, units),
        Interval(share.std, max(share.low, 0.0), min(share.high, 1.0)),
    )


def _between(sums: np.ndarray, freedom: float = float("inf")) -> np.ndarray:
    """Variance between particles without noise, unbiased for that many degrees of freedom."""
    total, first, means, _, in_mean, _ = sums
    variance = (means / total - (first / total) ** 2) * (1.0 + 1.0 / freedom)
    return np.maximum(variance - in_mean / total, 0.0)


def _within(sums: np.ndarray, freedom: float = float("inf")) -> np.ndarray:
    """Variance within particles without noise; their number does not bias it."""
    total, _, means, squares, in_mean, in_pixels = sums
    return np.maximum((squares - means) / total - (in_pixels - in_mean) / total, 0.0)


def space_entries(
    sample: Sample,
    length: CorrelationLength,
    likeness: Autocorrelation,
    shell: CoreShell | None,
) -> list[CardEntry]:
    """Correlation length, Moran's I and the contrast of rim and core."""
    value = length.length_um if length.reported else float("nan")
    # The relative interval of the fitted model: it and the model-free length move together.
    i, scale = length.interval, value / length.model_um
    i = Interval(i.std * scale, i.low * scale, i.high * scale)
    note = "1/e of the noise-free autocovariance" if length.reported else length.reason
    corrected = np.isfinite(likeness.moran_true)
    moran = likeness.moran_true if corrected else likeness.moran
    m = likeness.moran_interval
    found = [
        CardEntry(
            "correlation_length", "Correlation length", value, i.std, i.low, i.high, "um", note,
            SPACE,
        ),
        CardEntry(
            "moran", "Moran's I of neighbors", moran, m.std, m.low, m.high, "1",
            f"{'noise taken out' if corrected else 'noise included'}; p = {likeness.p:.2g} "
            f"({likeness.p_method})", SPACE,
        ),
    ]  # fmt: skip
    if shell is not None:
        found.append(
            CardEntry(
                "core_shell", "Rim minus core of the particles", shell.contrast, shell.std,
                shell.low, shell.high, sample.kind.units,
                f"outer and inner fifth, {shell.n_particles} particles; p = {shell.p:.2g} "
                "(swaps within particles)" if np.isfinite(shell.contrast)
                else "fewer than two particles with a rim and a core", SPACE,
            )
        )  # fmt: skip
    return found


def window_entries(sample: Sample, limits: tuple[float, float]) -> list[CardEntry]:
    """Shares outside the window; none where 0 to 1 is no window of the map's kind."""
    if not window_suits(limits, sample.kind):
        return []
    under, over = outside_limits(sample.values, sample.noise_variance, sample.weights, limits)
    span = f"{limits[0]:g} to {limits[1]:g}, guarded by 2 sigma"
    return [
        CardEntry("f_under", "Share below the window", under, note=span, group=WINDOW),
        CardEntry("f_over", "Share above the window", over, note=span, group=WINDOW),
    ]


def size_entries(sample: Sample, n_eff: float) -> list[CardEntry]:
    """Pixels, and how many of them are independent."""
    return [
        CardEntry("n_pixels", "Pixels", float(sample.size), group=SIZE),
        CardEntry(
            "n_eff", "Independent pixels", n_eff, note="pixels over a correlated area", group=SIZE
        ),
    ]


def replaced(entries: Iterable[CardEntry], extras: Iterable[CardEntry]) -> list[CardEntry]:
    """Entries with the extras: one of the same name takes the place of the card's own."""
    own, more = list(entries), list(extras)
    names = {entry.name: entry for entry in more}
    kept = [names.pop(e.name) if e.name in names else e for e in own]
    placed = {id(entry) for entry in kept}
    return kept + [entry for entry in more if id(entry) not in placed]
