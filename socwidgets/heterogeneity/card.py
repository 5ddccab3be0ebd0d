"""The heterogeneity card: one map in numbers, each with its uncertainty and its assumptions."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.heterogeneity import card_checks, card_levels, card_sections
from socwidgets.heterogeneity.bootstrap import Progress, resampling_units, stop_if
from socwidgets.heterogeneity.card_model import HeterogeneityCard
from socwidgets.heterogeneity.card_parts import CardCheck, entries_of
from socwidgets.heterogeneity.card_words import card_warnings, verdict
from socwidgets.heterogeneity.correlation import (
    correlation_length_px,
    effective_count,
    independent_noise,
)
from socwidgets.heterogeneity.fitting import fitting_labels, map_of
from socwidgets.heterogeneity.nested import variance_shares
from socwidgets.heterogeneity.nested_levels import sample_levels
from socwidgets.heterogeneity.noise_floor import NoiseFloor, sample_floor
from socwidgets.heterogeneity.possible import possible_range
from socwidgets.heterogeneity.sample import Sample, compact, take_sample
from socwidgets.heterogeneity.space.moran import autocorrelation_of
from socwidgets.heterogeneity.space.radial import core_shell_of, particle_depth
from socwidgets.heterogeneity.space.structure import correlation_length_of
from socwidgets.heterogeneity.spread import noise_corrected_spread
from socwidgets.heterogeneity.spread_intervals import bootstrap
from socwidgets.heterogeneity.spread_table import table_of
from socwidgets.model.errors import DataError
from socwidgets.model.rim import read_verdict

#: Resamples of a variogram are fits: fewer are made than of a mean.
LENGTH_DRAWS = 200


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
    noise: NoiseFloor | None = None,
    extras: Iterable[Any] = (),
    resolution_um: float | None = None,
    dose: str | None = None,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> HeterogeneityCard:
    """Summarize how heterogeneous a map is, noise taken out.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set with `variable`, its ``_std`` and ``status``, ``(y, x)`` or ``(z, y, x)``.
    labels : xarray.DataArray, optional
        Particles, of the map's shape; with them the card splits the variance, compares rim and
        core, and resamples particles.
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
        Of the bootstrap; 0 draws leave the intervals empty.
    noise : NoiseFloor, optional
        Noise from `noise_floor`; its best source replaces the propagated sigma.
    extras : iterable
        Further results for the card: entries, or results with ``entries()`` (pathway, mass
        balance, null test, change). One with the name of the card's own takes its place.
    resolution_um : float, optional
        Resolution of the instrument (full width at half maximum), for the check of the length.
    dose : str, optional
        Dose with its unit, printed on the card; ``attrs["dose"]`` if left out.
    progress : callable, optional
        ``progress(done, total)`` in draws of the bootstrap.
    cancel : threading.Event, optional
        Ends the bootstrap, or whatever comes after the step that runs.

    Returns
    -------
    HeterogeneityCard
        NaN (and "not available") where a number cannot be given.

    Raises
    ------
    DataError, KindError
        If there is nothing to describe, or shapes or the kind do not fit.
    CancelledError
        If `cancel` was set.
    """
    sample = take_sample(maps, variable, labels=labels, weights=weights)
    source = str(maps.attrs.get("sigma_source", "not stated"))
    if noise is not None:
        sample, source = _with_noise(sample, noise), f"{noise.best.source} ({noise.best.note})"
    rough = noise_corrected_spread(sample.values, sample.noise_variance, sample.weights)
    stop_if(cancel)
    length_px = correlation_length_px(sample, rough.true**2, cancel)
    stop_if(cancel)
    n_eff = effective_count(sample.size, length_px, len(sample.shape))
    spread = noise_corrected_spread(
        sample.values, sample.noise_variance, sample.weights, independent_noise(sample)
    )
    units = resampling_units(sample, length_px)
    made = bootstrap(sample, length_px, draws=draws, seed=seed, cancel=cancel)
    table = table_of(
        sample, units, n_eff, names=("mean", "median", "iqr"), draws=draws, seed=seed,
        progress=progress, cancel=cancel,
    )  # fmt: skip
    stop_if(cancel)
    shares = None
    if sample.labels is not None:
        shares = variance_shares(
            sample.values, sample.labels, sample.weights, sample.noise_variance
        )
    length = correlation_length_of(
        sample, resolution_um=resolution_um, draws=min(draws, LENGTH_DRAWS), seed=seed,
        rough_px=length_px, cancel=cancel,
    )  # fmt: skip
    stop_if(cancel)
    likeness = autocorrelation_of(
        sample, units, draws=draws, permutations=199, seed=seed, cancel=cancel
    )
    stop_if(cancel)
    depths = _depths(sample)
    shell = None
    if depths:
        shell = core_shell_of(sample, seed=seed, depths=depths, ranks=False, cancel=cancel)
    stop_if(cancel)
    quiet, seen = possible_range(sample, limits), possible_range(sample, limits, guard=0.0)
    levels = sample_levels(sample)
    stop_if(cancel)
    entries = [
        *card_sections.spread_entries(sample, spread, made, table, quiet, seen),
        *card_levels.share_entries(sample, shares, levels, units, quiet, draws, seed, cancel),
        *card_sections.space_entries(sample, length, likeness, shell, spread, quiet),
        *card_sections.window_entries(sample, limits),
        *card_sections.size_entries(sample, n_eff),
    ]
    stop_if(cancel)
    floor = noise or sample_floor(sample, length.fit)
    checks = _checks(maps, labels, variable, sample, floor, depths, projection, cancel)
    checks.insert(2, card_checks.resolution_check(length, resolution_um))
    record = {
        "variable": variable,
        "noise_source": source,
        "bootstrap": {"unit": made.unit, "n_units": made.n_units, "draws": draws, "seed": seed},
        "weights": _weight_words(maps, weights),
        "resolution_um": resolution_um,
        "dose": dose if dose is not None else maps.attrs.get("dose"),
    }
    return HeterogeneityCard(
        tuple(card_sections.replaced(entries, entries_of(extras))),
        verdict(sample, spread, shares, shell),
        tuple(card_warnings(sample, spread, made, shares, projection, checks)),
        record,
        tuple(checks),
    )


def _with_noise(sample: Sample, noise: NoiseFloor) -> Sample:
    """Noise variances scaled so that their mean is that of the most trusted source."""
    best = noise.best.sigma**2
    mean = float(np.average(sample.noise_variance, weights=sample.weights))
    if np.isfinite(mean) and mean > 0:
        return replace(sample, noise_variance=sample.noise_variance * (best / mean))
    return replace(sample, noise_variance=np.full(sample.size, best))


def _depths(sample: Sample) -> tuple[np.ndarray, np.ndarray] | None:
    if sample.labels is None:
        return None
    try:
        return particle_depth(sample)
    except DataError:
        # One particle that fills the image has no surface: the card goes without rim and core.
        return None


def _checks(
    maps: xr.Dataset,
    labels: xr.DataArray | None,
    variable: str,
    sample: Sample,
    noise: NoiseFloor,
    depths: tuple[np.ndarray, np.ndarray] | None,
    projection: bool,
    cancel: threading.Event | None,
) -> list[CardCheck]:
    field = map_of(maps, variable)
    image = None if labels is None else fitting_labels(labels, field)
    n_particles = None if sample.labels is None else int(compact(sample.labels).max()) + 1
    return [
        card_checks.projection_check(sample, projection),
        card_checks.rim_check(
            sample, None if depths is None else depths[0], read_verdict(maps.attrs), cancel
        ),
        card_checks.particles_check(n_particles),
        card_checks.noise_check(noise),
        *card_checks.pixel_checks(maps, variable, image),
        *card_checks.scale_check(field),
    ]


def _weight_words(maps: xr.Dataset, weights: str | xr.DataArray | None) -> str:
    if isinstance(weights, str):
        return weights
    return "given" if weights is not None else "equal"
