"""Active fraction, kappa, local rates and the four pathways on phantoms."""

import numpy as np
import pytest
from pathway_phantoms import observed

from socwidgets.heterogeneity.particles import particle_table
from socwidgets.heterogeneity.pathway.active import (
    active_fraction,
    clopper_pearson_interval,
    mixed_particles,
    wilson_interval,
)
from socwidgets.heterogeneity.pathway.classify import (
    PANELS,
    PathwayParameters,
    classify_pathway,
)
from socwidgets.heterogeneity.pathway.concurrency import concurrency
from socwidgets.heterogeneity.pathway.rates import (
    active_curve,
    local_current_density,
    particle_rate,
    tracked_rates,
)
from socwidgets.model.errors import DataError, KindError, ParameterError
from socwidgets.phantoms.pathways import PATHWAYS


def test_golden_g52():
    assert wilson_interval(9, 450) == pytest.approx((0.0106, 0.0376), abs=5e-5)
    assert clopper_pearson_interval(9, 450) == pytest.approx((0.0092, 0.0376), abs=5e-5)
    assert wilson_interval(0, 20)[0] == 0
    assert clopper_pearson_interval(20, 20)[1] == 1
    assert np.isnan(wilson_interval(0, 0)).all()


def test_intervals_of_a_share_by_their_definition(rng):
    """Clopper-Pearson by its definition: the tails of the binomial distribution."""
    from scipy.stats import binom

    low, high = clopper_pearson_interval(7, 31)
    assert binom.sf(6, 31, low) == pytest.approx(0.025)
    assert binom.cdf(7, 31, high) == pytest.approx(0.025)
    covered = [wilson_interval(k, 60) for k in rng.binomial(60, 0.1, 2000)]
    share = np.mean([low <= 0.1 <= high for low, high in covered])
    assert 0.9 < share < 0.98


def ensemble(rng, n, active, noise):
    """End members and a share of active particles, with noise on their means."""
    truth = np.where(
        rng.random(n) < active, rng.uniform(0.1, 0.9, n), (rng.random(n) < 0.5).astype(float)
    )
    return truth, truth + rng.normal(0, noise, n)


def test_active_fraction_without_the_noise(rng):
    truth, seen = ensemble(rng, 20_000, 0.1, 0.08)
    found = active_fraction(seen, 0.08)
    exact = np.mean((truth > 0.1) & (truth < 0.9))
    # Noise throws in a tenth of the end members.
    assert found.observed > exact + 0.08
    assert found.p_false == pytest.approx(0.105, abs=0.02)
    assert found.true == pytest.approx(exact, abs=0.012)
    known = active_fraction(seen, 0.08, standards=rng.normal(0, 0.08, 50_000))
    assert known.true == pytest.approx(exact, abs=0.012)


def test_active_fraction_says_what_it_cannot():
    assert np.isnan(active_fraction([0.5, 0.0]).true)
    assert active_fraction([0.5, 0.0]).observed == 0.5
    # Noise as large as the window: nothing can be told.
    assert np.isnan(active_fraction([0.5, 0.0], 3.0).true)
    assert np.isnan(active_fraction([]).observed)
    with pytest.raises(DataError, match="negative"):
        active_fraction([0.5], -0.1)
    with pytest.raises(DataError, match="do not fit"):
        active_fraction([0.5, 0.1, 0.2], [0.1, 0.1])
    with pytest.raises(ParameterError, match="window"):
        active_fraction([0.5], window=(0.9, 0.1))
    with pytest.raises(ParameterError, match="counts"):
        wilson_interval(5, 4)


def test_mixed_pixels_find_the_active_particles(rng):
    labels = np.repeat(np.arange(1, 5), 300)
    truth = np.zeros(1200)
    truth[300:600] = 1
    truth[600:660] = 1  # a fifth of the third
    truth[900:] = 0.5
    found = mixed_particles(truth + rng.normal(0, 0.1, 1200), labels, 0.1)
    np.testing.assert_array_equal(found, [False, False, True, True])


def test_golden_g50():
    ends = np.repeat([0.0, 1.0], [221, 220])
    sequential = np.concatenate([ends, np.linspace(0.1, 0.9, 9)])
    found = concurrency(sequential)
    assert found.kappa == pytest.approx(0.98, abs=0.01)
    assert active_fraction(sequential, window=(0.05, 0.95)).observed == pytest.approx(0.02)
    rng = np.random.default_rng(0)
    even = rng.normal(0.5, 0.06, 200_000)
    assert concurrency(even, draws=0).kappa == pytest.approx(0.0144, abs=0.0005)
    assert active_fraction(even).observed == pytest.approx(1, abs=1e-3)


def test_kappa_without_the_noise(rng):
    truth = rng.normal(0.5, 0.06, 3000)
    found = concurrency(truth + rng.normal(0, 0.1, 3000), 0.1)
    assert found.observed > 0.05
    assert found.kappa == pytest.approx(truth.var() / 0.25, abs=(found.high - found.low))
    assert found.low < truth.var() / 0.25 < found.high
    scaled = concurrency(3.0 + 2 * truth, ends=(3, 5), draws=0)
    assert scaled.kappa == pytest.approx(concurrency(truth, draws=0).kappa)


def test_kappa_needs_a_mean_between_and_particles():
    assert np.isnan(concurrency([0.01, 0.05, 0.1]).kappa)
    assert np.isnan(concurrency([0.5]).kappa)
    assert np.isnan(concurrency([np.nan]).kappa)
    assert np.isnan(concurrency([0.4, 0.6]).low)
    with pytest.raises(DataError, match="negative"):
        concurrency([0.2, 0.5, 0.8], [0.1, -0.1, 0.1])
    with pytest.raises(DataError, match="negative"):
        mixed_particles([0.1, 0.2], [1, 1], -0.1)
    with pytest.raises(DataError, match="weights"):
        concurrency([0.4, 0.6], weights=[0, 0])


def test_golden_g53():
    for active, factor in ((0.02, 50), (0.1, 10), (0.5, 2)):
        assert particle_rate(1.0, active) == pytest.approx(factor)
    # 1C through a platelet of 100 nm: F c_max (t/2)/3600 s.
    expected = 96485.33 * 22806 * 50e-9 / 3600
    assert local_current_density(1.0, 0.1, shape="platelet") == pytest.approx(expected)
    assert local_current_density(1.0, 0.15) == pytest.approx(expected)
    np.testing.assert_allclose(local_current_density([1, 2], 0.15), [expected, 2 * expected])
    with pytest.raises(ParameterError, match="active fraction above 0"):
        particle_rate(1.0, 0.0)
    with pytest.raises(ParameterError, match="sphere or platelet"):
        local_current_density(1.0, 0.1, shape="rod")


def test_rates_of_tracked_particles(rng):
    time = np.array([0.0, 0.5, 1.5])
    rate = rng.normal(0.4, 0.1, 500)
    means = 0.1 + rate * time[:, None]
    noisy = means + rng.normal(0, 0.05, means.shape)
    found = tracked_rates(noisy, time, np.full(means.shape, 0.05))
    assert found["rate"].mean("particle").values == pytest.approx([0.4, 0.4], abs=0.02)
    assert found["rate_std"].isel(particle=0).values == pytest.approx(
        0.05 * np.sqrt(2) / np.diff(time)
    )
    assert found["spread_true"].isel(step=1) == pytest.approx(0.1, abs=0.01)
    with pytest.raises(DataError, match="rising times"):
        tracked_rates(means, time[::-1])
    with pytest.raises(DataError, match="do not fit"):
        tracked_rates(means, time[:2])


def test_curve_of_active_fraction_against_rate(rng):
    rates = np.array([0.1, 0.2, 0.5, 1, 2, 5, 10])
    inside = 0
    for _ in range(60):
        n = np.full(rates.size, 150)
        fit = active_curve(rates, rng.binomial(n, rates / (rates + 1.5)), n)
        inside += fit.low < 1.5 < fit.high
        assert fit.deviance < 25
    assert inside >= 53
    assert fit.fraction(fit.c_half) == pytest.approx(0.5)
    with pytest.raises(DataError, match="nothing bounds"):
        active_curve([1, 2], [0, 0], [5, 5])
    with pytest.raises(DataError, match="between zero and their total"):
        active_curve([1, 2], [6, 0], [5, 5])


@pytest.mark.parametrize("pathway", PATHWAYS)
def test_the_four_pathways_are_told_apart(pathway):
    for seed in range(8):
        maps, labels, _ = observed(pathway, seed)
        found = classify_pathway(maps, labels, draws=20)
        assert found.pathway == pathway, found.reason
        assert found.panel == "abcd"[PATHWAYS.index(pathway)]
    truth = particle_table(maps, labels)["mean"]
    assert found.concurrency.mean == pytest.approx(truth.mean())
    names = [entry.name for entry in found.entries()]
    assert names == ["active_fraction", "kappa", "intermediate_fraction", "uniformity"]


def test_projected_numbers_are_those_planted():
    maps, labels, _ = observed("concurrent_solid_solution", 3, sigma_within=0.08)
    found = classify_pathway(maps, labels, draws=50)
    means = particle_table(maps, labels)["mean"].to_numpy()
    planted = 0.06**2 / 0.25
    error = planted * np.sqrt(2 / means.size)
    assert found.concurrency.kappa == pytest.approx(planted, abs=3 * error)
    assert found.active.true_low < 1 <= found.active.true_high


def test_below_hsn_two_nothing_is_called(rng):
    maps, labels, _ = observed("concurrent_two_phase", 1, noise=0.3)
    found = classify_pathway(maps, labels, draws=0)
    assert found.pathway == "undetermined"
    assert "noise is too large" in found.reason
    assert found.panel == ""
    brave = classify_pathway(maps, labels, draws=0, params=PathwayParameters(min_hsn=0.5))
    assert brave.pathway == "concurrent_two_phase"


def test_other_reasons_to_say_nothing():
    maps, labels, _ = observed("sequential_two_phase", 2)
    few = labels.where(labels <= 5, 0)
    assert "fewer than 10 particles" in classify_pathway(maps, few, draws=0).reason
    early, early_labels, _ = observed("sequential_two_phase", 2, time=0.03)
    assert "too near to an end" in classify_pathway(early, early_labels, draws=0).reason
    picky = PathwayParameters(min_active=90)
    assert "90 active" in classify_pathway(maps, labels, draws=0, params=picky).reason
    half = PathwayParameters(sequential_kappa=1.0, concurrent_kappa=0.3)
    assert "neither one" in classify_pathway(maps, labels, draws=0, params=half).reason
    wide = PathwayParameters(two_phase_below=0.0, solid_solution_above=1.0)
    assert "clearly" in classify_pathway(maps, labels, draws=0, params=wide).reason
    assert set(PANELS.values()) == set("abcd")
    with pytest.raises(DataError, match="not known"):
        classify_pathway(maps.drop_vars("soc_std"), labels)
    with pytest.raises(KindError, match="a pathway"):
        classify_pathway(maps.assign(soc=maps.soc.assign_attrs(kind="energy")), labels)
