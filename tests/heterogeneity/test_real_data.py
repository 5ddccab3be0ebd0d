"""Phases, pathway, change, over-charge and mass balance of measured maps.

What is not known of a measured sample is known of its measurement: halves of the energies are two
independent recordings of the same particles, an aggregate of known compounds has known phases, and
a cycler says how much charge has passed.
"""

from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
import xarray as xr

import socwidgets as soc
from socwidgets.analysis.calibration import two_point
from socwidgets.analysis.fit import fit_map
from socwidgets.heterogeneity.change.compare import compare_states
from socwidgets.heterogeneity.limits.exceedance import exceedance
from socwidgets.heterogeneity.limits.mass_balance import mass_balance, soc_from_charge
from socwidgets.heterogeneity.noise_floor import noise_floor
from socwidgets.heterogeneity.particles import particle_table
from socwidgets.heterogeneity.pathway.classify import PathwayClass, classify_pathway
from socwidgets.heterogeneity.phases.table import phase_table
from socwidgets.io.operando import open_operando

pytestmark = pytest.mark.realdata
YX = ("y", "x")


@pytest.fixture(scope="module")
def als(shared_data):
    """Fe(III) fraction of the particles: from all energies, and from every other one twice."""
    folder = shared_data / "als_stxm_fe"
    od = soc.optical_density(soc.open_stack(folder / "71214098.hdr"))
    files = {"Fe(II)": folder / "reduced.t", "Fe(III)": folder / "oxidized.t"}
    jump = soc.edge_jump(od, min_jump=0.04)

    def maps(part):
        fit = soc.fit_map(
            od.isel(energy=part), "lcf", references=soc.open_references(files), mask=jump["mask"],
            low=700.8, high=729.8, energy_shift=-0.18,
        )  # fmt: skip
        return soc.soc_map(fit, charged="Fe(III)")

    labels = soc.segment_particles(jump["edge_jump"])
    parts = slice(None), slice(0, None, 2), slice(1, None, 2)
    return SimpleNamespace(
        labels=labels,
        all=maps(parts[0]),
        odd=maps(parts[1]),
        even=maps(parts[2]),
    )


def test_the_noise_of_a_real_map_is_what_the_fit_says(als):
    floor = noise_floor(als.all, odd_even=(als.odd, als.even), labels=als.labels)
    by = {estimate.source: estimate for estimate in floor.estimates}
    assert by["odd_even"].sigma == pytest.approx(by["propagated"].sigma, rel=0.1)
    # The covariance of the halves needs no noise model at all.
    assert by["odd_even"].true_spread == pytest.approx(by["propagated"].true_spread, rel=0.02)
    # What changes below a pixel is in the nugget, too.
    assert 0.9 < by["nugget"].sigma / by["odd_even"].sigma < 1.7


def test_two_recordings_of_the_same_particles_give_the_same_verdicts(als):
    odd, even = (phase_table(maps, als.labels) for maps in (als.odd, als.even))
    large = odd.index[odd["n_pixels"] >= 60]
    odd, even = odd.loc[large], even.loc[large]
    assert len(large) >= 18
    assert (odd["state"] == even["state"]).mean() >= 0.9
    assert (odd["state"] == "solid_solution").mean() > 0.8
    # Their sigma is what they scatter by.
    pull = odd["uniformity"] - even["uniformity"]
    pull /= np.hypot(odd["uniformity_std"], even["uniformity_std"])
    assert 0.7 < pull.std(ddof=0) < 1.3
    assert (odd["intermediate"] - even["intermediate"]).abs().max() < 0.2


def test_two_recordings_give_the_same_pathway(als):
    found = [classify_pathway(maps, als.labels) for maps in (als.all, als.odd, als.even)]
    assert {one.pathway for one in found} == {PathwayClass.CONCURRENT_SOLID_SOLUTION}
    whole = found[0]
    assert whole.hsn > 8
    for one in found[1:]:
        assert whole.concurrency.low < one.concurrency.kappa < whole.concurrency.high
        assert one.concurrency.kappa == pytest.approx(whole.concurrency.kappa, abs=0.04)
        assert one.active.true == pytest.approx(whole.active.true, abs=0.05)
        assert one.uniformity.value == pytest.approx(whole.uniformity.value, abs=0.02)
    # Noise twice as large as the ends are apart decides nothing, whatever the values.
    noisy = als.all.assign(soc_std=0.0 * als.all.soc_std + 0.5)
    assert classify_pathway(noisy, als.labels, draws=0).pathway == PathwayClass.UNDETERMINED


def test_two_recordings_differ_less_than_the_particles_do(als):
    """Exchanging particles sees even 0.01 between the halves: another energy scale, not noise."""
    same = compare_states(als.odd, als.even, als.labels, draws=199)
    assert same.paired
    assert abs(same.shift) < 0.02
    assert same.shape < 0.02
    assert same.overlap > 0.9
    means = particle_table(als.all, als.labels)["mean"].sort_values()
    poorer, richer = (
        als.labels.where(als.labels.isin(part), 0) for part in (means.index[:17], means.index[17:])
    )
    apart = compare_states(als.all, als.all, poorer, richer, draws=199)
    assert not apart.paired
    assert apart.wasserstein > 10 * same.wasserstein
    assert apart.p_value < 0.02


def test_beyond_the_end_member_the_guard_keeps_noise_out(als):
    over = exceedance(als.all, als.labels, draws=200).over
    assert over.unguarded > 0.03
    assert over.share < 0.4 * over.unguarded
    assert over.by_chance < over.share
    for half in (als.odd, als.even):
        found = exceedance(half, als.labels, draws=200).over
        assert over.interval.low <= found.share <= over.interval.high


@pytest.fixture(scope="module")
def nano(shared_data):
    """Published amounts of LiFePO4, pyrite, steel and hematite in an aggregate of their grains."""
    return np.asarray(tifffile.imread(shared_data / "nano_xanes_lfp" / "chemical_map.tiff"), float)


def fraction_map(part, whole, sigma=0.05, kind="fraction"):
    seen = whole > 0.1 * np.percentile(whole, 99)
    axes = {"y": 0.15 * np.arange(whole.shape[0]), "x": 0.15 * np.arange(whole.shape[1])}
    return xr.Dataset(
        {
            "soc": (YX, np.where(seen, part / np.where(seen, whole, 1), np.nan), {"kind": kind}),
            "soc_std": (YX, np.where(seen, sigma, np.nan)),
            "thickness": (YX, np.where(seen, whole, 0.0)),
            "status": (YX, np.where(seen, 0, 2).astype(np.uint8)),
        },
        axes,
    )


def test_grains_of_known_compounds_are_separate_phases(nano):
    iron = nano.sum(axis=0)
    thick = fraction_map(iron, iron).thickness
    whole = thick.copy(data=(soc.segment_particles(thick).values > 0).astype(np.int32))
    for other in (1, 3):
        pair = nano[0] + nano[other]
        found = phase_table(fraction_map(nano[other], pair), whole).loc[1]
        assert found["state"] == "mosaic"
        assert found["intermediate"] < 0.35
        assert found["separation"] > 10
        assert found["uniformity"] < 0.2


def test_the_mean_of_the_map_agrees_with_the_spectrum_of_the_whole(nano):
    """0.511 LiFePO4 was published from the summed spectrum, which is another fit."""
    iron = nano.sum(axis=0)
    maps = fraction_map(nano[0], iron, kind="soc")
    labels = soc.segment_particles(maps.thickness)
    assert abs(mass_balance(maps, 0.511, 0.01, labels, draws=200).delta) < 0.02
    # The sulfur of pyrite is elsewhere: a wrong component does not balance.
    pyrite = fraction_map(nano[1], iron, kind="soc")
    assert mass_balance(pyrite, 0.511, 0.01, labels, draws=200).mismatch


@pytest.fixture(scope="module")
def lno(shared_data):
    """SOC from the half-height edge between first and last spectrum, and from the cycler."""
    series = open_operando(shared_data / "lno_operando" / "first_charge.npz")
    fit = fit_map(
        series.sel(energy=slice(8250, 8600)), "edge_energy", definition="half", e0=8340.0,
        pre=(-80, -20), post=(50, 250), min_jump=0.0,
    )  # fmt: skip
    charge = series.charge_mah.values.mean(axis=1)
    full = int(charge.argmax())
    ends = [float(fit.edge_energy[k].mean()) for k in (0, full)]
    line = two_point(*ends, discharged_std=0.02, charged_std=0.02, variable="edge_energy")
    return soc.soc_map(fit, line).isel(y=0, drop=True), charge, full


def spectra(maps, middle):
    """Seven successive spectra at two positions as a map of fourteen pixels, each its own unit."""
    some = maps.isel(state=slice(middle - 3, middle + 4)).rename(state="y").reset_coords(drop=True)
    some = some.drop_vars("x", errors="ignore")
    return some, some.soc.copy(data=np.arange(1, 15).reshape(7, 2)).drop_attrs()


def test_an_edge_that_moves_out_of_step_breaks_the_mass_balance(lno):
    """LiNiO2: the edge hardly moves at first, so half-way the map is 0.16 behind the cycler."""
    maps, charge, full = lno
    found = []
    for middle in (3, 28, full - 3):
        some, labels = spectra(maps, middle)
        passed = charge[middle - 3 : middle + 4].mean() * 1e-3
        told, std = soc_from_charge(passed, charge[full] * 1e-3, reversible_std_ah=2e-5)
        found.append(mass_balance(some, told, std, labels, calibration_std=0.02, draws=300))
    start, half, end = found
    assert not start.mismatch
    assert not end.mismatch
    assert half.mismatch
    assert half.delta == pytest.approx(-0.16, abs=0.03)
    assert "Mass balance broken" in half.verdict


def test_change_and_excess_follow_the_charge(lno):
    maps, charge, full = lno
    (early, labels), (late, _) = spectra(maps, 10), spectra(maps, full - 5)
    change = compare_states(early, late, labels, draws=199)
    assert change.p_value < 0.02
    assert change.shift_low < change.shift < change.shift_high
    assert change.shift == pytest.approx(float(late.soc.mean() - early.soc.mean()), abs=0.01)
    moved = (charge[full - 5] - charge[10]) / charge[full]
    assert change.shift == pytest.approx(moved, abs=0.2)
    # A window that ends half-way through the charge: nothing beyond before, everything after.
    window = (-0.2, float(maps.soc.isel(state=35).mean()))
    assert exceedance(early, labels, limits=window, draws=50).over.share == 0
    assert exceedance(late, labels, limits=window, draws=50).over.share == 1
