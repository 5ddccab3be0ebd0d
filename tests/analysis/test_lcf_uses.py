"""Around a linear combination fit: shift, choice of components, systematic band; G-18, G-19."""

import json

import numpy as np
import pytest
import xarray as xr

import socwidgets as soc
from socwidgets.analysis.calibration import soc_map
from socwidgets.analysis.fit import fit_map, fit_spectrum
from socwidgets.analysis.lcf_selection import choose_components
from socwidgets.analysis.lcf_shift import image_shift, shifted_lcf
from socwidgets.analysis.lcf_systematics import systematic_band
from socwidgets.model.errors import DataError, ParameterError, ReferenceSpectraError
from socwidgets.model.references import align_references, make_references, shift_references
from socwidgets.model.stack import make_stack
from socwidgets.phantoms.spectra import reference_spectrum

#: A usual TXM protocol: 67 energies.
GRID = np.r_[np.arange(8200, 8321, 10.0), np.arange(8330, 8356, 1.0), np.arange(8360, 8631, 10.0)]
SPARSE = np.array([8325, 8338, 8341, 8344, 8347, 8350, 8353, 8356, 8365, 8385.0])
NICKEL = ("NiO", "LiNiO2")
PLAIN = {"background_degree": -1, "constraint": "sum_to_one"}


def nickel(grid=GRID, names=NICKEL, **options):
    return make_references({n: (grid, reference_spectrum(n, grid)) for n in names}, **options)


def spectrum_of(values, grid=GRID):
    return xr.DataArray(values, {"energy": ("energy", grid, {"units": "eV"})}, ("energy",))


def results(fit):
    return json.loads(fit.attrs["results"])


@pytest.mark.parametrize(
    ("grid", "high", "n", "ruled", "free"),
    [(GRID, 8395, 30, 0.0437, 0.0494), (SPARSE[1:], 8385, 9, 0.0744, 0.0807)],
)
def test_golden_g18(rng, grid, high, n, ruled, free):
    window = {"low": 8325, "high": high, "background_degree": -1}
    truth = 0.4 * reference_spectrum("NiO", grid) + 0.6 * reference_spectrum("LiNiO2", grid)
    std = spectrum_of(np.full(grid.size, 0.05), grid)
    for constraint, expected in (("sum_to_one", ruled), ("none", free)):
        fit = fit_spectrum(
            spectrum_of(truth, grid), "lcf", references=nickel(grid), std=std,
            constraint=constraint, **window,
        )  # fmt: skip
        assert int(fit["fit"].notnull().sum()) == n
        found = results(fit)["coefficient_LiNiO2"]
        assert found["std"] == pytest.approx(expected, abs=2e-4)
        assert found["value"] == pytest.approx(0.6)
    noisy = truth[:, None, None] + rng.normal(0, 0.05, (grid.size, 60, 60))
    maps = fit_map(
        make_stack(noisy, grid, quantity="normalized"), "lcf", references=nickel(grid),
        constraint="sum_to_one", **window,
    )  # fmt: skip
    assert float(maps.fraction_LiNiO2.std()) == pytest.approx(ruled, rel=0.05)


def test_golden_g19_larch():
    """The same 32 points; Larch's iterations stop 6e-5 short of the minimum that ours reaches."""
    truth = 0.35 * reference_spectrum("NiO", GRID) + 0.65 * reference_spectrum("LiNiO2", GRID)
    spectrum = spectrum_of(truth + 0.02 * np.sin(GRID / 1.7))
    window = {"low": 8320, "high": 8400, "background_degree": -1}
    golden = {
        "sum_to_one": (0.348778, 0.651222, 2.4926e-4, 1.852409e-4),
        "none": (0.350510, 0.647957, 2.4720e-4, 1.898334e-4),
    }
    for constraint, (nio, linio2, r_factor, redchi) in golden.items():
        fit = fit_spectrum(spectrum, "lcf", references=nickel(), constraint=constraint, **window)
        found = {name: row["value"] for name, row in results(fit).items()}
        assert found["coefficient_NiO"] == pytest.approx(nio, abs=1e-4)
        assert found["coefficient_LiNiO2"] == pytest.approx(linio2, abs=1e-4)
        assert found["r_factor"] == pytest.approx(r_factor, rel=5e-4)
        assert found["redchi"] == pytest.approx(redchi, rel=5e-4)
    chi_square = float((fit.residual**2).sum())
    assert chi_square < 5.742468e-3


@pytest.mark.realdata
@pytest.mark.parametrize(
    "golden",
    [
        {"s1": 0.47066, "s2": 0.52934},
        {"s1": 0.27867, "s2": 0.53207, "s5": 0.18926},
        {"s1": 0.32788, "s2": 0.46501, "s3": 0.06384, "s6": 0.14326},
    ],
    ids=lambda golden: "+".join(golden),
)
def test_larch_documented_example(shared_data, golden):
    """From the files by the plain calls, on straight lines as Larch puts them on the grid.

    Larch's index window takes one point more at the low end, which moves the weights by 5e-5. The
    default spline moves them by 0.0018: the edge is 4 points wide, and the files share no grid.
    """
    folder = shared_data / "larch_lcf_example"
    grid, unknown = np.loadtxt(folder / "unknown.dat").T
    files = {name: folder / f"{name}.dat" for name in golden}
    window = {"low": 11870.0, "high": 12030.0, **PLAIN}
    spectrum = spectrum_of(unknown, grid)
    for how, low, most in (
        ("linear", 11870.0, 1e-4), ("linear", 11869.6, 1e-5), ("cubic", 11870.0, 2.5e-3),
    ):  # fmt: skip
        references = soc.open_references(files, interpolation=how)
        fit = fit_spectrum(spectrum, "lcf", references=references, **{**window, "low": low})
        for name, weight in golden.items():
            assert results(fit)[f"coefficient_{name}"]["value"] == pytest.approx(weight, abs=most)


def test_the_interpolation_of_references_is_chosen_kept_and_recorded(tmp_path):
    """Lines through lines are the same lines; a spline is nearer to what was coarsely measured."""
    coarse = {n: GRID[i::2] for i, n in enumerate(NICKEL)}
    spectra = {n: (g, reference_spectrum(n, g)) for n, g in coarse.items()}
    at = np.arange(8330.3, 8355.0, 0.7)
    truth = np.stack([reference_spectrum(n, at) for n in NICKEL])
    stack = make_stack(np.full((at.size, 2, 2), 0.5), at, quantity="normalized")
    wrong = {}
    for how in ("linear", "cubic"):
        references = shift_references(make_references(spectra, interpolation=how), 0.0)
        aligned = align_references(references, stack.energy)
        if how == "linear":
            straight = [np.interp(at, *spectra[n]) for n in NICKEL]
            np.testing.assert_allclose(aligned.values, straight, atol=1e-12)
        wrong[how] = float(np.abs(aligned.values - truth).max())
        maps = fit_map(stack, "lcf", references=references, background_degree=-1)
        assert maps.attrs["interpolation"] == how
        soc.save_bundle(tmp_path / f"{how}.nc", stack=stack, references=references)
        assert soc.open_references(tmp_path / f"{how}.nc").attrs["interpolation"] == how
    assert wrong["cubic"] < 0.5 * wrong["linear"]
    with pytest.raises(ParameterError, match="no such interpolation"):
        make_references(spectra, interpolation="nearest")


def nickel_stack(rng, fraction, noise=0.01, shift=0.0, grid=GRID, thick=0.8):
    low, high = (reference_spectrum(n, grid - shift)[:, None, None] for n in NICKEL)
    signal = thick * (low * (1 - fraction) + high * fraction) + 0.2
    signal = signal + rng.normal(0, noise, signal.shape)
    stack = make_stack(signal.astype(np.float32), grid, quantity="optical_density", pixel_um=0.04)
    stack["signal_std"] = xr.full_like(stack.signal, noise)
    return stack


FINE = np.arange(8300.0, 8420.0, 0.5)


def test_planted_shift_comes_back_with_its_sigma(rng):
    fraction = np.linspace(0.1, 0.9, 20)[None, :] * np.ones((20, 1))
    pulls = []
    for _ in range(24):
        shift = rng.uniform(-0.3, 0.3)
        stack = nickel_stack(rng, fraction, noise=0.05, shift=shift)
        found = image_shift(stack, nickel(FINE), low=8320, high=8400)
        assert not found.at_bound
        pulls.append((found.shift - shift) / found.std)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.4)
    assert abs(np.mean(pulls)) < 4 / 24**0.5


def test_a_shift_of_the_scale_is_taken_out_of_the_map(rng):
    fraction = np.full((12, 12), 0.5)
    stack = nickel_stack(rng, fraction, noise=0.004, shift=0.25)
    plain = fit_map(stack, "lcf", references=nickel(FINE), low=8320, high=8400)
    mended = shifted_lcf(stack, nickel(FINE), low=8320, high=8400)
    assert abs(float(plain.fraction_LiNiO2_free.mean()) - 0.5) > 0.05
    assert float(mended.fraction_LiNiO2_free.mean()) == pytest.approx(0.5, abs=0.005)
    assert mended.attrs["energy_shift"] == pytest.approx(0.25, abs=0.01)
    assert mended.attrs["energy_shift_at_bound"] == 0
    far = nickel_stack(rng, fraction, noise=0.004, shift=0.9)
    assert image_shift(far, nickel(FINE), low=8320, high=8400).at_bound


def test_points_outside_the_references_are_refused_or_cut(rng):
    stack = nickel_stack(rng, np.full((4, 4), 0.3))
    with pytest.raises(ReferenceSpectraError, match="do not cover"):
        fit_map(stack, "lcf", references=nickel(FINE))
    cut = fit_map(stack, "lcf", references=nickel(FINE), coverage="cut")
    assert "and were left out: 8200 to 8630" in cut.attrs["left_out"]
    assert cut.attrs["n_points"] == np.count_nonzero((GRID >= 8300) & (GRID <= 8419.5))
    named = fit_map(stack, "lcf", references=nickel(FINE), low=8300, high=8419.5)
    np.testing.assert_array_equal(cut.fraction_NiO, named.fraction_NiO)


def test_bic_finds_the_components_that_are_there(rng):
    names = ("NiO", "LiNiO2", "Ni4+", "LiCoO2")
    library = nickel(FINE, names[:3])
    other = library.isel(component=[0]).copy(deep=True)
    # A fourth, wrong one: NiO with its white line somewhere else.
    other[0] = np.interp(FINE - 6.0, FINE, library.values[0])
    library = xr.concat([library, other.assign_coords(component=["wrong"])], "component")
    right = {1: 0, 2: 0, 3: 0}
    for planted in right:
        weights = ((1.0,), (0.4, 0.6), (0.3, 0.4, 0.3))[planted - 1]
        truth = sum(w * reference_spectrum(n, FINE) for w, n in zip(weights, names, strict=False))
        for _ in range(20):
            spectrum = spectrum_of(truth + rng.normal(0, 0.01, FINE.size), FINE)
            table = choose_components(spectrum, library)
            assert table.delta.iloc[0] == 0
            right[planted] += table.components.iloc[0] == " + ".join(names[:planted])
    # BIC takes one component too many in a few cases of a hundred at 240 points.
    assert all(hits >= 17 for hits in right.values()), right


def test_choice_with_known_noise_sum_rule_and_refusals(rng):
    library = nickel(FINE)
    truth = 0.4 * reference_spectrum("NiO", FINE) + 0.6 * reference_spectrum("LiNiO2", FINE)
    spectrum = spectrum_of(truth + rng.normal(0, 0.01, FINE.size), FINE)
    table = choose_components(
        spectrum, library, std=xr.full_like(spectrum, 0.01), sum_to_one=True,
        background_degree=-1, criterion="aic",
    )  # fmt: skip
    assert table.components.iloc[0] == "NiO + LiNiO2"
    assert sum(table.weights.iloc[0]) == pytest.approx(1.0, abs=1e-6)
    assert table.chi_square.iloc[0] == pytest.approx(FINE.size, rel=0.3)
    twins = make_references({n: (FINE, library.values[0]) for n in "abcdefgh"}, most=8)
    assert choose_components(spectrum, twins, most=2).attrs["skipped"] == 28
    with pytest.raises(ReferenceSpectraError, match="no subset"):
        choose_components(spectrum, twins, max_condition=0.5)
    many = make_references({f"r{i}": (FINE, library.values[0]) for i in range(60)}, most=60)
    with pytest.raises(ParameterError, match="too many subsets"):
        choose_components(spectrum, many)


def test_systematic_band_is_what_wrong_references_do(rng):
    """Fit with references that are off by the stated amounts: the band covers the error."""
    fraction = np.linspace(0.0, 1.0, 16)[None, :] * np.ones((4, 1))
    stack = nickel_stack(rng, fraction, noise=1e-4)
    window = {"low": 8320, "high": 8400}
    banded = systematic_band(stack, nickel(FINE), **window)
    band = banded.fraction_LiNiO2_free_systematic
    moved = nickel(np.arange(8290.0, 8430.0, 0.5))
    wrong = moved.copy(deep=True)
    wrong[1] = np.interp(moved.energy - 0.3, moved.energy, moved.values[1])
    off = fit_map(stack, "lcf", references=wrong, **window).fraction_LiNiO2_free
    scaled = moved.copy(deep=True)
    scaled[1] *= 1.03
    dim = fit_map(stack, "lcf", references=scaled, **window).fraction_LiNiO2_free
    planted = np.hypot(off - fraction, dim - fraction)
    # Both references contribute, so the band is larger than what one does, by root two or so.
    assert (planted.values <= 1.05 * band.values).all()
    assert float(band.mean()) < 2.5 * float(planted.mean())
    assert float(band.mean()) > 5 * float(banded.fraction_LiNiO2_free_std.mean())
    assert banded.attrs["systematic_of_mean"][1] <= float(band.mean()) + 1e-6
    soc = soc_map(banded)
    np.testing.assert_allclose(soc.soc_systematic, band)
    with pytest.raises(ReferenceSpectraError, match="too short to be moved"):
        systematic_band(stack, shift_references(nickel(FINE), 0.0), low=8419.4, **{"high": 8420})


def test_background_that_falls_with_the_energy():
    truth = 0.4 * (reference_spectrum("NiO", GRID) + reference_spectrum("LiNiO2", GRID))
    seen = spectrum_of(truth + 0.9 * (GRID / 8333.0) ** -3, GRID)
    refs, std = nickel(), spectrum_of(np.full(GRID.size, 1e-4), GRID)
    found = {
        law: results(fit_spectrum(seen, "lcf", references=refs, std=std, background_law=law))
        for law in ("line", "E^-3")
    }
    fraction = {law: found[law]["fraction_LiNiO2"]["value"] for law in found}
    assert fraction["E^-3"] == pytest.approx(0.5, abs=1e-6)
    # The curve that a straight line leaves goes into the references: far above the noise.
    assert abs(fraction["line"] - 0.5) > 5e-4
    with pytest.raises(DataError, match="needs photon energies"):
        fit_map(
            make_stack(np.ones((9, 2, 2)), np.linspace(-400.0, 400.0, 9), quantity="intensity"),
            "lcf",
            references=make_references({n: (np.linspace(-500, 500, 11), v) for n, v in (
                ("a", np.linspace(0, 1, 11) ** 2), ("b", np.linspace(1, 0, 11) ** 3))}),
            background_law="E^-3",
        )  # fmt: skip
