"""2-D XAFS from counts to valence classes on the phantom of a spreading reaction (Fig. 13)."""

import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.fit import fit_map
from socwidgets.analysis.optical_density import optical_density
from socwidgets.model.errors import CalibrationWarning
from socwidgets.phantoms import make_phantom
from socwidgets.phantoms.row_energy import simulate_xafs2d
from socwidgets.techniques.valence_classes import class_fractions, reaction_front, valence_classes
from socwidgets.techniques.xafs2d import correct_row_energy, fit_row_energy

ENERGIES = tuple(
    np.concatenate([np.arange(7060, 7105, 5.0), np.arange(7105, 7146), np.arange(7150, 7240, 6)])
)
WINDOWS = {"e0": 7122.0, "pre": (-60, -17), "post": (30, 100)}


def measured(time, seed):
    params = {"time": time, "size_px": 48, "pixel_um": 75.0, "element": "Fe", "n_centers": 1}
    phantom = make_phantom("reaction_channel", {**params, "oversample": 1}, seed=3)
    counts = simulate_xafs2d(phantom, seed=seed, energies_ev=ENERGIES)
    return phantom, optical_density(counts), counts.truth_row_offset.values


def edges(stack):
    return fit_map(stack, "edge_energy", definition="half", **WINDOWS)["edge_energy"]


@pytest.fixture(scope="module")
def camera():
    """Row model from the pristine electrode, and the truth."""
    _, pristine, truth = measured(0.0, 1)
    return fit_row_energy(pristine, band_rows=4), truth


@pytest.fixture(scope="module")
def charged():
    return measured(0.5, 2)


def test_row_energies_are_removed_to_some_millielectronvolts(camera):
    model, truth = camera
    left = model.shift(np.arange(truth.size) * 75.0) - truth
    assert np.ptp(truth) > 8.0
    assert np.sqrt(np.mean((left - left.mean()) ** 2)) < 0.05


def test_a_sample_that_has_reacted_is_no_standard(charged):
    """Its line is wrong by some hundredths of an eV and more: the rows say so."""
    with pytest.warns(CalibrationWarning, match="not the same everywhere"):
        model = fit_row_energy(charged[1], band_rows=4)
    left = model.shift(np.arange(charged[2].size) * 75.0) - charged[2]
    assert model.residual_ev > np.std(left) > 0.03


def test_the_false_gradient_of_the_unreacted_part(camera, charged):
    phantom, od, truth = charged
    unreacted = phantom.truth.soc < 0.05
    slopes = []
    for stack in (od, correct_row_energy(od, camera[0])):
        rows = edges(stack).where(unreacted).median("x").values
        seen = np.isfinite(rows)
        slopes.append(np.polyfit(np.flatnonzero(seen), rows[seen], 1)[0] * truth.size)
    assert slopes[0] == pytest.approx(-np.ptp(truth), rel=0.1)
    assert abs(slopes[1]) < 0.05


def test_classes_follow_the_reaction(camera):
    maps, phantoms = [], []
    for number, time in enumerate((0.3, 0.5, 0.7)):
        phantom, od, _ = measured(time, 10 + number)
        maps.append(edges(correct_row_energy(od, camera[0])))
        phantoms.append(phantom)
    series = xr.concat(maps, xr.Variable("time", [0.3, 0.5, 0.7]))
    classes = valence_classes(series, (7120.2, 7121.4))
    shares = class_fractions(classes)["high"].to_numpy()
    # The mixed rim is split by the upper threshold near three quarters of the way.
    truth = np.array([float((p.truth.soc > 0.65).mean()) for p in phantoms])
    assert shares == pytest.approx(truth, abs=0.05)
    front = reaction_front(classes)
    radii = np.array([p.numbers["radius_1"] for p in phantoms])
    speed = np.polyfit([0.3, 0.5, 0.7], radii, 1)[0]
    assert front.attrs["speed"] == pytest.approx(speed, rel=0.15)
