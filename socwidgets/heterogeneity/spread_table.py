"""All measures of spread of a map in one table, each with its interval."""

from __future__ import annotations

import threading

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets.heterogeneity.bootstrap import (
    Interval,
    Progress,
    Units,
    draw_counts,
    interval_of,
    resampling_units,
    stop_if,
)
from socwidgets.heterogeneity.correlation import (
    correlation_length_px,
    effective_count,
    variance_known,
)
from socwidgets.heterogeneity.measures import (
    MAD_TO_SD,
    MEASURES,
    Classes,
    class_measures,
    classify,
    moment_measures,
)
from socwidgets.heterogeneity.sample import Sample, take_sample
from socwidgets.heterogeneity.spread import describe, gini
from socwidgets.heterogeneity.spread_intervals import observed_variance, spread_interval
from socwidgets.model.errors import ParameterError


def spread_table(
    maps: xr.Dataset,
    labels: xr.DataArray | None = None,
    *,
    variable: str = "soc",
    weights: str | xr.DataArray | None = "thickness",
    bins: int = 20,
    limits: tuple[float, float] | None = None,
    draws: int = 1000,
    seed: int = 0,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> pd.DataFrame:
    """Describe how the values of a map spread, with an interval for each measure.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set with `variable`, its ``_std`` and ``status``, ``(y, x)`` or ``(z, y, x)``.
    labels : xarray.DataArray, optional
        Particles; with three or more of them the intervals come from resampling particles.
    variable : str
        The map.
    weights : str, xarray.DataArray or None
        Thickness weights (see `take_sample`).
    bins : int
        Bins of the entropy.
    limits : (float, float), optional
        Range of those bins; 0 to 1 for quantities with a physical zero, else the range of the
        values.
    draws, seed : int
        Of the bootstrap; 0 draws leave the intervals empty.
    progress : callable, optional
        ``progress(done, total)`` in draws.
    cancel : threading.Event, optional
        Ends the bootstrap.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``measure``: ``value``, ``std`` (standard error), ``low``, ``high`` (95 %),
        ``units``, ``note``. ``attrs`` hold ``n_pixels``, ``n_eff``, the resampling ``unit`` and
        ``n_units``, ``bins``, ``limits``, ``draws`` and ``seed``. The noise is still inside
        these measures: it is taken out of the standard deviation by `noise_corrected_spread`.
        A coefficient of variation is NaN, and the note says why, for a kind without a physical
        zero; so is a Gini coefficient of negative values.

    Raises
    ------
    DataError, KindError, ParameterError
        As `take_sample`; bins that do not make sense.
    CancelledError
        If `cancel` was set.
    """
    sample = take_sample(maps, variable, labels=labels, weights=weights)
    length = correlation_length_px(sample, variance_known(sample), cancel)
    n_eff = effective_count(sample.size, length, len(sample.shape))
    units = resampling_units(sample, length)
    return table_of(
        sample, units, n_eff, bins=bins, limits=limits, draws=draws, seed=seed,
        progress=progress, cancel=cancel,
    )  # fmt: skip


def table_of(
    sample: Sample,
    units: Units,
    n_eff: float,
    *,
    names: tuple[str, ...] = tuple(MEASURES),
    bins: int = 20,
    limits: tuple[float, float] | None = None,
    draws: int = 1000,
    seed: int = 0,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> pd.DataFrame:
    """`spread_table` of a sample whose resampling units and independent pixels are known."""
    span = _limits(sample, limits)
    if bins < 2 or not span[1] > span[0]:
        raise ParameterError(
            "the bins of the entropy make no sense",
            expected="two bins or more over a range that is not empty",
            found=f"{bins} bins over {span}",
        )
    classes = classify(sample.values, n_eff, bins=bins, limits=span)
    stop_if(cancel)
    values = _estimates(sample, classes, names, bins, span)
    stop_if(cancel)
    drawn, spread = _drawn(sample, units, classes, names, draws, seed, progress, cancel)
    known = {"std": spread}
    frame = pd.DataFrame([_row(n, values, drawn, known, units, sample, bins, span) for n in names])
    frame = frame.set_index("measure")
    frame.attrs = {
        "n_pixels": sample.size, "n_eff": n_eff, "unit": units.name, "n_units": units.count,
        "bins": bins, "limits": span, "draws": draws, "seed": seed,
    }  # fmt: skip
    return frame


def _limits(sample: Sample, limits: tuple[float, float] | None) -> tuple[float, float]:
    if limits is not None:
        return float(limits[0]), float(limits[1])
    if sample.kind.has_zero:
        return 0.0, 1.0
    low, high = float(sample.values.min()), float(sample.values.max())
    return (low, high) if high > low else (low, low + 1.0)


def _estimates(
    sample: Sample,
    classes: Classes,
    names: tuple[str, ...],
    bins: int,
    limits: tuple[float, float],
) -> dict[str, float]:
    found = describe(sample.values, sample.weights, bins=bins, limits=limits, mad="mad_sd" in names)
    nan, zero = float("nan"), sample.kind.has_zero
    mode = ratio = nan
    if "mode" in names:
        shares = np.bincount(classes.index, sample.weights, minlength=classes.center.size)
        mode = float(class_measures(shares[None], classes, ("mode",))["mode"][0])
    if zero and "gini" in names:
        ratio = gini(sample.values, sample.weights)
    return {
        **found,
        "mode": mode,
        "mad_sd": MAD_TO_SD * found["mad"],
        "range_90": found["p95"] - found["p05"],
        "cv": found["std"] / found["mean"] if zero and found["mean"] != 0 else nan,
        "gini": ratio,
    }


def _drawn(
    sample: Sample,
    units: Units,
    classes: Classes,
    names: tuple[str, ...],
    draws: int,
    seed: int,
    progress: Progress | None,
    cancel: threading.Event | None,
) -> tuple[dict[str, np.ndarray], Interval]:
    """Every measure of every draw, ``(draws,)``; a draw is a weighted sum over the units.

    With the interval of the standard deviation.
    """
    v, w = sample.values - sample.values.mean(), sample.weights
    rows, term = [], w
    for _ in range(5):
        rows.append(units.sums(term))
        term = term * v
    powers = np.stack(rows)
    spreads = np.stack([*powers[:3], powers[1] ** 2 / powers[0]])
    cells = units.index * classes.center.size + classes.index
    table = np.bincount(cells, w, minlength=units.count * classes.center.size)
    table = table.reshape(units.count, classes.center.size)
    parts: list[dict[str, np.ndarray]] = []
    sums = [np.empty((4, 0))]
    for counts in draw_counts(units, draws, seed, progress=progress, cancel=cancel):
        found = {
            **moment_measures(powers @ counts.T),
            **class_measures(counts @ table, classes, names),
        }
        found["mean"] = found["mean"] + sample.values.mean()
        with np.errstate(divide="ignore", invalid="ignore"):
            found["cv"] = found["std"] / found["mean"]
        parts.append(found)
        sums.append(spreads @ counts.T)
    spread = spread_interval(observed_variance, spreads, np.concatenate(sums, axis=1), units)
    drawn = {k: np.concatenate([p[k] for p in parts]) if parts else np.empty(0) for k in names}
    return drawn, spread


def _row(
    name: str,
    values: dict[str, float],
    drawn: dict[str, np.ndarray],
    known: dict[str, Interval],
    units: Units,
    sample: Sample,
    bins: int,
    limits: tuple[float, float],
) -> dict[str, object]:
    words, positive, dimensional = MEASURES[name]
    interval = known.get(name) or interval_of(values[name], drawn[name], units, positive=positive)
    low, high = interval.low, interval.high
    if name in ("mean", "median", "mode") and np.isfinite(low):
        # Of a two-phase map the median jumps from one phase to the other, and no further.
        low, high = max(low, float(drawn[name].min())), min(high, float(drawn[name].max()))
    return {
        "measure": name,
        "long_name": words,
        "value": values[name],
        "std": interval.std,
        "low": low,
        "high": high,
        "units": sample.kind.units if dimensional else "1",
        "note": _note(name, values, sample, bins, limits),
    }


def _note(
    name: str,
    values: dict[str, float],
    sample: Sample,
    bins: int,
    limits: tuple[float, float],
) -> str:
    if name.startswith("entropy"):
        return f"{bins} bins from {limits[0]:g} to {limits[1]:g}"
    if name in ("cv", "gini") and not sample.kind.has_zero:
        return f"refused: the zero of {sample.kind.name} is arbitrary"
    if name == "gini" and np.isnan(values["gini"]):
        return "refused: there are negative values"
    return "noise included" if MEASURES[name][1] else ""
