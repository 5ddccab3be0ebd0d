"""Energies worth measuring: the best of all subsets, and the sigma that a phantom then shows."""

from itertools import combinations

import numpy as np
import pytest
import xarray as xr

import socwidgets as soc
from socwidgets.analysis.decomposition import pca
from socwidgets.analysis.energy_design import sigma_of
from socwidgets.analysis.energy_model import EnergyPlanParameters, make_design
from socwidgets.analysis.energy_selection import energy_curve, fewest_energies, select_energies
from socwidgets.analysis.fit import fit_map
from socwidgets.analysis.lcf_shift import image_shift, shift_references
from socwidgets.model.errors import ParameterError, ReferenceSpectraError
from socwidgets.model.references import make_references
from socwidgets.model.stack import make_stack
from socwidgets.phantoms.spectra import fe_l3_references, reference_spectrum
from socwidgets.techniques.stxm import prepare_stxm

L3 = np.arange(700.0, 726.0, 0.5)


@pytest.mark.parametrize("criterion", ["soc", "determinant"])
def test_exchange_finds_the_best_of_all_subsets(criterion):
    grid = np.arange(702.0, 716.1, 1.0)
    references = fe_l3_references(L3)
    options = {"criterion": criterion, "background_degree": 0, "sigma": 0.03}
    plan = select_energies(references, candidates=grid, count=4, **options)
    params = EnergyPlanParameters(count=4, **options)
    design = make_design(references, grid, params, None, 4)

    def value(subset):
        if criterion == "soc":
            return np.mean(sigma_of(design, subset) ** 2)
        return -np.mean(
            [
                np.linalg.slogdet(rows[list(subset)].T @ rows[list(subset)])[1]
                for rows in design.rows
            ]
        )

    found = [int(np.argmin(np.abs(grid - e))) for e in plan.energies]
    best = min(
        (s for s in combinations(range(grid.size), 4) if np.isfinite(sigma_of(design, s)).all()),
        key=value,
    )
    assert value(found) == pytest.approx(value(best), rel=1e-6)
    assert plan.sigma < plan.sigma_even or criterion == "determinant"


@pytest.mark.parametrize("background", [-1, 0, 1])
def test_predicted_sigma_is_what_a_phantom_shows(rng, background):
    """Poisson counts at the planned energies, fitted as a user would: 4 % on 3600 pixels."""
    references = fe_l3_references(L3)
    options = {"counts": 2000.0, "flats": 10, "thickness": 0.7, "background_degree": background}
    plan = select_energies(references, count=7, compositions=(0.3,), **options)
    at = plan.energies
    od = 0.7 * (references.sel(energy=at).values.T @ [0.7, 0.3])[:, None, None]
    shape = (at.size, 60, 60)
    frames = rng.poisson(2000.0 * np.exp(-od) * np.ones(shape))
    flats = rng.poisson(2000.0 * np.ones((10, *shape))).mean(axis=0)
    stack = make_stack(-np.log(frames / flats), at, quantity="optical_density", pixel_um=0.04)
    stack["signal_std"] = xr.full_like(stack.signal, 0.03)
    maps = fit_map(
        stack, "lcf", references=references, background_degree=background, constraint="none"
    )
    assert float(maps.fraction_FP_free.std()) == pytest.approx(plan.sigma, rel=0.05)
    # log of Poisson counts: a bias of 1/(2N) in each OD, far below sigma.
    assert float(maps.fraction_FP_free.mean()) == pytest.approx(0.3, abs=0.1 * plan.sigma)


@pytest.mark.parametrize("law", ["line", "E^-3"])
def test_the_background_of_the_plan_is_that_of_the_fit(law):
    """Over 400 eV at 700 eV the two backgrounds differ, and so does what is left of the lines."""
    grid = np.arange(500.0, 900.0, 5.0)
    lines = {"a": (660.0, 40.0), "b": (700.0, 60.0)}
    references = make_references(
        {n: (grid, np.exp(-(((grid - c) / w) ** 2))) for n, (c, w) in lines.items()}
    )
    options = {"background_degree": 1, "background_law": law}
    plan = select_energies(references, count=8, sigma=0.02, compositions=(0.4,), **options)
    od = references.sel(energy=plan.energies).values.T @ [0.6, 0.4] + (plan.energies / 500.0) ** -3
    stack = make_stack(od[:, None, None] * np.ones((1, 2, 2)), plan.energies)
    stack["signal_std"] = xr.full_like(stack.signal, 0.02)
    maps = fit_map(
        stack.assign_attrs(quantity="optical_density"), "lcf", references=references,
        constraint="none", weighting="noise", **options,
    )  # fmt: skip
    if law == "E^-3":  # which is what was planted; a line does not follow it
        assert float(maps.fraction_b_free[0, 0]) == pytest.approx(0.4, abs=1e-4)
        assert float(maps.fraction_b_free_std[0, 0]) == pytest.approx(plan.sigma, rel=1e-3)
    other = {**options, "background_law": {"line": "E^-3", "E^-3": "line"}[law]}
    same = {"candidates": plan.energies, "count": 8, "sigma": 0.02, "compositions": (0.4,)}
    assert select_energies(references, **same, **other).sigma != pytest.approx(plan.sigma, rel=0.02)


def test_the_prediction_is_golden_g18():
    grid = np.r_[np.arange(8330, 8356, 1.0), np.arange(8360, 8400, 10.0)]
    names = ("NiO", "LiNiO2")
    references = make_references({n: (grid, reference_spectrum(n, grid)) for n in names})
    plan = select_energies(
        references, count=grid.size, sigma=0.05, background_degree=-1, sum_to_one=True
    )
    assert plan.sigma == pytest.approx(0.0437, abs=2e-4)
    assert plan.sigma == pytest.approx(plan.sigma_all)


def test_chosen_energies_beat_even_ones_and_all_at_the_same_dose():
    references = fe_l3_references(L3)
    plan = select_energies(references, count=5, counts=20000.0, share_dose=True)
    assert plan.sigma < 0.7 * plan.sigma_even
    assert plan.sigma < 0.8 * plan.sigma_all
    curve = energy_curve(references, [5, 6, 10, 20, L3.size])
    assert (np.diff(curve.sigma) < 0).all()
    assert curve.sigma.iloc[-1] == pytest.approx(curve.sigma_all.iloc[-1])
    assert list(map(len, curve.energies)) == list(curve["count"])


def test_required_energies_bounds_and_named_component():
    references = fe_l3_references(L3)
    plan = select_energies(references, count=5, required=[700.2, 720.0], low=700, high=722)
    assert {700.0, 720.0} <= set(plan.energies)
    assert plan.energies.max() <= 722
    swapped = select_energies(references, count=5, charged="LFP", compositions=(0.9, 0.5, 0.1))
    same = select_energies(references, count=5, charged="FP")
    np.testing.assert_array_equal(swapped.energies, same.energies)
    assert set(same.by_composition) == {0.1, 0.5, 0.9}


def test_fewest_energies():
    references = fe_l3_references(L3)
    plan = fewest_energies(references, 0.03, counts=2000.0)
    assert plan.sigma <= 0.03
    fewer = select_energies(references, count=plan.energies.size - 1, counts=2000.0)
    assert fewer.sigma > 0.03
    with pytest.raises(ParameterError, match="no number of energies"):
        fewest_energies(references, 1e-4, counts=2000.0, candidates=np.arange(705.0, 715.0))


def test_bad_plans():
    references = fe_l3_references(L3)
    # Four would be enough for the unknowns, but fit_map wants one more.
    for count in (4, 100):
        with pytest.raises(ParameterError, match="does not work"):
            select_energies(references, count=count)
    with pytest.raises(ReferenceSpectraError, match="do not cover"):
        select_energies(references, candidates=np.arange(690.0, 720.0))
    with pytest.raises(ParameterError, match="no fractions"):
        select_energies(references, compositions=(1.2,))
    with pytest.raises(ParameterError, match="no reference 'NiO'"):
        select_energies(references, charged="NiO")
    twins = make_references({n: (L3, np.linspace(0, 1, L3.size)) for n in "ab"})
    with pytest.raises(ReferenceSpectraError, match="cannot be told apart"):
        select_energies(twins)


@pytest.fixture(scope="module")
def als(shared_data):
    """Optical density with its noise, mask of thick pixels, references of another scan, noise."""
    folder = shared_data / "als_stxm_fe"
    od = prepare_stxm(soc.optical_density(soc.open_stack(folder / "71214098.hdr")))
    files = {"Fe(II)": folder / "reduced.t", "Fe(III)": folder / "oxidized.t"}
    references = soc.open_references(files)
    jump = soc.edge_jump(od)
    thick = (jump.edge_jump > 0.15) & (od.status == 0)
    # The scan has one I0 and no flats: the scatter that no component explains tells the noise.
    sigma = pca(_covered(od, references), mask=thick).attrs["noise_std"]
    od["signal_std"] = xr.full_like(od.signal, sigma)
    return od, thick, references, sigma


def _covered(od, references):
    low, high = float(references.energy.min()), float(references.energy.max())
    return od.sel(energy=slice(low, high))


@pytest.mark.realdata
def test_how_few_of_the_123_energies_of_the_als_stack_would_have_done(als):
    od, thick, references, sigma = als
    options = {"references": references, "mask": thick, "constraint": "none"}
    inside = _covered(od, references)
    every = fit_map(inside, "lcf", **options)
    plan = fewest_energies(
        references,
        2.0 * float(every["fraction_Fe(III)_free_std"].where(thick).median()),
        candidates=inside.energy.values,
        sigma=sigma,
        thickness=float(every.thickness.where(thick).median()),
        compositions=(0.2,),
    )
    assert plan.energies.size <= 12
    assert plan.sigma_even > 3 * plan.sigma
    few = fit_map(inside.sel(energy=plan.energies), "lcf", **options)
    seen = thick.values
    a, b = (m["fraction_Fe(III)_free"].values[seen] for m in (every, few))
    std = float(few["fraction_Fe(III)_free_std"].where(thick).median())
    assert std == pytest.approx(plan.sigma, rel=0.25)
    assert np.corrcoef(a, b)[0, 1] > 0.95
    # Beside the noise the misfit of these references, which come from another scan, scatters.
    added = np.sqrt(plan.sigma**2 - plan.sigma_all**2)
    assert 1.0 < 0.7413 * np.subtract(*np.percentile(b - a, [75, 25])) / added < 3.0
    # And the mean moves, as it does by 0.07 for each 0.1 eV of the energy scale: a systematic
    # uncertainty that few energies on steep slopes do not average out.
    assert 0.1 < abs(np.median(b - a)) < 0.2


@pytest.mark.realdata
def test_ten_of_the_123_energies_do_once_the_energy_scale_is_right(als):
    """The scale of the image is 0.19 eV off its references, and the plan allows for such errors."""
    od, thick, references, sigma = als
    shift = image_shift(_covered(od, references), references, mask=thick)
    assert shift.shift == pytest.approx(-0.19, abs=0.03)
    moved = shift_references(references, shift.shift)
    inside = _covered(od, moved)
    options = {"references": moved, "mask": thick, "constraint": "none"}
    every = fit_map(inside, "lcf", **options)
    thickness = float(every.thickness.where(thick).median())
    plan = select_energies(
        moved, count=10, candidates=inside.energy.values, sigma=sigma, thickness=thickness,
        compositions=(0.2,), jitter=0.2,
    )  # fmt: skip
    few = fit_map(inside.sel(energy=plan.energies), "lcf", **options)
    a, b = (m["fraction_Fe(III)_free"].values[thick.values] for m in (every, few))
    assert np.corrcoef(a, b)[0, 1] > 0.95
    assert abs(np.median(b - a)) < plan.sigma
    assert plan.sigma < 0.06
    assert plan.sigma_even > 1.5 * plan.sigma


def test_jitter_of_the_energies_is_predicted_and_planned_for(rng):
    """3600 repeats, each frame at its own slightly wrong energy."""
    references = fe_l3_references(np.arange(699.0, 727.0, 0.05))
    options = {"sigma": 0.02, "compositions": (0.5,), "candidates": L3, "background_degree": 0}
    jitter = 0.15
    spread = {}
    for planned_for in (0.0, jitter):
        plan = select_energies(references, count=6, jitter=planned_for, **options)
        moved = plan.energies[:, None] + rng.normal(0, jitter, (6, 3600))
        mean = references.values.mean(axis=0)
        signal = np.interp(moved, references.energy.values, mean) + rng.normal(0, 0.02, moved.shape)
        stack = make_stack(signal.reshape(6, 60, 60), plan.energies, quantity="optical_density")
        maps = fit_map(stack, "lcf", references=references, constraint="none", background_degree=0)
        spread[planned_for] = float(maps.fraction_FP_free.std())
    assert spread[jitter] < spread[0.0]
    # To first order in an energy error that is a fifth of the lines' width.
    assert spread[jitter] == pytest.approx(plan.sigma, rel=0.15)


def test_candidates_in_kev_and_a_single_reference():
    references = fe_l3_references(L3)
    plan = select_energies(references, candidates=L3, count=6)
    with pytest.warns(UserWarning, match="candidates: energies of 0.7 to 0.7255 can only be keV"):
        same = select_energies(references, candidates=L3 / 1e3, count=6)
    np.testing.assert_allclose(same.energies, plan.energies)
    with pytest.raises(ReferenceSpectraError, match="one reference has no fraction"):
        select_energies(references.isel(component=[0]), count=6)
