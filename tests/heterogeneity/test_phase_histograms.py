"""Histograms of one particle: bimodality, mixtures, intermediate fraction, uniformity."""

import numpy as np
import pytest

from socwidgets.heterogeneity.phases.bimodality import ashman_d, dip_test, sarle_coefficient
from socwidgets.heterogeneity.phases.mixtures import effective_number, gaussian_mixtures
from socwidgets.heterogeneity.phases.plateau import phase_shares, shares_by_group
from socwidgets.heterogeneity.phases.uniformity import uniformity_coefficient
from socwidgets.model.errors import DataError, ParameterError


def test_golden_g54():
    two = np.repeat([0.0, 1.0], 50)
    assert sarle_coefficient(two) == pytest.approx(1.0)
    assert sarle_coefficient(two, finite_sample=True) == pytest.approx(0.9507, abs=5e-5)


def test_sarle_of_known_distributions(rng):
    assert sarle_coefficient(rng.normal(size=200_000)) == pytest.approx(1 / 3, abs=0.005)
    assert sarle_coefficient(rng.random(200_000)) == pytest.approx(5 / 9, abs=0.005)
    copies = sarle_coefficient([0, 0, 0, 1, 0.4], np.ones(5))
    assert sarle_coefficient([0, 1, 0.4, np.nan, 0], [2, 1, 1, 1, 1]) == pytest.approx(copies)
    assert np.isnan(sarle_coefficient(np.full(10, 0.3)))
    assert np.isnan(sarle_coefficient([np.nan] * 8))


def test_golden_g55():
    assert ashman_d(0.2, 0.1, 0.8, 0.1) == pytest.approx(6.0)
    assert ashman_d(0.2, 0.0, 0.8, 0.0) == np.inf


def test_dip_finds_two_peaks_and_keeps_its_level(rng):
    two = np.concatenate([rng.normal(0, 0.1, 100), rng.normal(1, 0.1, 100)])
    assert dip_test(two).p_value < 0.002
    # Uniform samples are the null itself: p is uniform, 0.05 is passed in 5 %.
    p = np.array([dip_test(rng.random(80)).p_value for _ in range(300)])
    assert np.mean(p < 0.05) == pytest.approx(0.05, abs=0.04)
    assert p.mean() == pytest.approx(0.5, abs=0.06)
    # The same picture with eight times fewer independent values proves less.
    assert dip_test(two, n_eff=10).p_value > dip_test(two, n_eff=40).p_value


@pytest.mark.parametrize(("planted", "expected"), [((0.5,), 1), ((0.1, 0.9), 2), ((0, 0.5, 1), 3)])
def test_mixtures_choose_the_planted_number(rng, planted, expected):
    noise = 0.06
    values = np.concatenate([rng.normal(m, noise, 400) for m in planted])
    choice = gaussian_mixtures(values, noise, n_eff=200)
    assert choice.best.k == expected
    np.testing.assert_allclose(choice.best.means, planted, atol=4 * noise / 20)
    if expected == 2:
        assert choice.separation == pytest.approx(0.8 / noise, rel=0.1)


def test_nothing_is_narrower_than_the_noise(rng):
    values = rng.normal(0.5, 0.02, 300)
    assert gaussian_mixtures(values, 0.1).fits[0].stds[0] == pytest.approx(0.1)
    assert gaussian_mixtures(values, 0.1).best.k == 1
    assert gaussian_mixtures(values[:5], 0.1).best is None


def test_effective_number():
    assert effective_number(1000, 0) == 1000
    assert effective_number(1000, 2) == pytest.approx(1000 / (8 * np.pi))
    assert effective_number(10, 9) == 1


@pytest.mark.parametrize("noise", [0.05, 0.12])
def test_intermediate_fraction_without_the_noise(rng, noise):
    n = 6000
    truth = np.concatenate([np.zeros(3000), np.ones(1800), rng.random(1200)])
    sigma = noise * rng.uniform(0.5, 1.5, n)
    found = phase_shares(truth + sigma * rng.normal(size=n), sigma, draws=0)
    # Standard error of a share of 0.2 among 6000, three times for the overlap with the ends.
    assert found.intermediate == pytest.approx(0.2, abs=9 * np.sqrt(0.16 / n))
    assert found.poor == pytest.approx(0.5, abs=9 * np.sqrt(0.25 / n))
    # The naive count misses what lies near the ends and adds what the noise throws in.
    assert abs(found.naive - 0.2) > abs(found.intermediate - 0.2)
    assert found.poor + found.rich + found.intermediate == pytest.approx(1)


def test_pure_end_members_have_no_intermediates(rng):
    values = np.repeat([0.0, 1.0], 2000) + rng.normal(0, 0.1, 4000)
    found = phase_shares(values, 0.1, draws=0)
    assert found.naive > 0.15
    assert found.intermediate < 0.02


def test_shares_by_group_are_those_of_each_particle(rng):
    group = np.repeat([0, 1, 2], 500)
    values = np.where(group == 0, rng.random(1500), group - 1) + rng.normal(0, 0.08, 1500)
    weights = rng.uniform(0.5, 1.5, 1500)
    table = shares_by_group(values, np.full(1500, 0.08), weights, group)
    for g in range(3):
        own = group == g
        one = phase_shares(values[own], 0.08, weights[own], draws=0)
        assert table[g] == pytest.approx([one.poor, one.rich, one.intermediate], abs=2e-3)


def test_golden_g51():
    assert uniformity_coefficient([0, 0, 1, 1], 0.0).value == pytest.approx(0)
    assert uniformity_coefficient(np.full(9, 0.5), 0.0).value == pytest.approx(1)
    found = uniformity_coefficient([0.1, 0.2, 0.2, 0.4, 0.6, 0.9], 0.0)
    assert found.value == pytest.approx(0.43480, abs=1e-5)
    # Other end members, the same picture.
    scaled = uniformity_coefficient(
        8350 + 2 * np.array([0.1, 0.2, 0.2, 0.4, 0.6, 0.9]), 0.0, ends=(8350, 8352)
    )
    assert scaled.value == pytest.approx(0.43480, abs=1e-5)


def test_uniformity_without_the_noise(rng):
    truth = np.clip(rng.normal(0.4, 0.12, 800), 0, 1)
    exact = uniformity_coefficient(truth, 0.0).value
    found = uniformity_coefficient(truth + rng.normal(0, 0.1, 800), 0.01)
    assert found.value == pytest.approx(exact, abs=0.05)
    assert found.observed < found.value
    assert found.low < exact < found.high


def test_uniformity_is_undefined_near_the_ends_and_without_noise():
    assert np.isnan(uniformity_coefficient([0.01, 0.02, 0.03], 0.0).value)
    assert np.isnan(uniformity_coefficient([0.5], 0.0).value)
    unknown = uniformity_coefficient([0.2, 0.5, 0.6])
    assert np.isnan(unknown.value)
    assert np.isfinite(unknown.observed)


def test_bad_input():
    with pytest.raises(DataError, match="variance is negative"):
        uniformity_coefficient([0.2, 0.5], -0.1)
    with pytest.raises(DataError, match="all weights are zero"):
        uniformity_coefficient([0.2, 0.5], 0.0, [0, 0])
    with pytest.raises(DataError, match="all weights are zero"):
        phase_shares([0.2, 0.5], 0.1, [0, 0])
    with pytest.raises(DataError, match="negative"):
        phase_shares([0.2, 0.5], -0.1)
    with pytest.raises(DataError, match="do not fit"):
        phase_shares([0.2, 0.5], 0.1, [1, 1, 1])
    with pytest.raises(ParameterError, match="span a range"):
        phase_shares([0.2, 0.5], 0.1, ends=(1, 1))
    with pytest.raises(ParameterError, match="window"):
        phase_shares([0.2, 0.5], 0.1, window=(0.9, 0.1))
    with pytest.raises(ParameterError, match="not known"):
        uniformity_coefficient([0.2, 0.5], 0.0, kind="other")
    with pytest.raises(ParameterError, match="one to three"):
        gaussian_mixtures([0.1] * 20, 0.1, largest=4)
    with pytest.raises(ParameterError, match="dip test"):
        dip_test([1, 2, 3, 4], draws=0)
    assert np.isnan(phase_shares([np.nan], 0.1).intermediate)
    assert np.isnan(dip_test([1.0]).p_value)
