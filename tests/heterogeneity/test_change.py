"""Distances between states, their significance, recovery, residuals and ridges."""

import numpy as np
import pytest
import xarray as xr
from scipy.stats import ks_2samp
from small_particles import particle, tile

from socwidgets.heterogeneity.change.compare import block_labels, compare_states
from socwidgets.heterogeneity.change.distances import (
    histograms,
    jensen_shannon,
    kolmogorov_smirnov,
    kullback_leibler,
    overlap,
    wasserstein,
)
from socwidgets.heterogeneity.change.permutation import permutation_test
from socwidgets.heterogeneity.change.recovery import (
    discharged_fraction,
    recovery,
    width_ratio,
)
from socwidgets.heterogeneity.change.residual import residual_fraction
from socwidgets.heterogeneity.change.ridge import histogram_ridge
from socwidgets.model.errors import DataError, KindError, ParameterError
from socwidgets.phantoms.multiphase import LcoParams, lco_domains


def test_golden_g61():
    moved = wasserstein([0.2, 0.4, 0.6], [0.3, 0.5, 0.7])
    assert (moved.total, moved.shift) == (pytest.approx(0.1), pytest.approx(0.1))
    assert moved.shape == pytest.approx(0, abs=1e-12)
    split = wasserstein([0, 1], [0.5])
    assert (split.total, split.shift, split.shape) == pytest.approx((0.5, 0, 0.5))
    p, q = [0.5, 0.5], [0.9, 0.1]
    assert kullback_leibler(p, q) == pytest.approx(0.510826, abs=1e-6)
    assert kullback_leibler(q, p) == pytest.approx(0.368064, abs=1e-6)
    assert jensen_shannon(p, q) == pytest.approx(0.101749, abs=1e-6)
    assert overlap(p, q) == pytest.approx(0.6)
    assert jensen_shannon([1, 0], [0, 1]) == pytest.approx(np.log(2))
    assert kullback_leibler([1, 1], [1, 0]) == np.inf
    assert np.isfinite(kullback_leibler([1, 1], [1, 0], epsilon=1e-3))


def test_distances_against_scipy_and_copies(rng):
    a, b = rng.normal(size=70), rng.normal(0.4, 1.5, 90)
    assert kolmogorov_smirnov(a, b) == pytest.approx(ks_2samp(a, b).statistic)
    copies = rng.integers(1, 4, a.size)
    weighted, plain = wasserstein(a, b, copies), wasserstein(np.repeat(a, copies), b)
    assert weighted.total == pytest.approx(plain.total)
    assert weighted.shape == pytest.approx(plain.shape)
    assert kolmogorov_smirnov(a, b, copies) == pytest.approx(
        kolmogorov_smirnov(np.repeat(a, copies), b)
    )
    p, _, edges = histograms(a, b, limits=(-1, 1), bins=10)
    assert p.sum() == pytest.approx(1)
    assert p[0] == pytest.approx(np.mean(a < edges[1]))
    assert np.isnan(wasserstein([np.nan], [1.0]).total)
    with pytest.raises(DataError, match="no histogram"):
        jensen_shannon([0, 0], [1, 1])
    with pytest.raises(DataError, match="do not fit"):
        overlap([1, 1], [1, 1, 1])


def states(rng, n=25, size=12, shift=0.0, widen=1.0, noise=(0.05, 0.05)):
    """Two states of n square particles with their own means."""
    mean = rng.normal(0.5, 0.08, n)
    found = []
    for k, (move, factor) in enumerate(((0.0, 1.0), (shift, widen))):
        values = 0.5 + move + factor * (mean - 0.5)
        values = values + rng.normal(0, 0.01, n)  # particles do not repeat exactly
        fields = [(np.full((size, size), v), np.ones((size, size), bool)) for v in values]
        found.append(tile(fields, noise[k], rng))
    return found


def test_a_planted_shift_and_a_planted_widening(rng):
    (a, labels), (b, _) = states(rng, shift=0.1)
    moved = compare_states(a, b, labels, draws=199)
    assert moved.paired
    assert moved.shift == pytest.approx(0.1, abs=4 * moved.shift_std + 1e-3)
    assert moved.shift_low < 0.1 < moved.shift_high
    assert moved.p_value < 0.02
    assert moved.shape < 0.03
    (a, labels), (b, _) = states(rng, widen=2.5, n=49)
    wider = compare_states(a, b, labels, draws=199)
    assert wider.p_shape < 0.02
    assert abs(wider.shift) < 4 * wider.shift_std + 0.01
    apart = compare_states(a, b, labels, draws=199, paired=False)
    assert apart.shift_std == pytest.approx(np.hypot(0.08, 0.2) / 7, rel=0.3)
    assert [entry.name for entry in wider.entries()] == [
        "shift", "wasserstein", "shape_change", "js",
    ]  # fmt: skip


def test_a_noisier_scan_is_no_change(rng):
    (a, labels), (b, _) = states(rng, noise=(0.03, 0.12))
    fair = compare_states(a, b, labels, draws=199)
    naive = compare_states(a, b, labels, draws=199, match_noise=False)
    assert fair.added_noise == pytest.approx(np.sqrt(0.12**2 - 0.03**2))
    assert naive.shape > 3 * fair.shape
    assert fair.p_shape > 0.05 > naive.p_shape


@pytest.mark.parametrize("paired", [True, False])
def test_the_permutation_test_keeps_its_level(rng, paired):
    """Equal states: p below 0.05 in 5 % of the cases, although pixels are far from independent."""
    p = []
    for _ in range(120):
        labels = np.repeat(np.arange(15), 10)
        a = np.repeat(rng.normal(size=15), 10) + 0.1 * rng.normal(size=150)
        b = np.repeat(rng.normal(size=15), 10) + 0.1 * rng.normal(size=150)
        test = permutation_test(
            (a, np.ones(150), labels), (b, np.ones(150), labels), paired=paired, draws=99
        )
        p.append((test.p_total, test.p_shape))
    share = np.mean(np.array(p) < 0.05, axis=0)
    assert np.all(share < 0.12)
    assert np.mean(p, axis=0) == pytest.approx([0.5, 0.5], abs=0.1)


def test_states_that_cannot_be_compared(rng):
    (a, labels), (b, _) = states(rng, n=9)
    other = b.assign(soc=b.soc.assign_attrs(kind="fraction"))
    with pytest.raises(KindError, match="different quantities"):
        compare_states(a, other, labels)
    with pytest.raises(DataError, match="no particle is in both"):
        compare_states(a, b, labels, labels.where(labels == 0, labels + 100), paired=True)
    one = labels.copy(data=(labels.values > 0).astype(np.int32))
    single = compare_states(a, b, one)
    assert np.isnan(single.p_value)
    assert np.isnan(single.shift_std)
    blocks = block_labels(a, "soc", 9)
    assert compare_states(a, b, blocks, draws=99).n_first == 16
    with pytest.raises(DataError, match="edge"):
        block_labels(a, "soc", 0)


def test_golden_g21():
    """Share of an LCO particle that comes back after 1C and after 10C."""
    rng = np.random.default_rng(4)
    noise = 0.1
    pristine = lco("pristine")
    for step, expected in LCO.items():
        after = lco(step)
        seen = [s + rng.normal(0, noise, s.shape) for s in (after, pristine)]
        found = recovery(seen[0], seen[1], draws=100)
        assert found.value == pytest.approx(expected, abs=0.02)
        assert found.low <= found.value <= found.high


LCO = {"discharged_1C": 0.50, "discharged_10C": 0.29}


def lco(step):
    truth = lco_domains(LcoParams(step=step), 0).truth
    return truth["soc"].values


def test_fractions_by_either_direction(rng):
    values = np.array([0.1, 0.2, 0.5, 0.9, np.nan])
    assert discharged_fraction(values) == pytest.approx(2.5 / 4)
    assert discharged_fraction(values, discharged=1.0, charged=0.0) == pytest.approx(1.5 / 4)
    assert discharged_fraction(values, [1, 1, 0, 2, 1]) == pytest.approx(0.5)
    with pytest.raises(ParameterError, match="the same"):
        discharged_fraction(values, discharged=1, charged=1)
    assert np.isnan(recovery([0.1] * 5, [0.9] * 5).value)
    assert np.isnan(recovery([0.1, 0.9], [0.1, 0.2]).low)


def test_residual_charge_without_the_pristine_tail(rng):
    """Fig. 14: positions of the A1g band; 10 and 16 % stay charged."""
    pristine = rng.normal(596, 0.8, 20_000)
    for share in (0.10, 0.16):
        charged = rng.random(20_000) < share
        after = np.where(charged, 588.0, 596.0) + rng.normal(0, 0.8, 20_000)
        found = residual_fraction(after, pristine)
        assert found.true == pytest.approx(share, abs=0.01)
        assert found.observed == pytest.approx(share + 0.05 * (1 - share), abs=0.01)
    high = residual_fraction(-after, -pristine, side="high")
    assert high.true == pytest.approx(found.true)
    assert np.isnan(residual_fraction([np.nan], pristine).true)
    with pytest.raises(DataError, match="reference"):
        residual_fraction(after, [np.nan])
    with pytest.raises(ParameterError, match="side"):
        residual_fraction(after, pristine, side="left")


def test_golden_g72(rng):
    first = rng.normal(596, np.hypot(1.0, 0.5), 8000)
    second = rng.normal(596, np.hypot(1.5, 0.5), 8000)
    found = width_ratio(second, first, 0.5, 0.5, draws=200)
    assert found.value == pytest.approx(1.5, abs=4 * found.std)
    assert found.std < 0.03
    assert found.low < 1.5 < found.high
    assert second.std() / first.std() == pytest.approx(np.sqrt(2.5 / 1.25), abs=0.05)
    assert np.isnan(width_ratio(second, np.ones(50), 0.5, 0.5).value)
    with pytest.raises(DataError, match="negative"):
        width_ratio(second, first, -0.5, 0.5)
    with pytest.raises(DataError, match="do not fit"):
        width_ratio(second, first, 0.5, 0.5, first_units=[1, 2])


def test_ridge_of_a_heated_powder(rng):
    """Fig. 29a: the distribution moves to lower energy and broadens."""
    temperature = np.array([25, 200, 300, 400])
    center, width = np.array([0, 0, -0.6, -1.2]), np.array([0.3, 0.3, 0.5, 0.8])
    maps = [
        8345 + c + np.hypot(w, 0.2) * rng.normal(size=(60, 60))
        for c, w in zip(center, width, strict=True)
    ]
    maps[0][:30] = np.nan
    ridge = histogram_ridge(maps, temperature, noise_std=0.2, name="temperature", units="eV")
    assert ridge["median"].values == pytest.approx(8345 + center, abs=0.08)
    assert ridge["mode"].values == pytest.approx(8345 + center, abs=0.35)
    assert ridge["std_true"].values == pytest.approx(width, rel=0.06)
    assert ridge["n"].values.tolist() == [1800, 3600, 3600, 3600]
    area = (ridge["density"] * np.diff(ridge["value"])[0]).sum("value") + ridge["outside"]
    assert area.values == pytest.approx(1)
    assert list(ridge["temperature"]) == list(temperature)
    assert ridge["value"].attrs["units"] == "eV"
    empty = histogram_ridge([maps[1], np.full((3, 3), np.nan)])
    assert np.isnan(empty["density"][1]).all()
    assert np.isnan(empty["std_true"]).all()
    with pytest.raises(DataError, match="no state holds"):
        histogram_ridge([])
    with pytest.raises(DataError, match="negative"):
        histogram_ridge([[0.1, 0.2]], noise_std=-0.1)
    with pytest.raises(DataError, match="no state holds"):
        histogram_ridge([np.full(3, np.nan)])
    with pytest.raises(DataError, match="coordinate"):
        histogram_ridge(maps, [1, 2])
    with pytest.raises(ParameterError, match="limits"):
        histogram_ridge(maps, limits=(2, 1))


def test_particles_with_fronts_compare_as_maps(rng):
    kinds = [particle("domino", rng, share=0.3) for _ in range(16)]
    later = [particle("domino", rng, share=0.6) for _ in range(16)]
    (a, labels), (b, others) = tile(kinds, 0.1, rng), tile(later, 0.1, rng)
    found = compare_states(a, b, labels, others, draws=199)
    assert isinstance(a, xr.Dataset)
    assert found.shift == pytest.approx(0.3, abs=0.03)
    assert found.p_value < 0.02
