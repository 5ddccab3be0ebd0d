"""Standards read through the rows of a camera: shares without ripple, lean or slope."""

import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.fit import fit_map
from socwidgets.model.errors import DataError
from socwidgets.model.stack import make_stack
from socwidgets.phantoms import make_phantom
from socwidgets.techniques.xafs2d import RowEnergy, correct_row_energy
from socwidgets.techniques.xafs2d_standards import RowStandards, refine_rows

ENERGIES = np.r_[6980:7095:10, 7100:7150:1, 7160:7320:10].astype(float)
WINDOWS = {"definition": "half", "e0": 7119.0, "pre": (-120.0, -25.0), "post": (60.0, 190.0)}
ROWS_UM = np.arange(24) * 40.0
PER_UM = 0.1 / 40.0


@pytest.fixture(scope="module")
def references():
    return make_phantom("reaction_channel", seed=0, size_px=16, element="Fe").references


def model(per_um=PER_UM):
    nothing = xr.Dataset({"shift": ("y", ROWS_UM * 0)})
    return RowEnergy(0.0, per_um, float(ROWS_UM.mean()), 0.0, 0.0, 0.0, nothing)


def edges(stack, rows):
    return fit_map(correct_row_energy(stack, rows), "edge_energy", **WINDOWS)


def camera(references, shares, noise=0.0, wrong=0.0, seed=0, per_um=PER_UM):
    """Optical density of a field of known shares, ``(y, x)``, each row at its own energies."""
    rng = np.random.default_rng(seed)
    at = ENERGIES + wrong * rng.standard_normal(ENERGIES.size)
    seen = at[:, None] + model(per_um).shift(ROWS_UM)[None]
    pure = references.interp(energy=xr.DataArray(seen, dims=("e", "y")), method="cubic")
    first, second = pure.transpose(..., "e", "y").values
    od = first[:, :, None] + shares * (second - first)[:, :, None]
    stack = make_stack(od + rng.normal(0, noise or 1e-9, od.shape), ENERGIES, quantity="normalized")
    stack["signal_std"] = xr.full_like(stack["signal"], noise or 1e-9)
    return stack.assign_coords(y=("y", ROWS_UM, stack["y"].attrs))


@pytest.fixture(scope="module")
def known(references):
    return RowStandards.of(
        references, ENERGIES, ROWS_UM, model(), lambda s: edges(s, model())["edge_energy"],
        error_ev=0.01, within_ev=(7109.0, 7131.0),
    )  # fmt: skip


def test_each_row_gives_its_own_share_back(references, known):
    shares = np.linspace(0, 1, 11) * np.ones((ROWS_UM.size, 1))
    read = edges(camera(references, shares), model())
    found, _std = known.shares_of(read["edge_energy"], read["edge_energy_std"])
    # One curve for all rows leaves a hundredth; between the shares that were read lie lines, which
    # left 0.0008 where these were a sixteenth apart.
    np.testing.assert_allclose(found, shares, atol=2e-4)
    ripple = np.ptp(read["edge_energy"].values, axis=0).max()
    assert ripple > 0.003


def test_noise_does_not_move_the_mean(references, known):
    """The scale is bent: without its second order the mean is several standard errors off."""
    shares = np.full((ROWS_UM.size, 400), 0.0)
    shares[:, 200:] = 0.3
    read = edges(camera(references, shares, noise=0.012), model())
    found, std = known.shares_of(read["edge_energy"], read["edge_energy_std"])
    for part, true in ((np.s_[:, :200], 0.0), (np.s_[:, 200:], 0.3)):
        error = std[part].mean() / np.sqrt(found[part].size)
        assert abs(found[part].mean() - true) < 4 * error
        assert found[part].std() == pytest.approx(std[part].mean(), rel=0.1)


def test_wrong_energies_make_the_errors_that_are_stated(references, known):
    shares = np.full((ROWS_UM.size, 2), 0.0)
    shares[:, 1] = 0.7
    means, offsets = [], []
    for seed in range(40):
        read = edges(camera(references, shares, wrong=0.01, seed=seed), model())
        found, _ = known.shares_of(read["edge_energy"], read["edge_energy_std"])
        means.append(found.mean() - shares.mean())
        pure = np.abs(known.shares).argmin()
        offsets.append((read["edge_energy"].values[:, 0] - known.energy[:, pure]).mean())
    # Forty draws know a standard deviation to 11 %.
    assert np.std(means) == pytest.approx(known.sigma_of_mean(shares), rel=0.35)
    assert np.std(offsets) == pytest.approx(known.sigma_of_offset(), rel=0.35)


def test_a_slope_that_was_left_is_taken_out(references):
    wrong = model(1.02 * PER_UM)
    known = RowStandards.of(
        references, ENERGIES, ROWS_UM, wrong, lambda s: edges(s, wrong)["edge_energy"]
    )
    blank = camera(references, np.zeros((ROWS_UM.size, 60)), noise=0.01)
    refined = refine_rows(wrong, edges(blank, wrong)["edge_energy"], known)
    assert abs(refined.b - PER_UM) < 4 * refined.b_std
    assert refined.b_std < 0.005 * PER_UM
    assert known.sigma_of_offset() == 0.0


def test_standards_that_do_not_differ_are_refused(references):
    same = references.copy(data=references.values[[0, 0]])
    with pytest.raises(DataError, match="does not rise"):
        RowStandards.of(
            same, ENERGIES, ROWS_UM, model(), lambda s: edges(s, model())["edge_energy"]
        )
