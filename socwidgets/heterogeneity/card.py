"""The heterogeneity card: one map in numbers, each with its uncertainty and its assumptions."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.heterogeneity import card_checks, card_levels, card_sections
from socwidgets.heterogeneity.bootstrap import Progress, stop_if
from socwidgets.heterogeneity.card_model import HeterogeneityCard
from socwidgets.heterogeneity.card_numbers import Spreads, Structure, spreads_of, structure_of
from socwidgets.heterogeneity.card_parts import CardCheck, CardEntry, entries_of
from socwidgets.heterogeneity.card_words import card_warnings, verdict
from socwidgets.heterogeneity.fitting import fitting_labels, map_of
from socwidgets.heterogeneity.noise_floor import NoiseFloor, sample_floor
from socwidgets.heterogeneity.possible import possible_range
from socwidgets.heterogeneity.sample import Sample, compact, take_sample
from socwidgets.model.rim import read_verdict


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
    found = spreads_of(sample, draws=draws, seed=seed, progress=progress, cancel=cancel)
    built = structure_of(sample, found, resolution_um, draws=draws, seed=seed, cancel=cancel)
    stop_if(cancel)
    entries = list(_entries(sample, found, built, limits, draws, seed, cancel))
    stop_if(cancel)
    floor = noise or sample_floor(sample, built.length.fit)
    checks = _checks(maps, labels, variable, sample, floor, built.depths, projection, cancel)
    checks.insert(2, card_checks.resolution_check(built.length, resolution_um, sample.length_units))
    record = {
        "variable": variable,
        "noise_source": source,
        "bootstrap": {
            "unit": found.made.unit, "n_units": found.made.n_units, "draws": draws, "seed": seed,
        },
        "weights": _weight_words(weights),
        "resolution_um": resolution_um,
        "dose": dose if dose is not None else maps.attrs.get("dose"),
    }  # fmt: skip
    spread, shares = found.corrected, built.shares
    return HeterogeneityCard(
        tuple(card_sections.replaced(entries, entries_of(extras))),
        verdict(sample, spread, shares, built.shell),
        tuple(card_warnings(sample, spread, found.made, shares, projection, checks)),
        record,
        tuple(checks),
    )


def _entries(
    sample: Sample,
    found: Spreads,
    built: Structure,
    limits: tuple[float, float],
    draws: int,
    seed: int,
    cancel: threading.Event | None,
) -> Iterator[CardEntry]:
    """The card's numbers in their order, none with an interval beyond what it can be."""
    spread, shares = found.corrected, built.shares
    quiet, seen = possible_range(sample, limits), possible_range(sample, limits, guard=0.0)
    yield from card_sections.spread_entries(sample, spread, found.made, found.table, quiet, seen)
    yield from card_levels.share_entries(
        sample, shares, built.levels, found.units, quiet, draws, seed, cancel
    )
    yield from card_sections.space_entries(
        sample, built.length, built.likeness, built.shell, spread, quiet
    )
    yield from card_sections.window_entries(sample, limits)
    yield from card_sections.size_entries(sample, found.n_eff)


def _with_noise(sample: Sample, noise: NoiseFloor) -> Sample:
    """Noise variances scaled so that their mean is that of the most trusted source."""
    best = noise.best.sigma**2
    mean = float(np.average(sample.noise_variance, weights=sample.weights))
    if np.isfinite(mean) and mean > 0:
        return replace(sample, noise_variance=sample.noise_variance * (best / mean))
    return replace(sample, noise_variance=np.full(sample.size, best))


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


def _weight_words(weights: str | xr.DataArray | None) -> str:
    if isinstance(weights, str):
        return weights
    return "given" if weights is not None else "equal"
