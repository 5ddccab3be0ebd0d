"""The table of spread measures, the bootstrap behind it, and the noise floor from five sources."""

import threading

import numpy as np
import pytest
import xarray as xr
from planted_maps import map_set, random_field
from scipy import stats

from socwidgets.heterogeneity.bootstrap import interval_of, resampling_units
from socwidgets.heterogeneity.measures import MEASURES
from socwidgets.heterogeneity.noise_floor import noise_floor
from socwidgets.heterogeneity.sample import take_sample
from socwidgets.heterogeneity.spread import gini
from socwidgets.heterogeneity.spread_intervals import bootstrap
from socwidgets.heterogeneity.spread_table import spread_table
from socwidgets.model.errors import CancelledError, DataError, ParameterError

G57 = np.array([0.1, 0.2, 0.2, 0.4, 0.6, 0.9])


def small(values, **attrs):
    field = np.asarray(values, float).reshape(2, -1)
    return xr.Dataset({"soc": (("y", "x"), field, {"kind": "soc", "units": "1", **attrs})})


def test_golden_g57_in_the_table():
    table = spread_table(small(G57), bins=10, draws=0)
    expected = {
        "mean": 0.4, "std": 0.276887, "cv": 0.692219, "gini": 0.375, "iqr": 0.35,
        "mad_sd": 0.15 * 1.4826, "entropy": 1.56071, "entropy_normalized": 0.677808,
    }  # fmt: skip
    for name, value in expected.items():
        assert table.value[name] == pytest.approx(value, abs=1e-5), name
    assert table.note["entropy"] == "10 bins from 0 to 1"
    assert set(table.index) == set(MEASURES)
    assert table["std"].isna().all()


def test_measures_agree_with_scipy_on_a_large_sample(rng):
    values = rng.gamma(4.0, 0.05, 40_000)
    table = spread_table(small(values), draws=0)
    assert table.value["skewness"] == pytest.approx(stats.skew(values))
    assert table.value["excess_kurtosis"] == pytest.approx(stats.kurtosis(values))
    assert table.value["mode"] == pytest.approx(0.15, abs=0.01)  # (shape - 1) x scale
    pairs = np.abs(values[:2000, None] - values[None, :2000]).mean() / 2 / values[:2000].mean()
    assert gini(values[:2000]) == pytest.approx(pairs)


def test_weights_of_the_gini_count_like_copies(rng):
    values, copies = rng.random(50), rng.integers(1, 5, 50)
    assert gini(values, copies.astype(float)) == pytest.approx(gini(np.repeat(values, copies)))


def test_an_energy_has_no_variation_and_no_gini():
    table = spread_table(small(G57 + 8350, kind="energy"), draws=10)
    assert table.value[["cv", "gini"]].isna().all()
    assert "arbitrary" in table.note["cv"]
    assert table.units["std"] == "eV"
    assert np.isfinite(table.value["entropy"])


def test_standard_errors_are_those_of_many_samples(planted, rng):
    """The bootstrap's standard error equals the scatter of the measure over new samples."""
    tables = [spread_table(planted(rng, (72, 72), length=3.0), draws=100) for _ in range(25)]
    for name in ("mean", "median", "std", "iqr", "range_90", "gini"):
        scatter = np.std([t.value[name] for t in tables], ddof=1)
        claimed = np.sqrt(np.mean([t["std"][name] ** 2 for t in tables]))
        # 25 samples know their scatter to 14 %.
        assert claimed == pytest.approx(scatter, rel=0.45), name
    assert tables[0].attrs["n_eff"] == pytest.approx(72**2 / (2 * np.pi * 9), rel=0.5)


def test_blocks_are_longer_than_two_correlation_lengths(planted, rng):
    sample = take_sample(planted(rng, length=6.0), "soc")
    units = resampling_units(sample, 6.0 * np.sqrt(2))
    assert 128 / np.sqrt(units.count) >= 2 * 6.0
    assert units.stretch > 1.0


def test_bootstrap_reports_and_stops(planted, rng):
    sample, seen = take_sample(planted(rng), "soc"), []
    bootstrap(sample, 5.0, draws=220, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(100, 220), (200, 220), (220, 220)]
    stop = threading.Event()
    stop.set()
    with pytest.raises(CancelledError):
        bootstrap(sample, 5.0, cancel=stop)
    with pytest.raises(ParameterError, match="negative"):
        bootstrap(sample, 5.0, draws=-1)
    one, two = (bootstrap(sample, 5.0, draws=100, seed=4) for _ in range(2))
    assert one == two


def test_a_scale_has_no_negative_limit(planted, rng):
    units = resampling_units(take_sample(planted(rng), "soc"), 5.0)
    near_zero = interval_of(0.01, np.abs(rng.normal(0.01, 0.01, 500)), units, positive=True)
    assert near_zero.low == 0.0 < near_zero.high


def test_golden_g58_all_sources_of_noise_agree(rng):
    field = random_field(rng, (256, 256), 5.0)
    truth = 0.5 + 0.1 * (field - field.mean()) / field.std()

    def measured(sigma, base=truth):
        return map_set(base + rng.normal(0, sigma, base.shape), sigma)

    maps, wide = measured(0.05), 0.05 * np.sqrt(2)
    floor = noise_floor(
        maps, repeat=measured(0.05), odd_even=(measured(wide), measured(wide)),
        reference=measured(0.05, np.full(truth.shape, 0.3)),
    )  # fmt: skip
    table = floor.to_frame()
    assert list(table.index) == ["repeat", "odd_even", "reference", "nugget", "propagated"]
    assert floor.observed == pytest.approx(0.1118, rel=0.01)
    np.testing.assert_allclose(table.sigma, 0.05, rtol=0.03)
    np.testing.assert_allclose(table.true_spread, 0.1, rtol=0.02)
    assert floor.best.source == "repeat"
    assert floor.agree
    # Propagated sigma that is wrong by a factor of two stands out.
    wrong = maps.assign(soc_std=maps.soc_std / 2)
    assert not noise_floor(wrong, repeat=measured(0.05), nugget=False).agree


def test_uncertainty_of_a_reference_counts_its_weights(rng):
    """The sd over many weighted references is the standard error that one of them gives."""
    weight = np.tile([1.0, 1.0, 1.0, 6.0], (16, 4))
    weighted = {"weights": xr.DataArray(weight, dims=("y", "x")), "nugget": False}
    floors = [
        noise_floor(
            map_set(np.full((16, 16), 0.5), 0.0),
            reference=map_set(rng.normal(0.3, 0.05, (16, 16)), 0.0), **weighted,
        ).to_frame()
        for _ in range(150)
    ]  # fmt: skip
    sigmas = [table.sigma["reference"] for table in floors]
    claimed = floors[0]["std"]["reference"]
    assert np.std(sigmas) == pytest.approx(claimed, rel=0.2)


def test_noise_floor_without_any_source(planted, rng):
    maps = planted(rng).drop_vars("soc_std")
    assert noise_floor(maps).best.source == "nugget"
    with pytest.raises(DataError, match="nothing tells the noise"):
        noise_floor(maps, nugget=False)
    with pytest.raises(DataError, match="same pixels"):
        noise_floor(maps, repeat=planted(rng, (64, 64)))
    with pytest.raises(KeyError):
        noise_floor(maps)["repeat"]


def test_bad_maps(planted, rng):
    maps = planted(rng)
    with pytest.raises(DataError, match="negative standard uncert"):
        spread_table(maps.assign(soc_std=-maps.soc_std))
    with pytest.raises(DataError, match="not one image"):
        spread_table(maps.expand_dims(state=2))
    with pytest.raises(DataError, match="no usable pixel"):
        spread_table(maps.assign(thickness=maps.soc * 0))
    with pytest.raises(DataError, match="no usable pixel"):
        spread_table(maps.assign(soc=maps.soc * np.nan))
    with pytest.raises(DataError, match="whole numbers"):
        spread_table(maps, xr.full_like(maps.soc, 0.5))
    with pytest.raises(ParameterError, match="bins"):
        spread_table(maps, bins=1)


def test_a_volume_is_described_like_an_image(rng):
    values = 0.5 + 0.1 * random_field(rng, (12, 48, 48), 2.0)
    table = spread_table(map_set(values, 0.0, dims=("z", "y", "x")), draws=100)
    assert table.value["std"] == pytest.approx(values.std())
    assert np.isfinite(table["std"]["mean"])
