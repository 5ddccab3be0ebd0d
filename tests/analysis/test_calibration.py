"""From fractions and energies to a state of charge (golden G-24)."""

import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.calibration import soc_map, two_point
from socwidgets.model.errors import DataError, ParameterError
from socwidgets.model.status import Status


def test_golden_g24():
    line = two_point(8352.22, 8353.72, discharged_std=0.05, charged_std=0.05)
    soc, sigma = line.apply(8352.97, 0.15)
    assert soc == pytest.approx(0.500, abs=5e-4)
    assert sigma == pytest.approx(0.103, abs=5e-4)


def test_sigma_against_monte_carlo(rng):
    n = 200_000
    line = two_point(8350.0, 8353.0, discharged_std=0.1, charged_std=0.05)
    value, low, high = (
        rng.normal(c, s, n) for c, s in ((8352.0, 0.2), (8350.0, 0.1), (8353.0, 0.05))
    )
    _, sigma = line.apply(8352.0, 0.2)
    assert sigma == pytest.approx(np.std((value - low) / (high - low)), rel=0.02)


def fit_result(fraction, std=0.02):
    fraction = np.atleast_2d(np.asarray(fraction, float))
    maps = xr.Dataset(
        {
            "fraction_FP": (("y", "x"), fraction.clip(0, 1), {"kind": "fraction"}),
            "fraction_FP_free": (("y", "x"), fraction, {"kind": "fraction"}),
            "fraction_FP_free_std": (("y", "x"), np.full_like(fraction, std)),
            "thickness": (("y", "x"), np.ones_like(fraction)),
            "status": (("y", "x"), np.zeros(fraction.shape, np.uint8)),
        },
        attrs={"components": ["LFP", "FP"]},
    )
    return maps


def test_soc_is_not_clipped_and_its_range_is_flagged():
    soc = soc_map(fit_result([-0.05, 0.5, 1.1, 1.5]))
    np.testing.assert_allclose(soc.soc[0], [-0.05, 0.5, 1.1, 1.5])
    np.testing.assert_allclose(soc.soc_bounded[0], [0, 0.5, 1, 1])
    assert list(soc.status[0].values) == [0, 0, 0, Status.OUT_OF_RANGE]
    assert soc.soc.attrs["kind"] == "soc"


def test_no_state_of_charge_where_the_sum_of_the_weights_is_noise(rng):
    """The ratio of two noises has no mean, and a first-order sigma of it means nothing."""
    sum_over_sigma = np.array([0.3, 2.9, 3.1, 20.0])
    maps = fit_result([120.0, 0.4, 0.5, 0.6], std=0.02)
    maps["thickness"][0] = 0.05 * sum_over_sigma
    maps["thickness_std"] = xr.full_like(maps.thickness, 0.05)
    maps["status"][0, 3] = Status.SATURATED
    soc = soc_map(maps)
    weak = [True, True, False, False]
    for name in ("soc", "soc_std", "soc_bounded"):
        np.testing.assert_array_equal(np.isnan(soc[name][0]), weak)
    low = Status.LOW_SIGNAL
    assert list(soc.status[0].values) == [low, low, Status.OK, Status.SATURATED]
    # A calibrated energy is no ratio of weights.
    maps["energy"] = ("y", "x"), np.full((1, 4), 1.0), {"kind": "energy"}
    assert soc_map(maps, two_point(0.0, 2.0, variable="energy")).soc.notnull().all()


def test_the_charged_reference_may_come_first():
    named = soc_map(fit_result([0.2, 0.8]), "FP")
    np.testing.assert_array_equal(named.soc, soc_map(fit_result([0.2, 0.8]), charged="FP").soc)


def test_clipping_would_bias_the_mean(rng):
    """At a true fraction of 0 the clipped mean is 0.399 sigma: ours is 0."""
    sigma = 0.05
    soc = soc_map(fit_result(rng.normal(0, sigma, (200, 200)), sigma))
    assert float(soc.soc_bounded.mean()) == pytest.approx(0.399 * sigma, rel=0.02)
    assert abs(float(soc.soc.mean())) < 5 * sigma / 200


def test_energy_map_through_two_points():
    energy = fit_result([8350.0, 8351.5]).rename(fraction_FP_free="white_line")
    energy = energy.rename(fraction_FP_free_std="white_line_std")
    energy.white_line.attrs["kind"] = "energy"
    soc = soc_map(energy, two_point(8350.0, 8353.0, variable="white_line"))
    np.testing.assert_allclose(soc.soc[0], [0.0, 0.5])
    np.testing.assert_allclose(soc.soc_std[0], 0.02 / 3)


def test_bad_calibrations():
    with pytest.raises(ParameterError, match="end members"):
        two_point(1.0, 1.0)
    with pytest.raises(ParameterError, match="no reference 'NiO'"):
        soc_map(fit_result([0.5]), charged="NiO")
    with pytest.raises(DataError, match="no map 'edge'"):
        soc_map(fit_result([0.5]), two_point(0, 1, variable="edge"))
    plain = fit_result([0.5])
    plain.attrs.clear()
    with pytest.raises(DataError, match="not clear"):
        soc_map(plain)
