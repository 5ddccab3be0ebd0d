"""Local over-charge and over-discharge, guarded against noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.special import ndtr

from socwidgets.heterogeneity.bootstrap import Interval, draw_counts, interval_of, resampling_units
from socwidgets.heterogeneity.card_parts import CardEntry
from socwidgets.heterogeneity.correlation import correlation_length_px
from socwidgets.heterogeneity.limits.shares import window_suits
from socwidgets.heterogeneity.sample import Sample, take_sample
from socwidgets.heterogeneity.spread import noise_corrected_spread
from socwidgets.model.errors import ParameterError
from socwidgets.model.kinds import Kind
from socwidgets.model.names import std_name
from socwidgets.model.status import usable


@dataclass(frozen=True, slots=True)
class Side:
    """What lies beyond one limit.

    Attributes
    ----------
    share : float
        Weighted share of the material beyond the limit by more than the guard. NaN where no noise
        is known: then nothing guards.
    interval : Interval
        Of the share, from resampling particles or blocks.
    by_chance : float
        Share that noise alone would put there if nothing were beyond the limit.
    mean_excess : float
        Mean distance from the limit of what is beyond the guard, in the map's unit; 0 if nothing
        is. At least the guard itself, which is what lets it be seen.
    unguarded : float
        Share beyond the bare limit.
    """

    share: float
    interval: Interval
    by_chance: float
    mean_excess: float
    unguarded: float

    @property
    def significant(self) -> bool:
        """Whether there is more than chance puts there."""
        low = self.interval.low if np.isfinite(self.interval.low) else self.share
        return bool(self.share > 0 and low > self.by_chance)


@dataclass(frozen=True, slots=True)
class Exceedance:
    """Local over- and under-shoot of one map.

    Attributes
    ----------
    over, under : Side
        Beyond the upper and the lower limit.
    limits : (float, float)
        In the map's unit.
    guard : float
        In standard uncertainties of a pixel.
    units : str
        Of the map.
    """

    over: Side
    under: Side
    limits: tuple[float, float]
    guard: float
    units: str

    def entries(self) -> list[CardEntry]:
        """Numbers for a card."""
        found = []
        for name, words, side in (
            ("f_over", "Share above the window", self.over),
            ("f_under", "Share below the window", self.under),
        ):
            i = side.interval
            note = (
                f"{self.limits[0]:g} to {self.limits[1]:g}, guarded by {self.guard:g} sigma; "
                f"{side.by_chance:.3g} expected by chance"
            )
            found.append(CardEntry(name, words, side.share, i.std, i.low, i.high, note=note))
        return found


def exceedance(
    maps: xr.Dataset,
    labels: xr.DataArray | None = None,
    *,
    variable: str = "soc",
    weights: str | xr.DataArray | None = "thickness",
    limits: tuple[float, float] = (0.0, 1.0),
    guard: float = 2.0,
    draws: int = 500,
    seed: int = 0,
) -> Exceedance:
    """Shares of the material that are charged or discharged beyond the window.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set with `variable`, its ``_std`` and ``status``.
    labels : xarray.DataArray, optional
        Particles.
    variable : str
        The map.
    weights : str, xarray.DataArray or None
        Thickness weights, see `take_sample`.
    limits : (float, float)
        Window of the quantity, rising: what the cell was meant to use. 0 to 1 suits compositions;
        other kinds need theirs.
    guard : float
        A pixel counts when it is beyond its limit by so many of its own standard uncertainties.
        Without a guard, half of a map that sits at its limit counts.
    draws, seed : int
        Of the bootstrap.

    Returns
    -------
    Exceedance

    Raises
    ------
    ParameterError
        If the limits do not rise, are left out for a map that is no composition, or the guard is
        negative.
    DataError, KindError
        As `take_sample`.
    """
    sample = take_sample(maps, variable, labels=labels, weights=weights)
    _check(limits, guard, sample.kind)
    rough = noise_corrected_spread(sample.values, sample.noise_variance, sample.weights)
    units = resampling_units(sample, correlation_length_px(sample, rough.true**2))
    counts = np.concatenate([*draw_counts(units, draws, seed), np.zeros((0, units.count))])
    mass = units.sums(sample.weights)

    def side(beyond: np.ndarray, margin: np.ndarray, sigma: np.ndarray) -> Side:
        bare = float(np.average(beyond > 0, weights=sample.weights))
        if not np.all(np.isfinite(margin)):
            nan = float("nan")
            return Side(nan, Interval(nan, nan, nan), nan, nan, bare)
        hit = beyond > margin
        share = float(np.average(hit, weights=sample.weights))
        drawn = (counts @ units.sums(sample.weights * hit)) / (counts @ mass)
        interval = interval_of(share, drawn, units)
        bounded = Interval(interval.std, max(interval.low, 0.0), min(interval.high, 1.0))
        excess = float(np.average(beyond[hit], weights=sample.weights[hit])) if hit.any() else 0.0
        # If nothing were beyond: every value back at its limit, then the noise again.
        chance = ndtr(-(margin - np.minimum(beyond, 0.0)) / np.maximum(sigma, 1e-12))
        return Side(share, bounded, float(np.average(chance, weights=sample.weights)), excess, bare)

    sigma = np.sqrt(sample.noise_variance)
    margin = guard * sigma
    return Exceedance(
        side(sample.values - limits[1], margin, sigma),
        side(limits[0] - sample.values, margin, sigma),
        (float(limits[0]), float(limits[1])),
        float(guard),
        sample.kind.units,
    )


def exceedance_map(
    maps: xr.Dataset,
    *,
    variable: str = "soc",
    limits: tuple[float, float] = (0.0, 1.0),
    guard: float = 2.0,
) -> xr.DataArray:
    """Where: 1 above the window, -1 below, 0 inside; NaN without a usable value or its noise.

    Parameters
    ----------
    maps, variable, limits, guard
        As for `exceedance`.

    Returns
    -------
    xarray.DataArray
        float32 of the map's shape.
    """
    sample: Sample = take_sample(maps, variable, weights=None)
    _check(limits, guard, sample.kind)
    margin = guard * np.sqrt(sample.noise_variance)
    code = np.where(sample.values > limits[1] + margin, 1.0, 0.0)
    code[sample.values < limits[0] - margin] = -1.0
    code[~np.isfinite(margin)] = np.nan
    field = maps[variable]
    keep = usable(maps).transpose(*field.dims).values & np.isfinite(field.values)
    if std_name(variable) not in maps:
        keep = np.zeros(field.shape, bool)
    result = np.full(field.shape, np.nan, np.float32)
    image = sample.image(code, fill=np.nan)
    result[...] = np.where(keep, image.reshape(field.shape), np.nan)
    attrs = {
        "long_name": "Beyond the window",
        "units": "1",
        "flag_values": [-1, 0, 1],
        "flag_meanings": "below inside above",
    }
    return field.copy(data=result).rename(f"{variable}_beyond").assign_attrs(attrs)


def _check(limits: tuple[float, float], guard: float, kind: Kind) -> None:
    if not window_suits(limits, kind):
        raise ParameterError(
            f"the window from 0 to 1 is none of a map of kind {kind.name!r}",
            expected=f"limits in {kind.units or 'the unit of the map'}",
            fix="pass limits=(lowest, highest) that the cell was meant to use",
        )
    if not (limits[0] < limits[1] and guard >= 0):
        raise ParameterError(
            "the window or its guard makes no sense",
            expected="rising limits and a guard of zero or more",
            found=f"{limits}, guard {guard}",
        )
