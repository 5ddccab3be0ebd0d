"""Random fields and fronts against their formulas."""

import numpy as np
import pytest

from socwidgets.phantoms.fields import core_shell, domino, gaussian_field, solve_front


@pytest.mark.parametrize("length", [2.0, 5.0])
def test_gaussian_field_has_the_stated_covariance(length):
    # exp(-h^2/(2 l^2)); Moran's I (rook) of such a field: 0.8825 for l = 2, 0.9802 for l = 5.
    fields = [gaussian_field((128, 128), length, np.random.default_rng(s)) for s in range(12)]
    for lag in (1, int(length), int(2 * length)):
        found = [np.mean(f * np.roll(f, lag, axis=a)) for f in fields for a in (0, 1)]
        # Standard error from the scatter of the realizations themselves; five of them.
        error = np.std(found) / np.sqrt(len(found))
        expected = np.exp(-(lag**2) / (2 * length**2))
        assert np.mean(found) == pytest.approx(expected, abs=5 * error)


def test_gaussian_field_is_standardized_and_reproducible():
    field = gaussian_field((40, 30), 3.0, np.random.default_rng(1))
    assert field.mean() == pytest.approx(0, abs=1e-12)
    assert field.std() == pytest.approx(1, abs=1e-12)
    np.testing.assert_array_equal(field, gaussian_field((40, 30), 3.0, np.random.default_rng(1)))


def test_fronts_go_from_one_end_to_the_other():
    u = np.array([-10.0, 0.3, 10.0])
    np.testing.assert_allclose(domino(u, 0.3, 0.1), [1.0, 0.5, 0.0], atol=1e-12)
    r = np.array([0.0, 0.5, 1.0])
    np.testing.assert_allclose(core_shell(r, 0.5, 0.02, 0.1, 0.9), [0.1, 0.5, 0.9], atol=1e-12)


def test_solve_front_reaches_the_target_by_area():
    # A sharp disc front: the shell's area is 1 - r_c^2, so a mean of 0.36 needs r_c = 0.8.
    y, x = np.mgrid[-1:1:801j, -1:1:801j]
    r = np.hypot(y, x)
    inside = (r < 1).astype(float)
    found = solve_front(lambda c: core_shell(r, c, 1e-3), inside, 0.36, (0.0, 1.2))
    assert found == pytest.approx(0.8, abs=2e-3)


def test_solve_front_gives_the_nearer_end_for_a_target_out_of_reach():
    u = np.linspace(-1, 1, 50)
    assert solve_front(lambda p: domino(u, p, 0.1), np.ones(50), 1.5, (-2.0, 2.0)) == 2.0
