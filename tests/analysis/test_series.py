"""Differences of two series: detected where they are, not where they are not."""

import numpy as np
import pytest

from socwidgets.analysis.series import one_to_one, series_difference, series_noise
from socwidgets.model.errors import DataError

Q = np.linspace(0, 1.6, 56)


def curve(q, offset=0.0):
    return 1 / (1 + np.exp(-(q - 0.9) / 0.25)) + offset


def test_noise_of_a_smooth_series(rng):
    found = [series_noise(curve(Q) + rng.normal(0, 0.01, Q.size)) for _ in range(200)]
    assert np.mean(np.square(found)) ** 0.5 == pytest.approx(0.01, rel=0.05)


def test_false_alarms_and_power(rng):
    """The test is stated at 5 %; the estimated noise makes it a few more."""
    hits = {0.0: 0, 0.012: 0}
    for offset in hits:
        for _ in range(300):
            second = curve(Q + 0.01, offset) + rng.normal(0, 0.01, Q.size)
            first = curve(Q) + rng.normal(0, 0.01, Q.size)
            hits[offset] += series_difference(first, second, Q, Q + 0.01).above_detection
    assert hits[0.0] < 0.12 * 300
    assert hits[0.012] > 0.75 * 300


def test_planted_difference_comes_back(rng):
    pulls, spread = [], []
    for _ in range(200):
        first = curve(Q) + rng.normal(0, 0.01, Q.size)
        second = curve(Q + 0.01, 0.03) + rng.normal(0, 0.01, Q.size)
        found = series_difference(first, second, Q, Q + 0.01)
        pulls.append((found.mean + 0.03) / found.mean_std)
        spread.append(found.spread)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.15)
    assert np.mean(spread) == pytest.approx(0.015, rel=0.05)


def test_only_the_charge_is_compared_and_bad_series_are_named(rng):
    back = np.r_[Q, Q[::-1][1:8]]
    values = np.r_[curve(Q), curve(Q[::-1][1:8]) + 9]
    found = series_difference(values + rng.normal(0, 0.01, values.size), curve(Q), back, Q)
    assert abs(found.mean) < 0.01
    with pytest.raises(DataError, match="does not rise"):
        series_difference(curve(Q), curve(Q), np.r_[0.5, Q[1:]], Q)
    with pytest.raises(DataError, match="hardly share"):
        series_difference(curve(Q), curve(Q), Q, Q + 1.5)
    with pytest.raises(DataError, match="too short"):
        series_noise(Q[:5])


def test_proportional_is_not_the_same():
    proportional, same = one_to_one(0.5 * Q, Q)
    assert proportional == pytest.approx(1.0)
    assert same < 0.3
    assert one_to_one(Q, Q) == pytest.approx((1.0, 1.0))
