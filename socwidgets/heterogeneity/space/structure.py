"""Correlation length with its interval, and whether it may be reported."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from socwidgets.heterogeneity.bootstrap import (
    NO_INTERVAL,
    Interval,
    draw_counts,
    interval_of,
    resampling_units,
)
from socwidgets.heterogeneity.correlation import correlation_length_px, variance_known
from socwidgets.heterogeneity.sample import Sample, take_sample
from socwidgets.heterogeneity.variogram import (
    MODELS,
    RANGE_OF_LENGTH,
    Variogram,
    VariogramFit,
    fit_variogram,
    profile_misfit,
    range_grid,
    variogram_of,
)

#: Blocks tear apart the pairs of long distances: by so much the scatter of the refitted lengths is
#: too small (tests/studies/interval_coverage.py).
STRETCH = 1.25


@dataclass(frozen=True, slots=True)
class CorrelationLength:
    """How far values stay alike; all lengths are in pixels where the axes of the map count pixels.

    Attributes
    ----------
    length_um : float
        Distance at which the noise-free autocovariance is 1/e, without a model; NaN if unknown.
    model_um, interval : float, Interval
        The same from the fitted variogram, with the bootstrap's interval, um.
    fit : VariogramFit
        The fitted model, in pixels.
    reported : bool
        Whether the length is resolved and the field large enough.
    reason : str
        Why not, else empty.
    field_um : float
        Larger side of what was seen; an interval that reaches beyond it is NaN.
    """

    length_um: float
    model_um: float
    interval: Interval
    fit: VariogramFit
    reported: bool
    reason: str
    field_um: float


def correlation_length(
    maps: xr.Dataset,
    *,
    variable: str = "soc",
    labels: xr.DataArray | None = None,
    weights: str | xr.DataArray | None = "thickness",
    resolution_um: float | None = None,
    model: str | None = None,
    draws: int = 200,
    seed: int = 0,
) -> CorrelationLength:
    """Correlation length of a map.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set, ``(y, x)`` or ``(z, y, x)`` (pairs within layers).
    variable : str
        The map.
    labels : xarray.DataArray, optional
        Particles: pixels outside do not count.
    weights : str, xarray.DataArray or None
        Pixels of positive weight count.
    resolution_um : float, optional
        Full width at half maximum of the instrument; one pixel if left out, and where the axes of
        the map count pixels.
    model : str, optional
        Model of the variogram; the best of three if left out.
    draws, seed : int
        Of the bootstrap.

    Returns
    -------
    CorrelationLength
        `reported` only if the length is more than twice the resolution and less than a third of
        the field.
    """
    sample = take_sample(maps, variable, labels=labels, weights=weights)
    return correlation_length_of(
        sample, resolution_um=resolution_um, model=model, draws=draws, seed=seed
    )


def correlation_length_of(
    sample: Sample,
    *,
    resolution_um: float | None = None,
    model: str | None = None,
    draws: int = 200,
    seed: int = 0,
    rough_px: float | None = None,
    cancel: threading.Event | None = None,
) -> CorrelationLength:
    """`correlation_length` of a sample; `rough_px` is its 1/e length, if known.

    `CancelledError` if `cancel` was set before all distances were looked at.
    """
    variance = variance_known(sample)
    rough = correlation_length_px(sample, variance, cancel) if rough_px is None else rough_px
    pixel = float(np.mean(sample.spacing_um[-2:]))
    units = resampling_units(sample, rough)
    found = variogram_of(sample, units if draws else None, cancel=cancel)
    fit = fit_variogram(found, model)
    interval = NO_INTERVAL
    if draws and np.isfinite(fit.length_px):
        counts = np.concatenate(list(draw_counts(units, draws, seed, cancel=cancel)))
        lengths = _drawn_lengths(found, fit, counts)
        units = replace(units, stretch=units.stretch * STRETCH)
        interval = interval_of(fit.length_px * pixel, lengths * pixel, units, positive=True)
    field = max(int(p.max() - p.min()) + 1 for p in sample.position[-2:]) * pixel
    seen = smallest_seen(sample, resolution_um, pixel)
    reason = length_objection(rough * pixel, seen, field, sample.length_units)
    if interval.high > field:
        interval = NO_INTERVAL
    length = rough * pixel if np.isfinite(rough) else float("nan")
    return CorrelationLength(
        length, fit.length_px * pixel, interval, fit, not reason, reason, field
    )


def smallest_seen(sample: Sample, resolution_um: float | None, pixel: float) -> float:
    """What a length is held against: the resolution, or a pixel where none fits the axes."""
    return resolution_um if resolution_um and sample.length_units == "um" else pixel


def length_objection(length: float, resolution: float, field: float, units: str) -> str:
    """Why a length must not be reported, empty if it may: too short, or the field too small.

    NaN stands for nothing that could be alike, infinity for a likeness that does not end.
    """
    if np.isnan(length):
        return "no variance is left that could be alike"
    if np.isinf(length):
        return "no distance within a third of the field at which the likeness has gone"
    if length <= 2 * resolution:
        seen = f"twice the {resolution:.3g} {units} seen"
        return f"not resolved: {length:.3g} {units} is no more than {seen}"
    if length >= field / 3:
        return f"the field of {field:.3g} {units} is less than three lengths wide"
    return ""


def _drawn_lengths(found: Variogram, fit: VariogramFit, counts: np.ndarray) -> np.ndarray:
    """``(draws,)`` 1/e length in pixels of the same model refitted to every resample."""
    if found.drawn is None:
        return np.empty(0)
    half, pairs = counts @ found.drawn[:, :, 0], counts @ found.drawn[:, :, 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        gamma = np.where(pairs > 0, half / pairs, 0.0)
    level = np.maximum(found.gamma, 0.05 * found.gamma.max())
    weights = pairs / level**2
    ranges = range_grid(found.distance)
    shape = MODELS[fit.model]
    misfit = np.stack(
        [profile_misfit(gamma, weights, shape(found.distance / r), None)[2] for r in ranges]
    )
    best = np.clip(np.argmin(misfit, axis=0), 1, ranges.size - 2)
    draw = np.arange(best.size)
    a, b, c = misfit[best - 1, draw], misfit[best, draw], misfit[best + 1, draw]
    bend = a - 2 * b + c
    step = np.where(bend > 0, 0.5 * (a - c) / np.where(bend > 0, bend, 1.0), 0.0)
    ratio = ranges[1] / ranges[0]
    return ranges[best] * ratio ** np.clip(step, -1, 1) / RANGE_OF_LENGTH[fit.model]
