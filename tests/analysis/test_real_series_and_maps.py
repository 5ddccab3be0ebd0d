"""From spectra to states of charge on measured data: nano-XANES of LFP, operando LiNiO2."""

import json

import numpy as np
import pytest
import tifffile
import xarray as xr

from socwidgets.analysis.fit import fit_map, fit_spectrum
from socwidgets.analysis.lcf_selection import choose_components
from socwidgets.analysis.series import one_to_one, series_difference
from socwidgets.io.operando import open_operando
from socwidgets.model.errors import ReadError, ReferenceSpectraError
from socwidgets.model.references import make_references
from socwidgets.model.stack import make_stack

pytestmark = pytest.mark.realdata
PHASES = ("LiFe(II)PO4", "Pyrite", "StainlessSteelNP", "Hematite_NP")


@pytest.fixture(scope="module")
def nano(shared_data):
    folder = shared_data / "nano_xanes_lfp"
    lines = (folder / "FeLibNov2021.nor").read_text().splitlines()
    names = [line.split()[-1] for line in lines if line.startswith("# Column.")][1:]
    table = np.loadtxt(folder / "FeLibNov2021.nor")
    library = make_references(
        {n: (table[:, 0], table[:, k]) for k, n in enumerate(names, 1)}, most=len(names)
    )
    energies = np.loadtxt(folder / "energy_list_corr.txt")
    amounts = np.asarray(tifffile.imread(folder / "chemical_map.tiff"), float)
    assert amounts.shape == (4, 155, 160)
    return folder, library, energies, amounts


def test_nano_xanes_map_comes_back_within_its_sigma(nano):
    """Counts of a fluorescence map: Poisson in the signal, 73 energies, 2 pixels apart."""
    _, library, energies, amounts = nano
    amounts = amounts[:, ::2, ::2]
    references = library.sel(component=list(PHASES))
    inside = energies[energies >= float(library.energy[0])]
    assert inside.size == 70
    spectra = references.interp(energy=inside, method="cubic").values
    # 3000 counts per pixel and energy where most of the iron is.
    scale = 3000.0 / amounts.sum(axis=0).max()
    clean = np.einsum("kyx,ke->eyx", amounts * scale, np.maximum(spectra, 0.0))
    rng = np.random.default_rng(7)
    counts = rng.poisson(clean + 20.0) - 20.0
    stack = make_stack(counts, inside, quantity="intensity", pixel_um=0.3)
    stack["signal_std"] = (stack.signal.dims, np.sqrt(clean + 20.0))
    thick = xr.DataArray(amounts.sum(axis=0) * scale > 600.0, dims=("y", "x"))
    maps = fit_map(
        stack, "lcf", references=references, mask=thick, constraint="none", background_degree=-1
    )
    truth = amounts / np.maximum(amounts.sum(axis=0), 1e-30)
    for k, name in enumerate(PHASES):
        found = maps[f"fraction_{name}_free"].values[thick.values]
        sigma = maps[f"fraction_{name}_free_std"].values[thick.values]
        pull = (found - truth[k][thick.values]) / sigma
        assert np.std(pull) == pytest.approx(1.0, abs=0.1), name
        assert abs(np.mean(pull)) < 0.1, name


def test_nano_energies_below_the_library_are_refused_or_cut(nano):
    _, library, energies, _ = nano
    references = library.sel(component=list(PHASES))
    flat = make_stack(np.ones((energies.size, 2, 2)), energies, quantity="intensity")
    with pytest.raises(ReferenceSpectraError, match="do not cover 3 of the 73 points"):
        fit_map(flat, "lcf", references=references)
    cut = fit_map(flat, "lcf", references=references, coverage="cut")
    assert cut.attrs["left_out"].startswith("3 of 73 points lie outside the references (7090")
    assert "7075.85 to 7086.25" in cut.attrs["left_out"]


def summed(folder):
    table = np.genfromtxt(folder / "xanes_fit_plot.csv", delimiter=",", names=True)
    coords = {"energy": ("energy", table["Data_x"], {"units": "eV"})}
    return xr.DataArray(table["Data_y"], coords, ("energy",))


def test_nano_published_fractions_of_the_summed_spectrum(nano):
    folder, library, _, _ = nano
    fit = fit_spectrum(
        summed(folder), "lcf", references=library.sel(component=list(PHASES)),
        background_degree=-1, coverage="cut",
    )  # fmt: skip
    found = json.loads(fit.attrs["results"])
    for name, published in zip(PHASES, (0.511, 0.119, 0.161, 0.209), strict=True):
        assert found[f"fraction_{name}"]["value"] == pytest.approx(published, abs=0.01), name


def test_nano_components_are_found_in_the_library(nano):
    """LiFePO4, pyrite, steel and a hematite-like oxide come first of 561 subsets, or within 6."""
    folder, library, _, _ = nano
    spectrum = summed(folder).sel(energy=slice(7090.1, None))
    table = choose_components(spectrum, library, background_degree=-1, max_condition=300.0)
    published = table[table.components == " + ".join(PHASES)].iloc[0]
    assert set(table.components.iloc[0].split(" + ")) & set(PHASES)
    assert "LiFe(II)PO4" in table.components.iloc[0]
    assert published.r_factor < 5e-4
    assert table.index[table.components == " + ".join(PHASES)][0] < 40


@pytest.fixture(scope="module")
def lno(shared_data):
    return open_operando(shared_data / "lno_operando" / "first_charge.npz")


def charge_of(series, place):
    q = series.charge_mah.values[:, place]
    return q[: int(q.argmax()) + 1], slice(0, int(q.argmax()) + 1)


def test_lno_series_is_a_stack_of_states(lno):
    assert dict(lno.signal.sizes) == {"state": 58, "energy": 1649, "y": 1, "x": 2}
    assert lno.charge_mah.dims == ("state", "x")
    assert float(lno.charge_mah.max()) == pytest.approx(1.609, abs=1e-3)


def test_lno_edge_and_white_line_move_with_the_charge(lno):
    series = lno.sel(energy=slice(8250, 8600))
    options = {"e0": 8340.0, "pre": (-80, -20), "post": (50, 250), "min_jump": 0.0}
    half = fit_map(series, "edge_energy", definition="half", **options).edge_energy
    line = fit_map(
        series, "edge_energy", definition="white_line", center=8353.7, half_width=3.5, **options
    ).edge_energy
    for place in (0, 1):
        q, rising = charge_of(lno, place)
        for values, least, move in ((half, 0.94, 1.2), (line, 0.97, 2.9)):
            series_values = values.values[rising, 0, place]
            assert np.corrcoef(q, series_values)[0, 1] ** 2 > least
            assert series_values[-1] - series_values[0] == pytest.approx(move, abs=0.5)
    # The crossing of 0.7 that the data are known by, on the measured spectra themselves.
    mu = lno.signal.values[:, :, 0, 0]
    ends = []
    for state in (0, int(lno.charge_mah.values[:, 0].argmax())):
        above = int(np.argmax(mu[state] >= 0.7))
        near = slice(above - 1, above + 1)
        ends.append(np.interp(0.7, mu[state, near], lno.energy.values[near]))
    assert ends == pytest.approx([8346.63, 8347.87], abs=0.02)


def test_lno_fractions_follow_the_charge_and_the_positions_differ(lno):
    """R2 about 0.96: an edge that moves is no mixture of two, so the line is bent."""
    series = lno.sel(energy=slice(8330, 8380))
    last = int(lno.charge_mah.values[:, 0].argmax())
    axis = series.energy.values
    ends = {n: (axis, series.signal.values[k, :, 0, 0]) for n, k in (("first", 0), ("last", last))}
    maps = fit_map(
        series, "lcf", references=make_references(ends), constraint="sum_to_one",
        background_degree=-1,
    )  # fmt: skip
    fraction = maps.fraction_last_free.values[:, 0]
    for place in (0, 1):
        q, rising = charge_of(lno, place)
        proportional, same = one_to_one(fraction[rising, place], q / q.max())
        assert proportional == pytest.approx(0.965, abs=0.01)
        assert 0.85 < same < 0.95
    q1, first = charge_of(lno, 0)
    q2, second = charge_of(lno, 1)
    found = series_difference(fraction[first, 0], fraction[second, 1], q1, q2)
    print(found.mean, found.mean_std, found.rms, found.detection_limit, found.noise)
    assert found.above_detection
    assert 0.01 < found.spread < 0.03


def test_a_file_that_is_no_series(tmp_path):
    with pytest.raises(ReadError, match="no series"):
        open_operando(tmp_path / "absent.npz")
    np.savez(tmp_path / "other.npz", energy_ev=np.arange(3.0))
    with pytest.raises(ReadError, match="without mu_norm"):
        open_operando(tmp_path / "other.npz")
