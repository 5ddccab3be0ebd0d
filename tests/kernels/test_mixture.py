"""Mixture kernels against numpy and scikit-learn."""

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from socwidgets.kernels.mixture import fit_mixture, fit_shares
from socwidgets.kernels.mixture_reference import mixture_reference, shares_reference

START = (np.array([0.1, 0.6]), np.array([0.3, 0.3]), np.array([0.5, 0.5]))


def run(x, w, floor=0.01, bounds=(-1.0, 2.0), iterations=30, tolerance=-1.0):
    parts = [part.copy() for part in START]
    value = fit_mixture(x, w, *parts, floor, *bounds, iterations, tolerance)
    return value, parts


@pytest.mark.parametrize(("floor", "bounds"), [(0.01, (-1, 2)), (0.2, (-1, 2)), (0.01, (0.2, 0.5))])
def test_equal_to_numpy(rng, floor, bounds):
    x = np.concatenate([rng.normal(0, 0.1, 100), rng.normal(0.7, 0.15, 60)])
    w = rng.random(x.size)
    w /= w.sum()
    _, found = run(x, w, floor, bounds)
    expected = mixture_reference(x, w, START, floor, bounds, 30)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)


def test_equal_to_scikit_learn(rng):
    x = np.concatenate([rng.normal(0.1, 0.1, 300), rng.normal(0.8, 0.1, 200)])
    value, (means, stds, shares) = run(x, np.full(500, 1 / 500), iterations=500, tolerance=1e-12)
    other = GaussianMixture(2, tol=1e-10, max_iter=1000, random_state=0).fit(x[:, None])
    rank = np.argsort(other.means_[:, 0])
    np.testing.assert_allclose(means, other.means_[rank, 0], atol=1e-4)
    np.testing.assert_allclose(stds**2, other.covariances_[rank, 0, 0], rtol=1e-2)
    np.testing.assert_allclose(shares, other.weights_[rank], atol=1e-3)
    assert value == pytest.approx(other.score(x[:, None]), abs=1e-6)


def test_shares_of_groups(rng):
    density, w = rng.random((90, 3)), rng.random(90)
    group = np.repeat(np.arange(3), 30).astype(np.int64)
    shares = np.full((3, 3), 1 / 3)
    fit_shares(density, w, group, shares, 40, -1.0)
    for g in range(3):
        own = group == g
        np.testing.assert_allclose(shares[g], shares_reference(density[own], w[own], 40))


def test_a_group_without_values_has_no_shares():
    shares = np.full((2, 3), 1 / 3)
    fit_shares(np.ones((4, 3)), np.ones(4), np.zeros(4, np.int64), shares, 5, 0.0)
    assert np.isnan(shares[1]).all()
    np.testing.assert_allclose(shares[0], 1 / 3)
