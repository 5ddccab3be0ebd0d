"""The energy axis: foils, two-point Bragg, alignment of scans, offsets between beamlines."""

import warnings

import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.energy_calibration import (
    FOIL_EDGES,
    bragg_angle,
    bragg_energy,
    calibrate_energies,
    foil_offset,
    recalibrate_bragg,
    shift_energies,
)
from socwidgets.analysis.scan_alignment import align_scan, align_scans, find_e0
from socwidgets.model.errors import CalibrationWarning, DataError, ParameterError
from socwidgets.model.stack import make_stack

GIVEN_E0 = {"Ni": 8333.16, "Co": 7709.34, "Mn": 6538.99, "Fe": 7111.97}


def spectrum(energies, mu):
    return xr.DataArray(mu, {"energy": energies}, dims="energy")


def foil_scan(energies, edge, second=0.8):
    """An edge with two inflections, the second one steeper, as metals have."""
    step = 0.5 + np.arctan((energies - edge) / 1.0) / np.pi
    return 0.6 * step + second * np.exp(-0.5 * ((energies - edge - 9.0) / 1.6) ** 2)


@pytest.mark.parametrize("element", sorted(GIVEN_E0))
def test_foils_of_a_beamline(shared_data, element):
    path = shared_data / "metal_foils" / f"{element} foil {element} K.dat"
    energies, mu = np.loadtxt(path, usecols=(0, 1)).T
    foil = spectrum(energies, mu)
    assert find_e0(foil) == pytest.approx(GIVEN_E0[element], abs=0.1)
    in_kev = spectrum(energies / 1000.0, mu)
    assert find_e0(in_kev) == pytest.approx(GIVEN_E0[element], abs=0.1)
    stack = make_stack(np.ones((3, 2, 2)), [8320.0, 8330.0, 8340.0])
    moved = calibrate_energies(stack, foil, element)
    offset = moved.attrs["energy_offset_applied"]
    # The table value lies within a volt of any of these foils.
    assert offset == pytest.approx(FOIL_EDGES[element] - GIVEN_E0[element], abs=0.4)
    assert moved.energy.values == pytest.approx(stack.energy.values + offset)
    assert moved.energy.attrs == stack.energy.attrs


def test_the_first_inflection_is_meant(rng):
    energies = np.arange(8300.0, 8380.0, 0.25)
    foil = spectrum(energies, foil_scan(energies, 8331.6))
    assert find_e0(foil, refine=True) == pytest.approx(8331.6, abs=0.1)
    assert find_e0(foil, strong=1.0) > 8336.0
    assert foil_offset(foil, "Ni") == pytest.approx(1.4, abs=0.1)


def test_offsets_add_up_and_are_recorded():
    stack = make_stack(np.ones((3, 2, 2)), [8320.0, 8330.0, 8340.0])
    moved = shift_energies(shift_energies(stack, 1.25), -0.5, why="second foil")
    assert moved.attrs["energy_offset_applied"] == pytest.approx(0.75)
    assert moved.energy.values == pytest.approx([8320.75, 8330.75, 8340.75])
    assert "second foil" in moved.attrs["provenance"]


def test_a_foil_that_counts_twice_is_named():
    """The classic slip: a stack that was calibrated when it was saved is calibrated again."""
    energies = np.arange(8310.0, 8385.0, 0.5)
    foil = spectrum(energies, foil_scan(energies, 8331.5))
    stack = make_stack(np.ones((energies.size, 2, 2)), energies)
    once = calibrate_energies(stack, foil, "Ni")
    offset = once.attrs["energy_offset_applied"]
    with pytest.warns(CalibrationWarning, match="counts twice"):
        calibrate_energies(once, foil, "Ni")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        moved = shift_energies(foil, offset)
        again = calibrate_energies(once, moved, "Ni")
    assert again.attrs["energy_offset_applied"] == pytest.approx(offset, abs=1e-6)


@pytest.mark.parametrize("offset_ev", [np.inf, np.nan, 8333.0])
def test_what_is_no_offset_is_refused(offset_ev):
    stack = make_stack(np.ones((3, 2, 2)), [8320.0, 8330.0, 8340.0])
    with pytest.raises(ParameterError, match="no offset of an energy axis"):
        shift_energies(stack, offset_ev)


def test_golden_g15_angles():
    angles = np.degrees(bragg_angle(np.array([6539.0, 7112.0, 7709.0, 8333.0])))
    assert angles == pytest.approx([17.599, 16.140, 14.860, 13.725], abs=6e-4)
    assert bragg_energy(bragg_angle(7000.0)) == pytest.approx(7000.0)


def test_two_point_bragg_undoes_a_wrong_encoder():
    truth = np.arange(6500.0, 8400.0, 50.0)
    turned = bragg_energy(bragg_angle(truth) * 1.0004 + 2e-4)
    edges = np.array([6539.0, 8333.0])
    seen = tuple(np.interp(edges, truth, turned))
    stack = make_stack(np.ones((truth.size, 2, 2)), turned)
    moved = recalibrate_bragg(stack, seen, tuple(edges))
    # The edges are read off a 50 eV grid by a straight line: some millielectronvolts.
    assert moved.energy.values == pytest.approx(truth, abs=0.05)
    one = recalibrate_bragg(stack, float(seen[0]), float(edges[0]))
    assert "recalibrate_bragg" in one.attrs["provenance"]
    assert np.abs(one.energy.values - truth).max() > 0.5
    assert moved.attrs["energy_offset_applied"] == pytest.approx(
        (truth - turned)[truth.size // 2], abs=0.05
    )


@pytest.mark.parametrize("sigma", [0.0, 0.004])
def test_scans_are_aligned(rng, sigma):
    energies = np.arange(8310.0, 8385.0, 0.5)
    center = find_e0(spectrum(energies, foil_scan(energies, 8335.0)))
    reference = spectrum(energies, foil_scan(energies, 8335.0))
    for shift in (-1.37, 0.0, 0.62):
        mu = 1.8 * foil_scan(energies + shift, 8335.0) + 1e-4 * energies
        found = align_scan(
            spectrum(energies, mu + rng.normal(0, sigma, mu.size)), reference, e0=center
        )
        assert found.shift == pytest.approx(shift, abs=0.005 if sigma == 0 else 0.1)
        assert found.scale == pytest.approx(1 / 1.8, rel=0.01 if sigma == 0 else 0.1)


def test_jitter_of_a_series_of_scans(rng):
    energies = np.arange(8310.0, 8385.0, 0.5)
    jitter = np.array([0.0, 0.12, -0.2, 0.07])
    rows = [foil_scan(energies + j, 8335.0) + rng.normal(0, 1e-3, energies.size) for j in jitter]
    scans = xr.DataArray(
        rows, {"scan": [11, 12, 13, 14], "energy": energies}, dims=("scan", "energy")
    )
    found = align_scans(scans)
    assert found["shift"].values == pytest.approx(jitter, abs=0.02)
    assert found.attrs["jitter_ev"] == pytest.approx(np.std(jitter), abs=0.02)
    assert found.scan.values.tolist() == [11, 12, 13, 14]
    scans[2] = 1.0
    with pytest.raises(DataError, match="scan 2"):
        align_scans(scans)


@pytest.mark.parametrize("step", [0.2, 1.0])
def test_noise_of_a_fine_scan_does_not_hold_the_shift_on_the_grid(rng, step):
    """A comparison of derivatives is ruled by their noise here: it left 0.1 eV and more."""
    energies = np.arange(8310.0, 8385.0, step)
    jitter = np.concatenate([[0.0], rng.normal(0, 0.15, 15)])
    rows = [foil_scan(energies + j, 8335.0) + rng.normal(0, 3e-3, energies.size) for j in jitter]
    scans = xr.DataArray(rows, {"energy": energies}, dims=("scan", "energy"))
    error = align_scans(scans)["shift"].values - jitter
    # From the slopes of the curve: 3e-3 / sqrt(sum of their squares), for scan and reference.
    slopes = np.gradient(foil_scan(energies, 8335.0), energies)
    assert error[1:].std() < 2.0 * np.sqrt(2) * 3e-3 / np.sqrt(np.sum(slopes**2))


def test_two_beamlines_differ(shared_data):
    """LiNiO2 of one beamline against the first spectrum of an LiNiO2 electrode at another."""
    energies, mu = np.loadtxt(shared_data / "ni_k_references" / "ref_LiNiO2.txt").T
    record = np.load(shared_data / "lno_operando" / "first_charge.npz")
    first = spectrum(record["energy_ev"], record["mu_norm"][0])
    other = spectrum(1000 * energies, mu)
    found = align_scan(other, first, e0=8342.0)
    # Two beamlines, and a reference powder against an electrode: 2.8 eV in all.
    assert found.shift == pytest.approx(2.8, abs=0.2)
    assert found.residual < 0.5


def test_bad_input():
    energies = np.arange(8310.0, 8385.0, 0.5)
    foil = spectrum(energies, foil_scan(energies, 8335.0))
    with pytest.raises(DataError, match="no edge"):
        find_e0(spectrum(energies, -energies))
    with pytest.raises(DataError, match="too few"):
        find_e0(foil.isel(energy=slice(0, 3)))
    with pytest.raises(DataError, match="not a Fe foil"):
        foil_offset(foil, "Fe")
    with pytest.raises(ParameterError, match="no table value"):
        foil_offset(foil, "Cu")
    with pytest.raises(DataError, match="cover the edge"):
        align_scan(foil.isel(energy=slice(0, 30)), foil)
    with pytest.raises(DataError, match="cannot be aligned"):
        align_scan(foil.assign_coords(energy=foil.energy + 1.5), foil, reach_ev=0.5)
    with pytest.raises(DataError, match="only photon energies"):
        shift_energies(foil.rename(energy="raman_shift"), 1.0)
    with pytest.raises(ParameterError, match="does not reflect"):
        bragg_angle(1000.0)
    with pytest.raises(ParameterError, match="one or two points"):
        recalibrate_bragg(foil, (8333.0,), (8333.0, 7000.0))
