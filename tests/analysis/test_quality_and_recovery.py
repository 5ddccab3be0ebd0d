import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.quality import fit_quality, reject_poor_fits
from socwidgets.analysis.recovery import compare_with_truth
from socwidgets.model import provenance
from socwidgets.model.errors import DataError, ParameterError
from socwidgets.model.mapset import status_variable
from socwidgets.model.status import Status, usable

SIGMA = 0.05


@pytest.fixture
def maps():
    rng = np.random.default_rng(11)
    shape = (60, 70)
    coords = {"y": np.arange(60) * 0.1, "x": np.arange(70) * 0.1}
    codes = np.zeros(shape, np.uint8)
    codes[0], codes[1, :5] = Status.MASKED, Status.AT_BOUND
    soc = 0.4 + rng.normal(0, SIGMA, shape)
    soc[0] = np.nan
    r_factor = np.full(shape, 0.01)
    r_factor[2], r_factor[3] = 0.2, np.nan
    variables = {"soc": soc, "soc_std": np.full(shape, SIGMA), "r_factor": r_factor}
    maps = xr.Dataset({k: (("y", "x"), v) for k, v in variables.items()}, coords)
    maps["status"] = status_variable(codes, ("y", "x"))
    maps.soc.attrs["kind"] = "soc"
    return maps


def test_poor_fits_leave_the_statistics_but_keep_their_values(maps):
    kept = reject_poor_fits(maps, 0.05)
    assert kept.attrs["n_poor_fits"] == 70
    assert (kept.status[2] == Status.NOT_CONVERGED).all()
    assert np.isfinite(kept.soc[2]).all()
    assert int(usable(kept).sum()) == int(usable(maps).sum()) - 70
    assert (kept.status[3] == Status.OK).all()
    assert provenance.steps(kept)[-1]["parameters"] == {"r_max": 0.05}
    assert (maps.status[2] == Status.OK).all()


def test_without_a_limit_nothing_is_rejected(maps):
    kept = reject_poor_fits(maps, None)
    assert kept.attrs["n_poor_fits"] == 0
    assert kept.status.equals(maps.status)


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan")])
def test_a_limit_that_makes_no_sense_is_refused(maps, limit):
    with pytest.raises(ParameterError, match="must be positive"):
        reject_poor_fits(maps, limit)


def test_maps_without_an_r_factor_cannot_be_judged(maps):
    with pytest.raises(ParameterError, match="leave r_max empty"):
        reject_poor_fits(maps.drop_vars("r_factor"), 0.05)


def test_fit_quality_counts_and_takes_medians(maps):
    found = fit_quality(maps)
    assert found["n_usable"] == 59 * 70
    assert found["n_fitted"] == 59 * 70
    assert found["share_at_bound"] == pytest.approx(5 / (59 * 70))
    assert found["r_factor"] == pytest.approx(0.01)
    assert "redchi" not in found


def test_calibrated_sigmas_give_no_bias_a_ratio_of_one_and_unit_pulls(maps):
    truth = xr.full_like(maps.soc, 0.4)
    found = compare_with_truth(maps, truth)
    n = 59 * 70
    assert found.n_pixels == n
    assert abs(found.bias) < 4 * SIGMA / np.sqrt(n)
    assert found.bias_std == pytest.approx(SIGMA / np.sqrt(n), rel=4 / np.sqrt(2 * n))
    assert found.ratio == pytest.approx(1.0, abs=4 / np.sqrt(2 * n))
    assert found.pull_sd == pytest.approx(1.0, abs=4 / np.sqrt(2 * n))


def test_a_planted_bias_and_understated_sigma_are_seen(maps):
    maps["soc_std"] = maps.soc_std / 2
    found = compare_with_truth(maps, xr.full_like(maps.soc, 0.3))
    assert found.bias == pytest.approx(0.1, abs=4 * SIGMA / 64)
    assert found.pull_sd == pytest.approx(2.0, abs=0.1)


def test_comparison_stays_inside_the_region_and_refuses_another_grid(maps):
    truth = xr.full_like(maps.soc, 0.4)
    inside = xr.zeros_like(maps.soc, dtype=bool)
    inside[10:12, 10:20] = True
    assert compare_with_truth(maps, truth, inside=inside).n_pixels == 20
    with pytest.raises(DataError, match="does not lie on the pixels"):
        compare_with_truth(maps, truth.isel(y=slice(1, None)))
    with pytest.raises(DataError, match="too few pixels"):
        compare_with_truth(maps, truth * np.nan)
