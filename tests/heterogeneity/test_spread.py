"""Spread measures against the golden numbers of the specification."""

import numpy as np
import pytest

from socwidgets.heterogeneity.limits.shares import outside_limits
from socwidgets.heterogeneity.nested import variance_shares
from socwidgets.heterogeneity.spread import (
    coefficient_of_variation,
    describe,
    gini,
    noise_corrected_spread,
    weighted_quantile,
)
from socwidgets.model.errors import KindError
from socwidgets.model.kinds import KINDS

G57 = np.array([0.1, 0.2, 0.2, 0.4, 0.6, 0.9])


def test_golden_g57():
    numbers = describe(G57, bins=10)
    assert numbers["mean"] == pytest.approx(0.4)
    assert numbers["std"] == pytest.approx(0.276887, abs=1e-6)
    assert numbers["iqr"] == pytest.approx(0.35)
    assert numbers["mad"] == pytest.approx(0.15)
    assert numbers["entropy"] == pytest.approx(1.56071, abs=1e-5)
    assert numbers["entropy_normalized"] == pytest.approx(0.677808, abs=1e-6)
    assert gini(G57) == pytest.approx(0.375)
    assert coefficient_of_variation(G57, KINDS["soc"]) == pytest.approx(0.692219, abs=1e-6)


def test_variation_of_an_energy_is_refused():
    with pytest.raises(KindError, match="physical zero"):
        coefficient_of_variation(G57 + 8350, KINDS["energy"])


def test_golden_g01_population_std_is_bounded():
    assert describe(np.array([0.0, 1.0]))["std"] == 0.5
    assert describe(np.repeat([0.0, 1.0], 5))["std"] == 0.5


def test_golden_g58():
    values = np.array([-0.05, 0.05])
    spread = noise_corrected_spread(values, np.full(2, 0.03**2))
    assert spread.observed == pytest.approx(0.05)
    assert spread.true == pytest.approx(0.04)


def test_weights_count_like_copies(rng):
    values, copies = rng.normal(size=40), rng.integers(1, 5, 40)
    weighted, plain = describe(values, copies.astype(float)), describe(np.repeat(values, copies))
    for name in ("mean", "std", "skewness", "excess_kurtosis", "entropy"):
        assert weighted[name] == pytest.approx(plain[name])


def test_quantiles_equal_numpy(rng):
    values = rng.normal(size=101)
    q = np.linspace(0, 1, 11)
    np.testing.assert_allclose(weighted_quantile(values, q), np.quantile(values, q))


@pytest.mark.parametrize("true", [0.0, 0.1])
def test_detection_limit_holds_its_promise(rng, true):
    """Pure noise exceeds the limit in about 5 % of the cases, a strong spread nearly always."""
    n, noise, hits = 400, 0.05, 0
    for _ in range(400):
        values = rng.normal(0, np.hypot(true, noise), n)
        hits += not noise_corrected_spread(values, np.full(n, noise**2)).below_detection
    share = hits / 400
    assert (0.02 < share < 0.10) if true == 0 else share > 0.99


def test_unknown_noise_gives_no_true_spread():
    spread = noise_corrected_spread(G57, np.full(6, np.nan))
    assert np.isnan(spread.true)
    assert spread.below_detection


def test_limits_are_guarded_against_noise(rng):
    values = rng.normal(1.0, 0.05, 20_000)
    noise = np.full(values.size, 0.05**2)
    _, unguarded = outside_limits(values, noise, np.ones(values.size), (0, 1), guard=0.0)
    _, over = outside_limits(values, noise, np.ones(values.size), (0, 1))
    assert unguarded == pytest.approx(0.5, abs=0.02)
    assert over == pytest.approx(0.0228, abs=0.006)


def test_golden_g59():
    values = np.array([0.50, 0.52, 0.54, 0.60, 0.62, 0.64, 0.40, 0.41, 0.45])
    shares = variance_shares(values, np.repeat([3, 1, 2], 3))
    assert shares.mean_square_between == pytest.approx(0.03)
    assert shares.mean_square_within == pytest.approx(0.0005)
    assert shares.icc == pytest.approx(0.951613, abs=1e-6)
    assert shares.total == pytest.approx(0.0070)
    assert shares.between == pytest.approx(0.0066667, abs=1e-7)
    assert shares.within == pytest.approx(0.00033333, abs=1e-8)
    assert shares.eta_squared == pytest.approx(0.952381, abs=1e-6)


def test_noise_leaves_both_levels(rng):
    """Planted spreads between and within come back when the noise is of the same size."""
    groups, size, between, within, noise = 400, 25, 0.10, 0.06, 0.08
    centre = rng.normal(0, between, groups)
    label = np.repeat(np.arange(groups), size)
    values = centre[label] + rng.normal(0, within, label.size) + rng.normal(0, noise, label.size)
    shares = variance_shares(values, label, noise_variance=np.full(label.size, noise**2))
    # A group's mean keeps within^2/size of the within variance: the population form counts it.
    kept = within**2 / size
    assert shares.between_true == pytest.approx(centre.var() + kept, rel=0.05)
    assert shares.within_true == pytest.approx(within**2 - kept, rel=0.05)


def test_one_group_has_no_anova():
    shares = variance_shares(G57, np.zeros(6, int))
    assert np.isnan(shares.icc)
    assert shares.between == 0
