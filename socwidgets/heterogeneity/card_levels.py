"""Numbers of a card between and within particles."""

from __future__ import annotations

import threading

import numpy as np

from socwidgets.heterogeneity.bootstrap import (
    MIN_UNITS,
    NO_INTERVAL,
    Interval,
    Units,
    draw_counts,
    interval_of,
)
from socwidgets.heterogeneity.card_parts import CardEntry
from socwidgets.heterogeneity.nested import VarianceShares
from socwidgets.heterogeneity.nested_levels import NestedVariance
from socwidgets.heterogeneity.possible import Possible, within
from socwidgets.heterogeneity.sample import Sample
from socwidgets.heterogeneity.spread_intervals import spread_interval

LEVELS = "Between and within particles"


def share_entries(
    sample: Sample,
    shares: VarianceShares | None,
    levels: NestedVariance | None,
    units: Units,
    possible: Possible,
    draws: int,
    seed: int,
    cancel: threading.Event | None = None,
) -> list[CardEntry]:
    """Spread between and within particles, and the intraclass correlation.

    NaN, with the reason as its note, where there is only one particle or only one pixel in each.
    """
    if shares is None or levels is None:
        return []
    between, within_, share = _share_intervals(sample, shares, units, draws, seed, cancel)
    reasons = _reasons(sample, shares)
    few = "; no interval from fewer than three particles" if shares.n_groups < MIN_UNITS else ""

    def entry(name: str, words: str, value: float, i: Interval, units_: str) -> CardEntry:
        reason = reasons.get(name, "")
        if reason:
            value, i = float("nan"), NO_INTERVAL
        note = reason or f"noise variance subtracted{few}"
        return CardEntry(name, words, float(value), i.std, i.low, i.high, units_, note, LEVELS)

    kind = sample.kind.units
    spreads = [float(np.sqrt(v)) for v in (shares.between_true, shares.within_true)]
    return [
        entry(
            "sigma_between", "Spread between particles", spreads[0],
            possible.spread(between, spreads[0]), kind,
        ),
        entry(
            "sigma_within", "Spread within particles", spreads[1],
            possible.spread(within_, spreads[1]), kind,
        ),
        entry(
            "share_between", "Share of the variance between particles", shares.share_between_true,
            within(share, shares.share_between_true, 0.0, 1.0), "1",
        ),
        _icc(levels, reasons.get("share_between", "")),
        CardEntry("n_particles", "Particles", float(shares.n_groups), group=LEVELS),
    ]  # fmt: skip


def _icc(levels: NestedVariance, reason: str) -> CardEntry:
    value, low, high = (float(a[0]) for a in (levels.icc, levels.icc_low, levels.icc_high))
    words = "noise included" if "noise" in reason else "noise subtracted"
    note = f"random effects, {words}; jackknife over particles" if np.isfinite(value) else reason
    if not low < high:
        # No particle that is left out changes it: that is no interval.
        low = high = float("nan")
    name = "Intraclass correlation ICC(1)"
    return CardEntry("icc", name, value, low=low, high=high, note=note, group=LEVELS)


def _reasons(sample: Sample, shares: VarianceShares) -> dict[str, str]:
    """Why a number cannot be given, by its name."""
    found: dict[str, str] = {}
    if np.isnan(shares.within_true):
        found = dict.fromkeys(("sigma_between", "sigma_within"), "the noise is not known")
    if sample.size == shares.n_groups:
        found["sigma_within"] = found["share_between"] = "no particle has two pixels"
    if shares.n_groups < 2:
        found["sigma_between"] = found["share_between"] = "there is one particle"
    elif np.isnan(shares.share_between_true):
        known = np.isfinite(shares.within_true)
        found.setdefault(
            "share_between",
            "nothing is left of the variance" if known else "the noise is not known",
        )
    return found


def _share_intervals(
    sample: Sample,
    shares: VarianceShares,
    units: Units,
    draws: int,
    seed: int,
    cancel: threading.Event | None,
) -> tuple[Interval, Interval, Interval]:
    """Intervals of the two spreads and the share, from five sums per particle."""
    if not draws or units.name != "particle":
        return NO_INTERVAL, NO_INTERVAL, NO_INTERVAL
    v = sample.values - np.average(sample.values, weights=sample.weights)
    w, noise = sample.weights, sample.noise_variance
    mass, first, second = units.sums(w), units.sums(w * v), units.sums(w * v**2)
    in_mean, in_pixels = units.sums(w**2 * noise) / mass, units.sums(w * noise)
    sums = np.stack([mass, first, first**2 / mass, second, in_mean, in_pixels])
    chunks = [sums @ c.T for c in draw_counts(units, draws, seed, cancel=cancel)]
    drawn = np.concatenate(chunks, axis=1)
    between, within_ = _between(drawn), _within(drawn)
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn_shares = between / (between + within_)
    share = NO_INTERVAL
    if np.nanmin(drawn_shares, initial=1.0) < np.nanmax(drawn_shares, initial=0.0):
        share = interval_of(shares.share_between_true, drawn_shares, units)
    return (
        spread_interval(_between, sums, drawn, units),
        spread_interval(_within, sums, drawn, units),
        share,
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
