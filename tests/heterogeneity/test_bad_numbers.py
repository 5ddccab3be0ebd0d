"""Bad numbers, tried on every function of arrays: a clear error or NaN, never a wrong number."""

import dataclasses

import numpy as np
import pytest
import xarray as xr

from socwidgets.heterogeneity.change.distances import (
    histograms,
    jensen_shannon,
    kolmogorov_smirnov,
    wasserstein,
)
from socwidgets.heterogeneity.change.permutation import permutation_test
from socwidgets.heterogeneity.change.recovery import recovery, width_ratio
from socwidgets.heterogeneity.change.residual import residual_fraction
from socwidgets.heterogeneity.change.ridge import histogram_ridge
from socwidgets.heterogeneity.limits.shares import outside_limits
from socwidgets.heterogeneity.nested import variance_shares
from socwidgets.heterogeneity.pathway.active import active_fraction, mixed_particles
from socwidgets.heterogeneity.pathway.concurrency import concurrency
from socwidgets.heterogeneity.pathway.rates import active_curve, tracked_rates
from socwidgets.heterogeneity.phases.boundary import boundary_width
from socwidgets.heterogeneity.phases.classes import class_fractions, reaction_channel
from socwidgets.heterogeneity.phases.domains import find_domains
from socwidgets.heterogeneity.phases.front import front_geometry
from socwidgets.heterogeneity.phases.mixtures import gaussian_mixtures
from socwidgets.heterogeneity.phases.plateau import phase_shares
from socwidgets.heterogeneity.phases.speed import front_speed
from socwidgets.heterogeneity.phases.uniformity import uniformity_coefficient
from socwidgets.heterogeneity.space.depth_models import fit_depth_profile
from socwidgets.heterogeneity.space.paths import detour_factor, geodesic_distance
from socwidgets.heterogeneity.spread import (
    describe,
    gini,
    noise_corrected_spread,
    weighted_quantile,
)
from socwidgets.model.errors import ParameterError, SocwidgetsError

V, S, W = np.linspace(0.2, 0.8, 60), np.full(60, 0.05), np.ones(60)
U = np.repeat(np.arange(6), 10)
F, INSIDE = np.linspace(0, 1, 400).reshape(20, 20), np.ones((20, 20), bool)
SIZE = (0.1, 0.1)
THREE = np.stack([F] * 3)
PATH = xr.DataArray(INSIDE, dims=("y", "x"))
BAD_NUMBERS = {
    "negative variance": [
        lambda: noise_corrected_spread(V, -S),
        lambda: outside_limits(V, -S, W, (0, 1)),
        lambda: variance_shares(V, U, W, -S),
        lambda: uniformity_coefficient(V, -S),
        lambda: concurrency(V, -S),
        lambda: active_fraction(V, -S),
        lambda: mixed_particles(V, U, -S),
        lambda: phase_shares(V, -S),
        lambda: gaussian_mixtures(V, -0.1),
        lambda: front_geometry(F, INSIDE, noise_std=-0.1),
        lambda: front_geometry(F, INSIDE, noise_std=np.nan),
        lambda: class_fractions(F[None], (0.3, 0.7), -0.1),
        lambda: tracked_rates(np.ones((2, 3)), [0, 1], -np.ones((2, 3))),
        lambda: width_ratio(V, V, -S, S),
        lambda: histogram_ridge([V, V], noise_std=-0.1),
        lambda: fit_depth_profile(np.arange(5.0), np.ones(5), -np.ones(5)),
    ],
    "weights that are zero or negative": [
        call
        for w in (0 * W, -W)
        for call in (
            lambda w=w: noise_corrected_spread(V, S, w),
            lambda w=w: describe(V, w),
            lambda w=w: gini(V, w),
            lambda w=w: weighted_quantile(V, 0.5, w),
            lambda w=w: outside_limits(V, S, w, (0, 1)),
            lambda w=w: variance_shares(V, U, w),
            lambda w=w: uniformity_coefficient(V, S, w),
            lambda w=w: concurrency(V, S, w),
            lambda w=w: mixed_particles(V, U, S, weights=w),
            lambda w=w: phase_shares(V, S, w),
            lambda w=w: gaussian_mixtures(V, 0.1, w),
            lambda w=w: wasserstein(V, V, w, W),
            lambda w=w: kolmogorov_smirnov(V, V, w, W),
            lambda w=w: recovery(V, V, after_weights=w),
            lambda w=w: residual_fraction(V, V, w),
            lambda w=w: find_domains(F, INSIDE, w[0] * F),
            lambda w=w: permutation_test((V, w, U), (V, W, U), paired=True),
        )
    ],
    "sizes that do not fit": [
        lambda: noise_corrected_spread(V, S[:3]),
        lambda: describe(V, W[:3]),
        lambda: gini(V, W[:3]),
        lambda: variance_shares(V, U[:3]),
        lambda: front_geometry(F, INSIDE, cut=INSIDE[:3]),
        lambda: front_speed(THREE, INSIDE[:3], [0, 1, 2], SIZE),
        lambda: permutation_test((V, W, U[:3]), (V, W, U), paired=True),
        lambda: find_domains(F, INSIDE, pixel_um=(1.0,)),
        lambda: jensen_shannon([0.5, 0.5], [1.0]),
    ],
    "numbers without sense": [
        lambda: noise_corrected_spread(V, S, n_eff=0.0),
        lambda: gaussian_mixtures(V, 0.1, n_eff=-3),
        lambda: describe(V, bins=1),
        lambda: weighted_quantile(V, 2.0),
        lambda: histograms(V, V, limits=(1, 0)),
        lambda: outside_limits(V, S, W, (1, 0)),
        lambda: find_domains(F, INSIDE, threshold=np.nan),
        lambda: boundary_width(F, INSIDE, SIZE, resolution_um=np.nan),
        lambda: reaction_channel(THREE, np.nan, SIZE),
        lambda: reaction_channel(THREE, 0.5, (0, 1)),
        lambda: front_speed(THREE, INSIDE, [0, 1, 2], (0, 1)),
        lambda: active_curve([0.1, np.nan], [1, 5], [10, 10]),
        lambda: tracked_rates(np.ones((3, 2)), [0, 1, np.nan]),
        lambda: geodesic_distance(PATH, (300, 3)),
        lambda: geodesic_distance(PATH, (np.nan, 3)),
        lambda: detour_factor(PATH, (3, 3), (30, 3)),
        lambda: geodesic_distance(INSIDE, (3, 3)),
        lambda: permutation_test((V * np.nan, W, U), (V, W, U), paired=True),
    ],
}


@pytest.mark.parametrize("what", BAD_NUMBERS)
def test_bad_numbers_are_refused(what):
    for call in BAD_NUMBERS[what]:
        with pytest.raises(SocwidgetsError):
            call()


def test_nothing_gives_nan():
    nothing = np.array([])
    for found in (
        *dataclasses.astuple(noise_corrected_spread(nothing, nothing)),
        *describe(nothing).values(),
        *describe(V * np.nan).values(),
        gini(nothing),
        *outside_limits(nothing, nothing, nothing, (0, 1)),
        weighted_quantile(nothing, 0.5),
        concurrency(nothing).kappa,
        uniformity_coefficient(V, np.inf).value,
        permutation_test((V, W, U), (V, W, U), paired=True, draws=0).p_total,
        reaction_channel(np.full((1, 4, 4), np.nan), 0.5, SIZE).area_um2.item(),
        tracked_rates(np.full((2, 3), np.nan), [0, 1]).spread_true.item(),
    ):
        assert np.isnan(found)
    with pytest.raises(ParameterError, match="probability"):
        weighted_quantile(V, [0.5, 1.5])
