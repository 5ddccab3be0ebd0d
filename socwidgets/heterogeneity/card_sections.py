"""The numbers of a card, group by group."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from socwidgets.heterogeneity.bootstrap import NO_INTERVAL, Interval
from socwidgets.heterogeneity.card_parts import CardEntry
from socwidgets.heterogeneity.limits.shares import outside_limits, window_suits
from socwidgets.heterogeneity.possible import Possible
from socwidgets.heterogeneity.sample import Sample
from socwidgets.heterogeneity.space.moran import Autocorrelation
from socwidgets.heterogeneity.space.radial import CoreShell
from socwidgets.heterogeneity.space.structure import CorrelationLength
from socwidgets.heterogeneity.spread import NoiseCorrectedSpread
from socwidgets.heterogeneity.spread_intervals import BootstrapResult

SPREAD, SPACE, WINDOW, SIZE = "Mean and spread", "In space", "Window", "What was looked at"


def spread_entries(
    sample: Sample,
    spread: NoiseCorrectedSpread,
    made: BootstrapResult,
    table: pd.DataFrame,
    quiet: Possible,
    seen: Possible,
) -> list[CardEntry]:
    """Mean, median, spread as observed, of the noise and without it; `seen` holds the noise."""
    units = sample.kind.units
    by = f"resampling {made.n_units} units ({made.unit})" if made.draws else ""
    if made.draws and np.isnan(made.mean.std):
        by = f"no interval from so few independent parts ({made.unit})"

    def with_interval(name: str, words: str, value: float, i: Interval, note: str) -> CardEntry:
        return CardEntry(name, words, value, i.std, i.low, i.high, units, note, SPREAD)

    def measured(name: str) -> tuple[float, Interval]:
        row = table.loc[name]
        return float(row["value"]), Interval(*(float(row[c]) for c in ("std", "low", "high")))

    if np.isnan(spread.noise):
        without = "the noise is not known"
    else:
        without = (
            "below the detection limit" if spread.below_detection else "noise variance subtracted"
        )
    median, of_median = measured("median")
    iqr, of_iqr = measured("iqr")
    mean = float(table.loc["mean", "value"])
    return [
        with_interval("mean", "Mean", mean, quiet.value(made.mean, mean), by),
        with_interval("median", "Median", median, quiet.value(of_median, median), ""),
        with_interval(
            "sigma_observed", "Spread as observed", spread.observed,
            seen.spread(made.observed, spread.observed),
            "population standard deviation",
        ),
        CardEntry(
            "sigma_noise", "Spread of the noise", spread.noise, units=units, group=SPREAD
        ),
        with_interval(
            "sigma_true", "Spread without the noise", spread.true,
            quiet.spread(made.true, spread.true), without,
        ),
        CardEntry(
            "detection_limit", "Detection limit of the spread", spread.detection_limit,
            units=units, note="one-sided 95 %", group=SPREAD,
        ),
        CardEntry(
            "hsn", "Spread over noise", spread.hsn, note="no adjective below 0.5", group=SPREAD
        ),
        with_interval("iqr", "Interquartile range, as observed", iqr, seen.width(of_iqr, iqr), ""),
    ]  # fmt: skip


def space_entries(
    sample: Sample,
    length: CorrelationLength,
    likeness: Autocorrelation,
    shell: CoreShell | None,
    spread: NoiseCorrectedSpread,
    possible: Possible,
) -> list[CardEntry]:
    """Correlation length, Moran's I and the contrast of rim and core."""
    value = length.length_um if length.reported else float("nan")
    # The relative interval of the fitted model: it and the model-free length move together.
    i, scale = length.interval, value / length.model_um
    i = Interval(i.std * scale, i.low * scale, i.high * scale)
    if i.high > length.field_um:
        i = NO_INTERVAL
    note = "1/e of the noise-free autocovariance" if length.reported else length.reason
    # Below the detection limit the likeness without noise is a quotient of two remainders.
    corrected = np.isfinite(likeness.moran_true) and not spread.below_detection
    moran = likeness.moran_true if corrected else likeness.moran
    m = likeness.moran_interval
    if np.isfinite(likeness.moran_true) and not corrected:
        m = NO_INTERVAL
    noise = "noise taken out" if corrected else "noise included"
    if corrected and m.low > 1.0:
        noise = "above 1: more noise was taken out than there is"
    found = [
        CardEntry(
            "correlation_length", "Correlation length", value, i.std, i.low, i.high,
            sample.length_units, note, SPACE,
        ),
        CardEntry(
            "moran", "Moran's I of neighbors", moran, m.std, m.low, m.high, "1",
            f"{noise}; p = {likeness.p:.2g} "
            f"({likeness.p_method})", SPACE,
        ),
    ]  # fmt: skip
    if shell is not None:
        c = Interval(shell.std, shell.low, shell.high)
        c = possible.difference(c, shell.contrast)
        found.append(
            CardEntry(
                "core_shell", "Rim minus core of the particles", shell.contrast, c.std,
                c.low, c.high, sample.kind.units,
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
