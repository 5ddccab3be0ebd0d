"""Logistic curve over sizes: equal to a plain maximum for many, unbiased for few, clear errors."""

import numpy as np
import pytest
from scipy.optimize import minimize

from socwidgets.heterogeneity.size_dependence import size_dependence
from socwidgets.model.errors import DataError


def drawn(rng, n, middle=6.0, slope=1.4):
    size = rng.uniform(3, 10, n)
    return size, rng.random(n) < 1 / (1 + np.exp(-slope * (size - middle)))


def test_many_particles_give_the_maximum_of_the_likelihood(rng):
    size, flag = drawn(rng, 20_000)
    found = size_dependence(size, flag)

    def loss(p):
        z = p[1] * (size - p[0])
        return np.sum(np.logaddexp(0.0, z) - flag * z)

    best = minimize(loss, [5.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-6}).x
    assert found.middle == pytest.approx(best[0], abs=0.05 * found.middle_std)
    assert found.slope == pytest.approx(best[1], abs=0.05 * found.slope_std)
    assert found.chance(found.middle) == pytest.approx(0.5)


def test_pulls_of_sixty_particles(rng):
    found = [size_dependence(*drawn(rng, 64)) for _ in range(400)]
    middle = np.array([(f.middle - 6.0) / f.middle_std for f in found])
    slope = np.array([(f.slope - 1.4) / f.slope_std for f in found])
    # A root mean square of 400 is known to 3.5 %; a slope is skewed.
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(1.0, abs=0.15)
    assert np.sqrt(np.mean(slope**2)) == pytest.approx(1.0, abs=0.2)
    # Plain maximum likelihood is 8 % too steep here.
    assert np.mean([f.slope for f in found]) == pytest.approx(1.4, rel=0.05)


def test_a_single_size_that_divides_them_still_gives_a_curve():
    found = size_dependence([1.0, 2.0, 3.0, 4.0, 5.0, np.nan], [0, 0, 0, 1, 1, 1])
    assert found.n == 5
    assert 2.5 < found.middle < 4.5
    assert np.isfinite(found.slope_std)


@pytest.mark.parametrize(
    ("size", "flag", "words"),
    [([1, 2, 3], [0, 1, 1], "several sizes"), ([1, 1, 1, 1], [0, 1, 0, 1], "several sizes"),
     ([1, 2], [1], "a size and a flag")],
)  # fmt: skip
def test_bad_input(size, flag, words):
    with pytest.raises(DataError, match=words):
        size_dependence(size, flag)
