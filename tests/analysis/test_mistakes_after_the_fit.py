"""Mistakes in fits by references, without references and in calibrations, each with its words."""

import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.calibration import TwoPoint, calibrated_map, soc_map, standards, two_point
from socwidgets.analysis.composition import convert_map
from socwidgets.analysis.decomposition import denoise, pca
from socwidgets.analysis.denoise_effect import denoise_effect
from socwidgets.analysis.fit import fit_map
from socwidgets.analysis.lcf_selection import choose_components
from socwidgets.analysis.lcf_shift import image_shift, shifted_lcf
from socwidgets.analysis.materials import material
from socwidgets.analysis.mixture import gaussian_mixture
from socwidgets.analysis.vertices import simplex_vertices
from socwidgets.model.errors import (
    CalibrationWarning,
    DataError,
    ParameterError,
    ReferenceSpectraError,
    SchemaError,
)
from socwidgets.model.references import make_references
from socwidgets.model.stack import make_stack
from socwidgets.phantoms.spectra import fe_l3_references, reference_spectrum
from socwidgets.techniques.stxm_soc import polar_soc, two_energy_soc

FINE = np.arange(6500.0, 6700.5, 0.5)
GRID = np.arange(6520.0, 6620.0, 2.0)
NOISE = 0.01


def manganese(shift=0.0, grid=FINE):
    return {n: reference_spectrum(n, grid - shift) for n in ("MnO", "Mn2O3")}


REFERENCES = make_references({n: (FINE, v) for n, v in manganese().items()})


def mixed(shift=0.0, background=0.0):
    """Fractions of Mn2O3 ``(y, x)`` and a stack of them whose energies are off by `shift`."""
    rng = np.random.default_rng(4)
    share = rng.uniform(0, 1, (12, 12))
    first, second = (s[:, None, None] for s in manganese(shift, GRID).values())
    od = first * (1 - share) + second * share + background * np.ones((GRID.size, 1, 1))
    od = od + rng.normal(0, NOISE, od.shape)
    return share, make_stack(od, GRID, quantity="optical_density", signal_std=NOISE)


@pytest.fixture(scope="module")
def od():
    return mixed()[1]


@pytest.fixture(scope="module")
def iron():
    """Lithium ``(y, x)`` and a stack at the Fe L3 edge with its references."""
    x = np.linspace(0, 1, 16).reshape(4, 4)
    energies = np.array([700.0, 702.0, 708.2, 710.2])
    lfp, fp = fe_l3_references(energies).values[:, :, None, None]
    stack = make_stack(
        lfp * x + fp * (1 - x), energies, quantity="optical_density", signal_std=0.01
    )
    return x, stack, fe_l3_references(np.arange(699.0, 730.0, 0.1))


def test_the_noise_of_a_stack_is_a_variable_of_it(od):
    assert od.signal_std.shape == od.signal.shape
    assert float(od.signal_std[0, 0, 0]) == pytest.approx(NOISE)
    with pytest.raises(SchemaError, match="signal_std"):
        make_stack(od.signal.values, GRID, signal_std=np.ones((3, 3)))


def test_references_may_come_in_either_order(od):
    turned = fit_map(od, "lcf", references=REFERENCES.T)
    xr.testing.assert_allclose(turned, fit_map(od, "lcf", references=REFERENCES))


def test_a_shift_at_its_bound_warns():
    share, stack = mixed(shift=1.2)
    with pytest.warns(CalibrationWarning, match="at its bound"):
        shifted_lcf(stack, REFERENCES)
    share, stack = mixed(shift=0.3)
    found = shifted_lcf(stack, REFERENCES)
    assert float(found.fraction_Mn2O3_free.mean()) == pytest.approx(share.mean(), abs=0.005)


def test_the_shift_is_found_along_the_background_of_the_fit():
    law = 40.0 * (GRID / GRID.mean())[:, None, None] ** -3.0
    _, stack = mixed(shift=0.2, background=law)
    found = image_shift(stack, REFERENCES, background_law="E^-3")
    assert found.shift == pytest.approx(0.2, abs=5 * found.std)
    assert found.rms < 0.7 * image_shift(stack, REFERENCES).rms


def test_components_are_chosen_for_one_spectrum(od):
    with pytest.raises(DataError, match="one spectrum"):
        choose_components(od.signal, REFERENCES)


def test_two_energies_refuse_what_would_turn_the_map_over(iron):
    x, stack, references = iron
    found = two_energy_soc(stack, references.T, charged="FP")
    np.testing.assert_allclose(found.soc, 1 - x, atol=1e-6)
    turned = two_energy_soc(stack, references, charged="LFP")
    np.testing.assert_allclose(turned.soc, x, atol=1e-6)
    with pytest.raises(ParameterError, match="no reference 'FePO4'"):
        two_energy_soc(stack, references, charged="FePO4")
    with pytest.raises(ReferenceSpectraError, match="no reference spectra"):
        two_energy_soc(stack, None)
    axis, lfp = references.energy.values, references.values[0]
    same = make_references({"thin": (axis, lfp), "thick": (axis, 2 * lfp)})
    with pytest.raises(ReferenceSpectraError, match="same ratio"):
        two_energy_soc(stack, same)


def test_two_energies_of_an_empty_image_warn(iron):
    _, stack, references = iron
    empty = stack.assign(signal=stack.signal * 0)
    with pytest.warns(UserWarning, match="no pixel of the two-energy map .* too little signal"):
        two_energy_soc(empty, references)
    with pytest.warns(UserWarning, match="no pixel of the polar-angle map"):
        polar_soc(empty)


def test_components_belong_to_their_stack(od):
    found = pca(od, n_components=2)
    assert denoise(od, found).signal.shape == od.signal.shape
    for other in (od.isel(energy=slice(0, 30)), od.isel(y=slice(0, 5)),
                  od.assign_coords(energy=od.energy + 7.0)):  # fmt: skip
        with pytest.raises(DataError, match="another stack"):
            denoise(other, found)
    everywhere = np.ones(od.signal.shape[1:], bool)
    xr.testing.assert_allclose(pca(od, mask=everywhere, n_components=2).scores, found.scores)
    with pytest.raises(DataError, match="makes no map"):
        denoise_effect(od, lambda stack: 3.0)


def test_a_mixture_in_all_energies_is_refused(od):
    with pytest.raises(DataError, match="pca"):
        gaussian_mixture(od)


def test_corners_that_are_noise_warn(recwarn):
    rng = np.random.default_rng(5)
    plain = reference_spectrum("MnO", GRID)[:, None, None] * rng.uniform(0.8, 1.2, (12, 12))
    stack = make_stack(plain + rng.normal(0, NOISE, plain.shape), GRID, quantity="optical_density")
    with pytest.warns(UserWarning, match="only 1 of 2 components"):
        simplex_vertices(stack, n_vertices=2)
    recwarn.clear()
    simplex_vertices(mixed()[1], n_vertices=2)
    assert not recwarn.list


def test_calibrations_need_numbers_that_are_some(od):
    maps = fit_map(od, "white_line", half_width=4.0)
    for wrong in (6550.0, (6550.0, 6552.0)):
        for call in (soc_map, calibrated_map):
            with pytest.raises(ParameterError, match="no calibration"):
                call(maps, wrong)
    for options in ({"discharged": np.nan}, {"charged_std": np.inf}):
        with pytest.raises(ParameterError, match="finite"):
            TwoPoint(**{"discharged": 6550.0, "charged": 6552.0, **options})
    with pytest.raises(ParameterError, match="values_std"):
        standards([6550, 6552], [0, 1], values_std=(np.nan, 0.1))
    with pytest.raises(ParameterError, match="the compositions of standards are no numbers"):
        standards([6550, 6552], ["NiO", "LiNiO2"])


def test_a_material_may_be_named(od):
    maps = soc_map(fit_map(od, "lcf", references=REFERENCES), two_point(0.0, 1.0))
    by_name = convert_map(maps, "x_li", "NMC622")
    xr.testing.assert_allclose(by_name, convert_map(maps, "x_li", material("NMC622")))
    with pytest.raises(ParameterError, match="NMC999"):
        convert_map(maps, "x_li", "NMC999")
