"""Where a linear combination fit ends: forced sums, six references, references that are none."""

import warnings

import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.calibration import soc_map, two_point
from socwidgets.analysis.fit import fit_map, fit_spectrum
from socwidgets.analysis.lcf_selection import choose_components
from socwidgets.analysis.materials import material
from socwidgets.model.errors import DataError, ParameterError, ReferenceSpectraError
from socwidgets.model.references import make_references
from socwidgets.model.stack import make_stack
from socwidgets.phantoms.spectra import reference_spectrum

#: A usual TXM protocol: 67 energies.
GRID = np.r_[np.arange(8200, 8321, 10.0), np.arange(8330, 8356, 1.0), np.arange(8360, 8631, 10.0)]
NICKEL = ("NiO", "LiNiO2")


def nickel(grid=GRID, names=NICKEL):
    return make_references({n: (grid, reference_spectrum(n, grid)) for n in names})


def spectrum_of(values, grid=GRID):
    return xr.DataArray(values, {"energy": ("energy", grid, {"units": "eV"})}, ("energy",))


def nickel_stack(rng, fraction, noise=0.01, thick=0.8):
    low, high = (reference_spectrum(n, GRID)[:, None, None] for n in NICKEL)
    signal = thick * (low * (1 - fraction) + high * fraction) + 0.2
    signal = signal + rng.normal(0, noise, signal.shape)
    stack = make_stack(signal.astype(np.float32), GRID, quantity="optical_density", pixel_um=0.04)
    stack["signal_std"] = xr.full_like(stack.signal, noise)
    return stack


def test_weights_forced_to_one_warn_where_the_thickness_is_another(rng):
    """The sum means thickness: on optical densities it is forced wrong, and in silence it was."""
    fraction = np.linspace(0.0, 1.0, 12)[None, :] * np.ones((8, 1))
    window = {"low": 8320, "high": 8400, "references": nickel()}
    thin = nickel_stack(rng, fraction, thick=0.5)
    for constraint in ("sum_to_one", "simplex"):
        with pytest.warns(UserWarning, match=r"add up to 0\.50 .* are not normalized"):
            maps = fit_map(thin, "lcf", constraint=constraint, **window)
        assert "not normalized" in maps.attrs["sum_doubt"]
        assert "not normalized" in soc_map(maps).attrs["sum_doubt"]
    # A wedge that is 1 on the average: the mean spectrum would not show it.
    wedge = nickel_stack(rng, fraction, thick=np.linspace(0.2, 1.8, 8)[:, None])
    with pytest.warns(UserWarning, match="not normalized"):
        fit_map(wedge, "lcf", constraint="sum_to_one", **window)
    gap = thin.copy(deep=True)
    gap.signal[30] = np.nan
    with pytest.warns(UserWarning, match="not normalized"):
        fit_map(gap, "lcf", constraint="sum_to_one", **window)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        right = nickel_stack(rng, fraction, thick=1.0, noise=0.2)
        assert "sum_doubt" not in fit_map(right, "lcf", constraint="sum_to_one", **window).attrs
        fit_map(thin, "lcf", constraint="non_negative", **window)
        # What is left out of the fit does not count.
        thin["status"] = (("y", "x"), np.zeros(fraction.shape, np.uint8))
        thin.signal[:, 4:] = right.signal[:, 4:]
        mask = xr.zeros_like(thin.signal[0], dtype=bool)
        mask[4:] = True
        fit_map(thin, "lcf", constraint="sum_to_one", mask=mask, **window)
    spectrum = thin.signal[:, 0, 0].astype(float)
    with pytest.warns(UserWarning, match=r"add up to 0\.\d\d: the spectra"):
        one = fit_spectrum(spectrum, "lcf", constraint="sum_to_one", **window)
    assert one.attrs["sum_doubt"]
    with pytest.warns(UserWarning, match="not normalized"):
        choose_components(spectrum, nickel(), sum_to_one=True, low=8320, high=8400)


def test_the_choice_of_components_knows_the_background_of_the_fit(rng):
    """A steep E^-3 under three references: as a line it takes one that is not there."""
    library = nickel(GRID, ("NiO", "LiNiO2", "Ni4+"))
    library[2] = library.values[1] * (1.0 + (GRID - 8400.0) ** 2 / 1e5)
    truth = 0.4 * reference_spectrum("NiO", GRID) + 0.6 * reference_spectrum("LiNiO2", GRID)
    seen = truth + 3.0 * (GRID / 8333.0) ** -3 + rng.normal(0, 3e-4, GRID.size)
    found = {
        law: choose_components(spectrum_of(seen), library, background_law=law)
        for law in ("line", "E^-3")
    }
    assert found["E^-3"].components.iloc[0] == "NiO + LiNiO2"
    assert found["E^-3"].weights.iloc[0] == pytest.approx((0.4, 0.6), abs=0.002)
    assert found["line"].components.iloc[0] != "NiO + LiNiO2"
    assert list(found["line"].columns) == [
        "components", "n_components", "r_factor", "chi_square", "bic", "aic", "weights", "delta",
    ]  # fmt: skip


@pytest.mark.parametrize("constraint", ["none", "non_negative", "sum_to_one", "simplex"])
@pytest.mark.parametrize("law", ["none", "line", "E^-3"])
def test_six_references_with_every_constraint_and_background(rng, constraint, law):
    """As many as there may be: fractions within their sigma, and the condition number is told."""
    near = np.r_[8200:8321:10, 8330:8380, 8384:8631:6].astype(float)
    six = {
        f"r{i}": (near, reference_spectrum(NICKEL[i % 2], near - 6.0 * (i // 2))) for i in range(6)
    }
    references = make_references(six)
    planted = rng.dirichlet(np.full(6, 2.0), size=(24, 24)).transpose(2, 0, 1)
    thick = 1.0 if "one" in constraint or constraint == "simplex" else 0.6
    signal = thick * np.einsum("kyx,ke->eyx", planted, references.values)
    base = {"none": 0.0 * near, "line": 0.1 + 2e-4 * (near - 8400),
            "E^-3": 0.8 * (near / 8333) ** -3}[law]  # fmt: skip
    signal = signal + base[:, None, None] + rng.normal(0, 0.01, signal.shape)
    stack = make_stack(signal.astype(np.float32), near, quantity="optical_density")
    stack["signal_std"] = xr.full_like(stack.signal, 0.01)
    options = {"background_degree": -1} if law == "none" else {"background_law": law}
    maps = fit_map(stack, "lcf", references=references, constraint=constraint, **options)
    assert 40 < maps.attrs["condition_number"] < 100
    for k in range(6):
        name = f"fraction_r{k}_free"
        pull = (maps[name].values - planted[k]) / maps[f"{name}_std"].values
        assert pull.std() == pytest.approx(1.0, abs=4 / (2 * pull.size) ** 0.5)
        assert abs(pull.mean()) < 4 / pull.size**0.5
    with pytest.raises(ReferenceSpectraError, match=r"collinear[\s\S]*condition number up to 30"):
        fit_map(stack, "lcf", references=references, max_condition=30.0)


def test_references_of_one_name_are_refused(rng):
    """The second took the place of the first in the maps."""
    stack = nickel_stack(rng, np.full((4, 4), 0.4))
    twins = nickel().assign_coords(component=["Ni", "Ni"])
    with pytest.raises(ReferenceSpectraError, match="two references have the name 'Ni'"):
        fit_map(stack, "lcf", references=twins)
    with pytest.raises(ReferenceSpectraError, match="two references have the name 'Ni'"):
        choose_components(stack.signal[:, 0, 0], twins)


def test_a_reference_of_zeros_is_named(rng):
    stack = nickel_stack(rng, np.full((4, 4), 0.4))
    empty = nickel(names=("NiO", "LiNiO2", "Ni4+"))
    empty[2] = 0.0
    with pytest.raises(ReferenceSpectraError, match=r"Ni4\+ is zero"):
        fit_map(stack, "lcf", references=empty)


def test_one_reference_has_no_state_of_charge(rng):
    """It was 1 everywhere."""
    stack = nickel_stack(rng, np.full((4, 4), 0.4))
    maps = fit_map(stack, "lcf", references=nickel(names=("NiO",)))
    with pytest.raises(DataError, match="no state of charge"):
        soc_map(maps)
    with pytest.raises(DataError, match="already"):
        soc_map(soc_map(fit_map(stack, "lcf", references=nickel())))


def test_references_in_kev_are_converted_and_say_so():
    with pytest.warns(UserWarning, match="'NiO': energies of 8.2 to 8.63 can only be keV"):
        made = make_references({"NiO": (GRID / 1e3, reference_spectrum("NiO", GRID))})
    np.testing.assert_allclose(made.energy, GRID)


def test_a_calibration_knows_what_it_was_made_with_or_nothing():
    with pytest.raises(ParameterError, match="measured_with"):
        two_point(8350.0, 8352.0, made_with="two standards")
    with pytest.raises(ParameterError, match="did you mean 'NMC622'"):
        material("nmc622")
