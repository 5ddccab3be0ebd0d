"""Scans that end within 120 eV of the edge: curves beyond it, and a word about what they hold."""

import warnings

import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.calibration import soc_map, two_point
from socwidgets.analysis.calibration_guard import measured_with
from socwidgets.analysis.edge_position import default_e0, half_rise
from socwidgets.analysis.fit import fit_map, fit_spectrum
from socwidgets.analysis.larch_rules import larch_defaults
from socwidgets.analysis.normalization import normalize
from socwidgets.analysis.window_rules import follows_shell, post_degree, post_window, pre_window
from socwidgets.io import open_references
from socwidgets.model.errors import CalibrationWarning, DataError
from socwidgets.model.mapset import E0_DOUBT, RANGE_DOUBT, notes_of
from socwidgets.model.stack import make_stack, parse_stack
from socwidgets.phantoms.spectra import EDGES, reference_spectrum

#: What xraylarch gives with all of its defaults.
LARCH = {
    "MnO": 6544.07, "Mn3O4": 6546.12, "Mn2O3": 6548.97, "MnO2": 6551.63,
    "FeO": 7119.28, "Fe3O4": 7121.73, "Fe2O3": 7123.05,
}  # fmt: skip
SHORT = np.r_[np.arange(8310.0, 8330.0, 2.0), np.arange(8330.0, 8360.0), np.arange(8360, 8421, 3.0)]


def one_pixel(energies, mu):
    return make_stack(mu[:, None, None], energies, quantity="optical_density")


def oxide(folder, name):
    spectrum = open_references({name: folder / name[:2] / f"{name}_rt_01.xdi"}).isel(component=0)
    return spectrum.energy.values, spectrum.values.astype(float)


@pytest.mark.realdata
@pytest.mark.parametrize("name", sorted(LARCH))
@pytest.mark.filterwarnings("ignore:the post-edge ends")
def test_the_plain_call_gives_larchs_half_height(shared_data, name):
    """Mn scans reach 80 to 85 eV beyond the edge, Fe scans 850 eV and more."""
    axis, mu = oxide(shared_data / "xas_library", name)
    maps = fit_map(one_pixel(axis, mu), "edge_energy")
    assert float(maps.edge_energy[0, 0]) == pytest.approx(LARCH[name], abs=0.1)


@pytest.mark.realdata
@pytest.mark.filterwarnings("ignore:the post-edge ends")
def test_noise_of_an_image_does_not_move_the_half_height(rng, shared_data):
    """Mn2O3, whose half height hangs on E0 the most: the image's mean chooses it."""
    fine, mu = oxide(shared_data / "xas_library", "Mn2O3")
    axis = np.arange(np.ceil(fine[0]), fine[-1])
    noise = 0.02 * (mu.max() - mu.min())
    stack = one_pixel(axis, np.interp(axis, fine, mu)).isel(y=[0] * 20, x=[0] * 20)
    stack["signal"] = stack.signal + rng.normal(0, noise, stack.signal.shape)
    stack["signal_std"] = xr.full_like(stack.signal, noise)
    maps = fit_map(stack, "edge_energy")
    away = maps.edge_energy.values - LARCH["Mn2O3"]
    assert abs(away.mean()) < 0.1
    assert (away.std() / maps.edge_energy_std).mean() == pytest.approx(1.0, abs=0.15)


def stack_of(rng, axis, noise=0.02, pixels=24):
    mu = EDGES["LiNiO2"](axis)[:, None, None]
    values = mu + 0.3 + rng.normal(0, noise, (axis.size, pixels, pixels))
    stack = make_stack(values, axis, quantity="optical_density")
    stack["signal_std"] = xr.full_like(stack.signal, noise)
    return stack


def test_the_jump_of_a_short_scan_is_less_noisy_and_its_sigma_holds(rng):
    stack = stack_of(rng, SHORT)
    with pytest.warns(UserWarning, match="post-edge ends 7. eV"):
        found = fit_map(stack, "edge_energy")
    e0 = half_rise(SHORT, stack.signal.mean(("y", "x")).values)
    former = normalize(stack, e0=e0, pre=(-100.0, -20.0), post=(40.0, 200.0), post_degree=1)
    assert found.edge_jump.std() < 0.8 * former.edge_jump.std()
    for name in ("edge_energy", "edge_jump"):
        pull = (found[name] - found[name].mean()) / found[f"{name}_std"]
        assert float(pull.std()) == pytest.approx(1.0, abs=0.1)


def test_a_short_scan_says_what_it_does_to_which_energies(rng):
    stack = stack_of(rng, SHORT)
    for definition, words in (("half", "'half' hangs"), ("all", "'half' and 'integral' hang")):
        with pytest.warns(UserWarning, match=words) as caught:
            maps = fit_map(stack, "edge_energy", definition=definition)
        assert "post_exponent=2.4" in str(caught[0].message)
        assert f"(e0={maps.attrs['e0']:.2f} for all states)" in str(caught[0].message)
        assert maps.attrs[RANGE_DOUBT] in notes_of(maps)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for definition in ("half_wl", "white_line", "centroid"):
            assert RANGE_DOUBT not in fit_map(stack, "edge_energy", definition=definition).attrs
        far = np.r_[SHORT, np.arange(8425.0, 8630.0, 5.0)]
        assert RANGE_DOUBT not in fit_map(stack_of(rng, far), "edge_energy").attrs
    # A scan that goes far is no help where the window does not.
    with pytest.warns(UserWarning, match="post-edge ends 7. eV"):
        fit_map(stack_of(rng, far), "edge_energy", e0=8347.0, post=(25.0, 75.0))


def test_the_doubt_reaches_the_map_of_the_charge(rng):
    with pytest.warns(UserWarning, match="post-edge ends"):
        maps = fit_map(stack_of(rng, SHORT), "edge_energy")
    middle = float(maps.edge_energy.mean())
    charge = soc_map(maps, two_point(middle - 1.0, middle + 1.0, variable="edge_energy"))
    assert maps.attrs[RANGE_DOUBT] in notes_of(charge)


def test_what_half_wl_and_white_line_promise_is_true():
    """Cut from 285 to 60 eV, they stay where they are; half height does not."""
    mu = EDGES["LiNiO2"]
    whole = np.r_[SHORT, np.arange(8425.0, 8630.0, 5.0)]
    cut = whole[whole < 8405.0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        far, near = (
            fit_map(one_pixel(axis, mu(axis)), "edge_energy", definition="all")
            for axis in (whole, cut)
        )
    moved = {n: abs(float(near[n][0, 0] - far[n][0, 0])) for n in ("half_energy", "half_wl_energy",
                                                       "white_line_energy")}  # fmt: skip
    assert moved["white_line_energy"] < 1e-3
    assert moved["half_wl_energy"] < 0.1
    assert moved["half_energy"] > 0.3


def test_the_rules_in_numbers():
    assert pre_window(-140.0) == (-100.0, -20.0)
    assert pre_window(-30.0) == (-100.0, -15.0)
    assert pre_window(-10.0) == (-100.0, -20.0)  # no points: refused
    assert post_window(285.0)[0] == 40.0
    assert post_window(85.0)[0] == post_window(119.0)[0] == 25.0
    assert post_window(120.0)[0] == 40.0
    assert post_window(60.0)[0] == 20.0
    assert post_window(22.0)[0] == 40.0  # an L edge has no post-edge
    assert [post_degree(*case) for case in ((20, 25, 85), (9, 13, 42), (3, 40, 285))] == [1, 0, 0]
    cases = ((-40, 119), (-39, 119), (-40, 120), (-40, 39))
    assert [follows_shell(8290.0, *case) for case in cases] == [True, False, False, False]
    assert not follows_shell(668.0, -40, 60)  # an L edge


def measured(folder, name):
    if name.startswith("LNO"):
        whole = np.load(folder / "lno_operando" / "first_charge.npz")
        axis, mu = whole["energy_ev"], whole["mu_norm"][int(name.split()[1])]
        return axis.astype(float), mu.astype(float)
    (path,) = [p for p in folder.glob("*/**/*") if p.name == name]
    spectrum = open_references({name: path}).isel(component=0)
    return spectrum.energy.values, spectrum.values.astype(float)


#: Oxides whose scans reach 650 eV and more beyond the edge.
FAR = (
    "ref_NiO.txt", "ref_LiNiO2.txt", "LNO 0", "LNO 57", "LNO 58", "LNO 115", "Ni2O3_rt_01.xdi",
    "NiOH2_rt_01.xdi", "FeO_rt_01.xdi", "Fe3O4_rt_01.xdi", "Fe2O3_rt_01.xdi",
)  # fmt: skip


@pytest.mark.realdata
@pytest.mark.parametrize("name", FAR)
@pytest.mark.filterwarnings("ignore:the post-edge ends")
@pytest.mark.filterwarnings("ignore:.*can only be keV")
def test_half_height_of_a_cut_oxide_is_that_of_the_whole_scan(shared_data, name):
    """A line beyond the edge is off by up to 1.3 eV (LiNiO2 cut at 80 eV), a constant by 0.6."""
    axis, mu = measured(shared_data, name)
    near = half_rise(axis, mu)
    rules = larch_defaults(axis, near).to_dict()
    whole = fit_map(one_pixel(axis, mu), "edge_energy", {k: rules[k] for k in (
        "e0", "pre", "post", "pre_degree", "post_degree", "post_exponent", "window_rule"
    )})  # fmt: skip
    for end in (60, 80, 100, 118):
        kept = axis <= near + end
        cut = fit_map(one_pixel(axis[kept], mu[kept]), "edge_energy")
        assert float(cut.edge_energy[0, 0] - whole.edge_energy[0, 0]) == pytest.approx(0, abs=0.25)


@pytest.mark.filterwarnings("ignore:the post-edge ends")
def test_e0_hardly_moves_the_half_height_of_a_short_scan(rng):
    """The largest slope of layered Ni oxides jumps by 4.5 eV: E0 of a state may lie anywhere."""
    axis = np.r_[np.arange(8250.0, 8330.0, 5.0), SHORT[SHORT >= 8330.0]]
    stack = stack_of(rng, axis, pixels=6)
    own = fit_map(stack, "edge_energy")
    mean = stack.signal.mean(("y", "x")).values
    assert own.attrs["e0"] == pytest.approx(half_rise(axis, mean), abs=0.5)  # nearest point
    found = {}
    for e0 in (8344.0, 8349.0):
        same = {"e0": e0, "pre": (8250.0 - e0, 8324.0 - e0), "post": (8370.0 - e0, 8420.0 - e0)}
        for degree in (None, 1):
            maps = fit_map(stack, "edge_energy", same, post_degree=degree)
            found[e0, degree] = maps.edge_energy
    moved = {d: float(abs(found[8349.0, d] - found[8344.0, d]).mean()) for d in (None, 1)}
    assert moved[None] < 0.02
    assert moved[1] > 2 * moved[None]


def test_the_fall_of_a_shell_holds_what_it_promises(rng):
    """Planted: a shell that falls with the exponent, on a straight background; sigma calibrated."""
    axis = np.r_[np.arange(8250.0, 8330.0, 5.0), SHORT[SHORT >= 8330.0]]
    fall = (axis / 8345.0) ** -2.4
    step = 0.7 * fall * (0.5 + np.arctan((axis - 8345.0) / 0.05) / np.pi)
    values = (0.3 - 4e-4 * (axis - 8345.0) + step)[:, None, None]
    noise = 0.02
    stack = make_stack(values + rng.normal(0, noise, (axis.size, 40, 40)), axis,
                       quantity="optical_density")  # fmt: skip
    stack["signal_std"] = xr.full_like(stack.signal, noise)
    flat = normalize(stack)
    raw = normalize(stack, flatten=False)
    assert flat.attrs["post_exponent"] == 2.4
    assert float(flat.edge_jump.mean()) == pytest.approx(0.7, abs=0.002)
    beyond = axis > 8380.0
    mean = flat.signal[beyond].mean(("y", "x")).values
    assert mean == pytest.approx(np.ones(mean.size), abs=0.004)
    assert raw.signal[beyond].mean(("y", "x")).values == pytest.approx(fall[beyond], abs=0.004)
    maps = fit_map(stack, "pre_edge")
    pull = (maps.edge_jump - 0.7) / maps.edge_jump_std
    assert float(pull.std()) == pytest.approx(1.0, abs=0.1)
    curves = fit_spectrum(stack.signal.mean(("y", "x")), "pre_edge")
    seen = np.isfinite(curves.fit.values)
    assert curves.fit.values[seen] == pytest.approx(values[seen, 0, 0], abs=0.004)


def test_a_calibration_of_another_curve_is_told(rng):
    stack = stack_of(rng, np.r_[np.arange(8250.0, 8330.0, 5.0), SHORT[SHORT >= 8330.0]], pixels=4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        standard, maps = (fit_map(stack, "edge_energy", post_degree=degree) for degree in (1, None))
    made = measured_with(standard)
    middle = float(maps.edge_energy.mean())
    calibration = two_point(middle - 1.0, middle + 1.0, variable="edge_energy", made_with=made)
    with pytest.warns(CalibrationWarning, match="post degree: 1 there, 0 here"):
        soc_map(maps, calibration)


def test_e0_of_a_short_scan_is_the_steepest_point_of_the_rise_only(rng):
    """Noise before the edge of a finely stepped scan is steeper than the edge."""
    axis = np.arange(8310.0, 8420.0, 0.1)
    mu = EDGES["LiNiO2"](axis)
    clean = default_e0(axis, mu)
    assert clean == pytest.approx(8349.3, abs=0.5)  # the second inflection, as Larch has it
    for _ in range(5):
        found = default_e0(axis, mu + rng.normal(0, 0.02, axis.size))
        assert 8340.0 < found < 8354.0
    assert default_e0(np.r_[axis, 8600.0], np.r_[mu, 1.0]) == half_rise(axis, mu)


def test_a_scan_of_an_l_edge_is_still_refused():
    axis = np.arange(680.0, 730.0, 0.5)
    mu = 0.2 + np.exp(-0.5 * ((axis - 708.0) / 1.0) ** 2) + 0.2 * (axis > 712)
    with pytest.raises(DataError, match="post-edge window holds too few points"):
        fit_map(one_pixel(axis, mu), "edge_energy")


@pytest.mark.parametrize(("first", "last"), [(8360, 8480), (8365, 8560), (8370, 8600)])
def test_a_scan_that_begins_beyond_the_edge_has_none(rng, first, last):
    """The largest rise is that of an oscillation."""
    axis = np.arange(first, last, 2.0)
    signal = reference_spectrum("LiNiO2", axis)[:, None, None] + rng.normal(
        0, 0.01, (axis.size, 8, 8)
    )
    stack = make_stack(signal, axis, quantity="optical_density")
    for call in (normalize, lambda stack: fit_map(stack, "edge_energy")):
        with pytest.raises(DataError, match=r"shows no edge.*bends before"):
            call(stack)


LONG = np.r_[
    np.arange(8240.0, 8330.0, 10.0), np.arange(8330.0, 8356.0), np.arange(8360, 8631, 10.0)
]


def series_of(rng, axis, noise=0.01, shifts=(0.0, 0.0, 0.0, 0.0), pixels=10):
    """Four states from NiO to LiNiO2."""
    shares = np.linspace(0.0, 1.0, 4)
    spectra = [
        (1.0 - f) * EDGES["NiO"](axis - s) + f * EDGES["LiNiO2"](axis - s)
        for f, s in zip(shares, shifts, strict=True)
    ]
    values = 0.3 + np.array(spectra)[:, :, None, None]
    values = values + rng.normal(0, noise, (4, axis.size, pixels, pixels))
    dims = ("state", "energy", "y", "x")
    return parse_stack(
        xr.Dataset(
            {"signal": (dims, values), "signal_std": (dims, np.full(values.shape, noise))},
            {"energy": axis, "state": np.arange(4)},
            {"quantity": "optical_density"},
        )
    )


@pytest.mark.filterwarnings("ignore:the post-edge ends")
@pytest.mark.parametrize("last", [8421.0, 8631.0])
def test_states_fitted_one_by_one_agree_with_those_fitted_together(rng, last):
    """Together they share E0; alone each has its own, several eV apart."""
    dense = np.r_[LONG[LONG < 8357.0], np.arange(8358.0, 8631.0, 3.0)]
    axis = dense[last > dense]
    stack = series_of(rng, axis)
    together = fit_map(stack, "edge_energy")
    alone = [fit_map(stack.isel(state=i), "edge_energy") for i in range(4)]
    assert isinstance(together.attrs["e0"], float)
    e0 = [maps.attrs["e0"] for maps in alone]
    assert max(e0) - min(e0) >= 2.0
    for i, maps in enumerate(alone):
        away = float(maps.edge_energy.mean() - together.edge_energy[i].mean())
        assert away == pytest.approx(0.0, abs=0.06)


def test_a_state_on_another_energy_scale_is_told(rng):
    stack = series_of(rng, LONG, shifts=(0.0, 0.0, 0.0, 30.0))
    with pytest.warns(UserWarning, match="the edge of 1 of 4 images lies more than 20 eV from E0"):
        maps = fit_map(stack, "edge_energy")
    assert maps.attrs[E0_DOUBT] in notes_of(maps)
    with pytest.warns(UserWarning, match="the edge of the image lies"):
        fit_map(stack.isel(state=3), "edge_energy", e0=8345.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit_map(stack.isel(state=slice(0, 3)), "edge_energy", e0=8333.0)  # of a foil
        fit_map(stack.isel(state=0), "edge_energy", e0=8333.0, definition="white_line")


def test_noise_that_leaves_no_pixel_an_uncertainty_is_told(rng):
    """Half of a jump of 1 under noise of 0.2 is reached by noise, several eV too early."""
    stack = series_of(rng, LONG, noise=0.25).isel(state=0)
    for case in (stack, stack.drop_vars("signal_std")):
        with pytest.warns(UserWarning, match=r"(9\d|100) % of edge_energy; such"):
            maps = fit_map(case, "edge_energy", jump_sigma=0.0)
        assert float(maps.edge_energy.median()) < 8341.0
    with pytest.warns(UserWarning, match="100 % of edge_energy; such energies are off by some eV"):
        one = fit_map(stack.isel(y=[0], x=[0]), "edge_energy", jump_sigma=0.0)
    assert np.isfinite(one.edge_energy).all()
    assert not np.isfinite(one.edge_energy_std).any()
