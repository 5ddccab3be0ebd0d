"""Everything a card calculates before it is put into words, each part once."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import pandas as pd

from socwidgets.heterogeneity.bootstrap import Progress, Units, resampling_units, stop_if
from socwidgets.heterogeneity.correlation import (
    correlation_length_px,
    effective_count,
    independent_noise,
)
from socwidgets.heterogeneity.nested import VarianceShares, variance_shares
from socwidgets.heterogeneity.nested_levels import NestedVariance, sample_levels
from socwidgets.heterogeneity.sample import Sample
from socwidgets.heterogeneity.space.moran import Autocorrelation, autocorrelation_of
from socwidgets.heterogeneity.space.radial import CoreShell, core_shell_of, particle_depth
from socwidgets.heterogeneity.space.structure import CorrelationLength, correlation_length_of
from socwidgets.heterogeneity.spread import NoiseCorrectedSpread, noise_corrected_spread
from socwidgets.heterogeneity.spread_intervals import BootstrapResult, bootstrap
from socwidgets.heterogeneity.spread_table import table_of
from socwidgets.model.errors import DataError

#: Resamples of a variogram are fits: fewer are made than of a mean.
LENGTH_DRAWS = 200
#: Enough to tell a p of 0.005; the card names the likeness of neighbors, its verdict does not.
PERMUTATIONS = 199


@dataclass(frozen=True, slots=True)
class Spreads:
    """Mean and spread of a sample, and what its intervals were made from."""

    corrected: NoiseCorrectedSpread
    made: BootstrapResult
    table: pd.DataFrame
    units: Units
    n_eff: float
    length_px: float


@dataclass(frozen=True, slots=True)
class Structure:
    """How a map is built: in space, and of particles (None where there are no labels)."""

    length: CorrelationLength
    likeness: Autocorrelation
    shares: VarianceShares | None
    levels: NestedVariance | None
    depths: tuple[np.ndarray, np.ndarray] | None
    shell: CoreShell | None


def spreads_of(
    sample: Sample,
    *,
    draws: int,
    seed: int,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> Spreads:
    """Mean and spread without the noise, with intervals from what is independent in the map.

    Raises
    ------
    CancelledError
        If `cancel` was set.
    """
    stop_if(cancel)
    # How far neighbors are alike decides how many pixels count, and that the bias of the spread.
    rough = noise_corrected_spread(sample.values, sample.noise_variance, sample.weights)
    length_px = correlation_length_px(sample, rough.true**2, cancel)
    stop_if(cancel)
    n_eff = effective_count(sample.size, length_px, len(sample.shape))
    corrected = noise_corrected_spread(
        sample.values, sample.noise_variance, sample.weights, independent_noise(sample)
    )
    units = resampling_units(sample, length_px)
    made = bootstrap(sample, length_px, draws=draws, seed=seed, cancel=cancel)
    table = table_of(
        sample, units, n_eff, names=("mean", "median", "iqr"), draws=draws, seed=seed,
        progress=progress, cancel=cancel,
    )  # fmt: skip
    return Spreads(corrected, made, table, units, n_eff, length_px)


def structure_of(
    sample: Sample,
    found: Spreads,
    resolution_um: float | None,
    *,
    draws: int,
    seed: int,
    cancel: threading.Event | None = None,
) -> Structure:
    """Lengths, likeness of neighbors, shares of the variance, and rim against core.

    Raises
    ------
    CancelledError
        If `cancel` was set.
    """
    stop_if(cancel)
    shares = None
    if sample.labels is not None:
        shares = variance_shares(
            sample.values, sample.labels, sample.weights, sample.noise_variance
        )
    length = correlation_length_of(
        sample, resolution_um=resolution_um, draws=min(draws, LENGTH_DRAWS), seed=seed,
        rough_px=found.length_px, cancel=cancel,
    )  # fmt: skip
    stop_if(cancel)
    likeness = autocorrelation_of(
        sample, found.units, draws=draws, permutations=PERMUTATIONS, seed=seed, cancel=cancel
    )
    stop_if(cancel)
    depths = _depths(sample)
    shell = None
    if depths:
        shell = core_shell_of(sample, seed=seed, depths=depths, ranks=False, cancel=cancel)
    stop_if(cancel)
    return Structure(length, likeness, shares, sample_levels(sample), depths, shell)


def _depths(sample: Sample) -> tuple[np.ndarray, np.ndarray] | None:
    if sample.labels is None:
        return None
    try:
        return particle_depth(sample)
    except DataError:
        # One particle that fills the image has no surface: the card goes without rim and core.
        return None
