"""The method "peaks" on planted stacks: axes, several peaks, edges, constraints, user models."""

import json
from functools import partial

import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.fit import fit_map, fit_spectrum
from socwidgets.analysis.peak_models import find_model, register_model
from socwidgets.analysis.starting import neighbor_starts
from socwidgets.kernels import lm_reference
from socwidgets.model.errors import DataError, ParameterError
from socwidgets.model.mapset import validate_maps
from socwidgets.model.stack import make_stack
from socwidgets.model.status import Status

SHAPE = (40, 50)
AXES = {
    "energy": np.linspace(8330.0, 8370.0, 67),
    "raman_shift": np.linspace(440.0, 640.0, 80),
    "two_theta": np.linspace(17.0, 20.0, 61),
    "energy_loss": np.linspace(760.0, 830.0, 71),
}


def stack_of(signal, dim="energy", **variables):
    quantity = variables.pop("quantity", "optical_density")
    stack = make_stack(signal.astype(np.float32), AXES[dim], dim=dim, quantity=quantity)
    for name, values in variables.items():
        stack[name] = (stack.signal.dims, values.astype(np.float32))
    return stack


def one_peak(rng, dim="energy", noise=0.03, kind="gaussian"):
    """Stack and truth of one peak on a slope; positions and widths in shares of the axis."""
    x = AXES[dim]
    span, middle = x[-1] - x[0], 0.5 * (x[0] + x[-1])
    truth = {
        "height": rng.uniform(0.5, 2, SHAPE),
        "center": middle + span * rng.uniform(-0.15, 0.15, SHAPE),
        "fwhm": span * rng.uniform(0.12, 0.25, SHAPE),
    }
    part = getattr(lm_reference, kind)
    signal = part(x[:, None, None], *truth.values())
    scaled = (x - middle) / (0.5 * span)
    truth["background_0"], truth["background_1"] = np.full(SHAPE, 0.4), np.full(SHAPE, 0.05)
    signal = signal + 0.4 + 0.05 * scaled[:, None, None] + rng.normal(0, noise, (x.size, *SHAPE))
    share = {"gaussian": np.sqrt(np.pi / np.log(2)) / 2, "lorentzian": np.pi / 2}[kind]
    truth["area"] = share * truth["height"] * truth["fwhm"]
    return stack_of(signal, dim), truth


def check_pulls(maps, truth, status=(Status.OK,)):
    good = np.isin(maps.status.values, status)
    assert good.mean() > 0.99
    for name, true in truth.items():
        pull = ((maps[name] - true) / maps[f"{name}_std"]).values[good]
        assert 0.9 < pull.std() < 1.1, name
        assert abs(pull.mean()) < 0.1, name


@pytest.mark.parametrize("kind", ["gaussian", "lorentzian"])
@pytest.mark.parametrize("dim", AXES)
def test_planted_peaks_come_back_on_any_axis(rng, dim, kind):
    stack, truth = one_peak(rng, dim, kind=kind)
    maps = fit_map(stack, "peaks", model=f"{kind} + linear")
    validate_maps(maps)
    if dim == "energy":
        # float32 maps resolve an energy of 8350 eV to half a meV: not what is tested here.
        assert float(maps.center_std.min()) > 0.005
    check_pulls(maps, truth)
    assert maps.center.attrs["units"] == stack[dim].attrs["units"]
    assert maps.redchi.mean() == pytest.approx(0.03**2, rel=0.02)


def two_peaks(rng, noise=0.02):
    x = AXES["raman_shift"]
    truth = {
        "height_1": rng.uniform(0.8, 2, SHAPE), "center_1": rng.uniform(480, 492, SHAPE),
        "fwhm_1": rng.uniform(20, 30, SHAPE), "height_2": rng.uniform(0.8, 2, SHAPE),
        "center_2": rng.uniform(585, 600, SHAPE), "fwhm_2": rng.uniform(20, 30, SHAPE),
    }  # fmt: skip
    values = list(truth.values())
    signal = sum(lm_reference.lorentzian(x[:, None, None], *values[k : k + 3]) for k in (0, 3))
    return stack_of(signal + 0.3 + rng.normal(0, noise, signal.shape), "raman_shift"), truth


def test_two_peaks_are_numbered_by_position_or_by_name(rng):
    stack, truth = two_peaks(rng)
    check_pulls(fit_map(stack, "peaks", model="2*lorentzian + linear"), truth)
    named = fit_map(
        stack, "peaks", model="2*lorentzian + linear", initial=("center_1=596", "center_2=486")
    )
    swapped = {f"{n[:-1]}{3 - int(n[-1])}": v for n, v in truth.items()}
    check_pulls(named, swapped)


def test_area_and_height_are_correlated(rng):
    """Sigma of the area from the diagonal alone would be too large by a third and more."""
    stack, truth = one_peak(rng)
    maps = fit_map(stack, "peaks")
    check_pulls(maps, {"area": truth["area"]})
    naive = maps.area * np.hypot(maps.height_std / maps.height, maps.fwhm_std / maps.fwhm)
    assert float((naive / maps.area_std).median()) > 1.2


@pytest.mark.parametrize(
    ("model", "names"),
    [
        ("pseudo_voigt + linear", ("center", "fwhm", "area")),
        ("voigt + linear", ("center", "area", "height", "fwhm")),
    ],
)
def test_voigt_profiles(rng, model, names):
    x = AXES["two_theta"]
    center, width = rng.uniform(18.3, 18.6, SHAPE), rng.uniform(0.25, 0.35, SHAPE)
    if model.startswith("voigt"):
        shape = lm_reference.voigt(x[:, None, None], 1.0, center, width, width)
        root = np.sqrt(0.2166 * width**2 + width**2)
        at_center = lm_reference.voigt(0.0, 1.0, 0.0, width, width)
        truth = {"area": 1.0, "height": at_center, "fwhm": 0.5346 * width + root}
    else:
        shape = lm_reference.pseudo_voigt(x[:, None, None], 1.0, center, width, 0.5)
        truth = {"fwhm": width, "area": width * (0.5 * np.pi / 2 + 0.5 * 1.0644670194)}
    stack = stack_of(shape + 0.1 + rng.normal(0, 0.01, shape.shape), "two_theta")
    maps = fit_map(stack, "peaks", model=model)
    check_pulls(maps, {"center": center, **truth}, (Status.OK, Status.AT_BOUND))
    assert set(names) <= set(maps)


def test_k_edge_of_eight_parameters(rng):
    x = AXES["energy"][:, None, None]
    edge, line = rng.uniform(8341, 8343, SHAPE), rng.uniform(8348, 8351, SHAPE)
    signal = (
        lm_reference.arctan(x, 1.0, edge, 4.0)
        + lm_reference.gaussian(x, 0.8, line, 6.0)
        + 0.1
        + 0.002 * (x - 8350)
    )
    stack = stack_of(signal + rng.normal(0, 0.01, signal.shape))
    maps = fit_map(stack, "peaks", model="k_edge")
    assert len(maps.attrs["fit_parameters"]) == 8
    check_pulls(maps, {"center": line, "step_center": edge, "step_height": 1.0, "height": 0.8})


@pytest.mark.parametrize(("model", "names"), [("exponential", "rate"), ("power_law", "exponent")])
def test_falling_backgrounds(rng, model, names):
    x = AXES["energy_loss"]
    true = rng.uniform(2.5, 3.5, SHAPE)
    if model == "power_law":
        base = 5 * (x[:, None, None] / x[0]) ** -true
    else:
        true = true / 100
        base = 5 * np.exp(-true * (x[:, None, None] - x[0]))
    signal = base + lm_reference.gaussian(x[:, None, None], 1.0, 800.0, 8.0)
    stack = stack_of(signal + rng.normal(0, 0.02, signal.shape), "energy_loss")
    maps = fit_map(stack, "peaks", model=f"{model} + gaussian")
    check_pulls(maps, {names: true, "center": 800.0, "amplitude": 5.0})


def test_fixed_tied_and_bounded(rng):
    stack, _ = two_peaks(rng)
    maps = fit_map(
        stack,
        "peaks",
        model="2*lorentzian + constant",
        fixed=("background_0=0.3",),
        tied=("center_2=center_1+105", "height_2=0.5*height_1"),
        bounds=("fwhm_1=10:21", "center_1=450:550"),
    )
    kept = maps.where(maps.status.isin([Status.OK, Status.AT_BOUND]))
    assert (maps.status == Status.AT_BOUND).any()
    assert float(kept.fwhm_1.max()) <= 21.0 + 1e-4
    np.testing.assert_allclose((kept.center_2 - kept.center_1).values, 105, atol=1e-3)
    assert float(np.abs(kept.height_2 - 0.5 * kept.height_1).max()) < 1e-5
    assert float(kept.background_0.min()) == pytest.approx(0.3)
    assert float(kept.background_0_std.max()) == 0.0


def test_noise_of_the_stack_weights_the_fit(rng):
    stack, truth = one_peak(rng, noise=0.0)
    std = rng.uniform(0.01, 0.1, stack.signal.shape)
    noisy = stack.signal.values + rng.normal(size=std.shape) * std
    weighted = fit_map(stack_of(noisy, signal_std=std), "peaks")
    plain = fit_map(stack_of(noisy), "peaks")
    check_pulls(weighted, truth)
    assert weighted.redchi.mean() == pytest.approx(1.0, abs=0.02)
    assert float((weighted.center_std / plain.center_std).median()) < 0.75
    assert weighted.attrs["sigma_source"] == "signal_std"


def test_counts_are_fitted_by_maximum_likelihood(rng):
    stack, truth = one_peak(rng, "two_theta", noise=0.0)
    counts = rng.poisson(stack.signal.values * 150)
    maps = fit_map(stack_of(counts, "two_theta", quantity="counts"), "peaks", weighting="poisson")
    for name in ("height", "background_0", "background_1", "area"):
        truth[name] = truth[name] * 150
    check_pulls(maps, truth)
    assert maps.redchi.mean() == pytest.approx(1.0, abs=0.02)


def test_awkward_pixels_have_a_status(rng):
    stack, _ = one_peak(rng)
    whole = fit_map(stack, "peaks")
    stack.signal[:, 0, 0] = 0.0
    stack.signal[:, 0, 1] = 0.7
    stack.signal[:, 0, 2] = np.nan
    stack.signal[10, 0, 3] = np.nan
    stack.signal[3:, 0, 4] = np.nan
    stack.signal[:, 0, 5] = np.linspace(0, 1, stack.sizes["energy"])
    maps = fit_map(stack, "peaks")
    expected = [Status.SINGULAR, Status.SINGULAR, Status.MASKED, Status.OK, Status.SINGULAR]
    assert list(maps.status.values[0, :5]) == expected
    assert maps.status[0, 5] == Status.SINGULAR
    assert np.isnan(maps.center.values[0, [0, 1, 2, 4, 5]]).all()
    alone = fit_map(stack.isel(energy=np.r_[0:10, 11:67], y=[0], x=[3]), "peaks")
    assert float(maps.center[0, 3]) == pytest.approx(float(alone.center[0, 0]), abs=2e-3)
    xr.testing.assert_equal(maps.center[1:], whole.center[1:])


def test_same_numbers_for_any_threads_blocks_and_laziness(rng):
    stack, _ = two_peaks(rng)
    one = fit_map(stack, "peaks", model="2*lorentzian + linear", workers=1)
    for other in (
        fit_map(stack, "peaks", model="2*lorentzian + linear", workers=3, block_pixels=77),
        fit_map(stack.chunk({"y": 7}), "peaks", model="2*lorentzian + linear", block_pixels=100),
    ):
        xr.testing.assert_equal(one.drop_attrs(), other.drop_attrs())


def test_masked_pixels_change_nothing_for_the_others(rng):
    stack, _ = two_peaks(rng)
    mask = xr.zeros_like(stack.signal[0], dtype=bool).drop_vars("energy", errors="ignore")
    mask[:, ::3] = True
    whole = fit_map(stack, "peaks", model="2*lorentzian + linear")
    part = fit_map(stack, "peaks", model="2*lorentzian + linear", mask=mask, block_pixels=101)
    assert (part.status.values[~mask.values] == Status.MASKED).all()
    for name in part.data_vars:
        if name != "status":
            assert np.isnan(part[name].values[~mask.values]).all(), name
        np.testing.assert_array_equal(
            part[name].values[mask.values], whole[name].values[mask.values]
        )


@pytest.mark.parametrize("peaks", [1, 2])
def test_bad_starts_are_recovered(rng, peaks):
    """A map of starting values that is wrong by half the window."""
    stack, _ = one_peak(rng) if peaks == 1 else two_peaks(rng)
    model = "gaussian + linear" if peaks == 1 else "2*lorentzian + linear"
    best = fit_map(stack, "peaks", model=model)
    x = stack[best.attrs.get("dim", "energy" if peaks == 1 else "raman_shift")]
    half = 0.5 * float(x[-1] - x[0])
    bad = {
        name: best[name] + half * rng.choice([-1, 1], SHAPE)
        for name in best.data_vars
        if name.startswith("center") and not name.endswith("_std")
    }
    maps = fit_map(stack, "peaks", model=model, start=xr.Dataset(bad))
    same = (maps.redchi <= best.redchi * (1 + 1e-4)).values
    assert same.mean() > 0.95
    assert (maps.status.values[~same] != Status.OK).all()


def test_starts_from_neighbors(rng):
    stack, truth = two_peaks(rng)
    first = fit_map(stack, "peaks", model="2*lorentzian + linear")
    first["status"][5, 5] = Status.NOT_CONVERGED
    starts = neighbor_starts(first)
    around = first.center_1[3:8, 3:8].mean().item()
    assert starts.center_1[5, 5].item() == pytest.approx(around, abs=1.5)
    assert starts.center_1[9, 9].item() == first.center_1[9, 9].item()
    second = fit_map(stack, "peaks", model="2*lorentzian + linear", start=starts)
    check_pulls(second, truth)
    with pytest.raises(DataError, match="no map of starting values"):
        fit_map(stack, "peaks", model="2*lorentzian", start=starts[["redchi"]].rename(redchi="a"))
    with pytest.raises(DataError, match="does not fit the stack"):
        fit_map(stack, "peaks", model="2*lorentzian", start=starts.isel(y=slice(5)))


def test_one_spectrum_and_its_curves(rng):
    stack, _ = two_peaks(rng)
    maps = fit_map(stack, "peaks", model="2*lorentzian + linear")
    one = fit_spectrum(stack.signal[:, 4, 5], "peaks", model="2*lorentzian + linear")
    results = json.loads(one.attrs["results"])
    assert results["center_2"]["value"] == pytest.approx(float(maps.center_2[4, 5]), abs=1e-3)
    assert results["center_2"]["std"] == pytest.approx(float(maps.center_2_std[4, 5]), rel=1e-3)
    total = one.background + one.component_lorentzian_1 + one.component_lorentzian_2
    np.testing.assert_allclose(one.fit, total, atol=1e-9)
    assert float(one.residual.std()) == pytest.approx(0.02, rel=0.3)


def stretched(x, amplitude, tau, beta):
    return amplitude * np.exp(-(((x - 440.0) / tau) ** beta))


def test_a_users_model(rng):
    x = AXES["raman_shift"]
    tau, beta = rng.uniform(40, 80, SHAPE), rng.uniform(0.8, 1.2, SHAPE)
    signal = stretched(x[:, None, None], 2.0, tau, beta) + rng.normal(0, 0.01, (80, *SHAPE))
    name = register_model(stretched, initial={"amplitude": 1.5, "tau": 60, "beta": 1.0})
    stack = stack_of(signal, "raman_shift")
    maps = fit_map(stack, "peaks", model=name, bounds=("beta=0.1:5",))
    check_pulls(maps, {"tau": tau, "beta": beta, "amplitude": 2.0})
    fixed = fit_map(stack, "peaks", model=name, fixed=("amplitude=2",))
    check_pulls(fixed, {"tau": tau, "beta": beta})
    one = fit_spectrum(stack.signal[:, 3, 3], "peaks", model=name)
    assert float(np.abs(one.residual).max()) < 0.06
    with pytest.raises(ParameterError, match="needs starting values"):
        fit_map(stack, "peaks", model=register_model(stretched, name="bare"))


def misspelled(x, a):
    return a * np.expp(x)


def sorts(x, a):
    return a * np.sort(x)


def lists(x, a):
    return a * len([x, a, x])


def words(x, a):
    return "a"


def slope(x, a):
    return a * x


@pytest.mark.parametrize(
    ("model", "jacobian", "said"),
    [
        (misspelled, None, "misspelled cannot be compiled: .*expp"),
        (sorts, None, r"sorts cannot be compiled: .*sort\(float64\)"),
        (lists, None, "makes arrays, lists"),
        (words, None, "returns .*str"),
        (slope, slope, "derivatives are float64, not a tuple of 1 numbers"),
        (slope, lambda x, a: (x, a), "not a tuple of 1 numbers"),
    ],
)
def test_a_users_model_that_cannot_be_compiled_says_why(rng, model, jacobian, said):
    stack = stack_of(rng.normal(1, 0.1, (80, *SHAPE)), "raman_shift")
    name = register_model(model, jacobian=jacobian)
    with pytest.raises(ParameterError, match=said):
        fit_map(stack, "peaks", model=name, initial=("a=1",))


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"model": "gausian"}, ParameterError, "unknown term 'gausian'"),
        ({"model": "linear"}, ParameterError, "has no peak"),
        ({"initial": ("centre=3",)}, ParameterError, "did you mean 'center'"),
        ({"initial": ("center",)}, ParameterError, "cannot be read"),
        ({"initial": ("center=x",)}, ParameterError, "cannot be read"),
        ({"bounds": ("center=5:3",)}, ParameterError, "not in order"),
        ({"bounds": ("center=5",)}, ParameterError, "cannot be read"),
        ({"tied": ("fwhm=fwhm",)}, ParameterError, "cannot be tied"),
        ({"tied": ("fwhm=2*",)}, ParameterError, "cannot be read"),
        (
            {"tied": ("fwhm=2*center",), "bounds": ("fwhm=1:2",)},
            ParameterError,
            "bounds of its own",
        ),
        (
            {"model": "gaussian", "fixed": ("height", "center", "fwhm")},
            ParameterError,
            "nothing is left to fit",
        ),
        ({"weighting": "noise"}, DataError, "needs the noise"),
        ({"low": 8330, "high": 8332}, DataError, "too few spectral points"),
        ({"low": 8340, "high": 8330}, ParameterError, "window is empty"),
        ({"low": 1, "high": 2}, DataError, "no spectral point"),
    ],
)
def test_bad_parameters_are_named(rng, change, error, words):
    stack, _ = one_peak(rng)
    with pytest.raises(error, match=words):
        fit_map(stack, "peaks", **change)


def test_models_are_read():
    spec = find_model("arctan + 2*gaussian + pseudo_voigt + quadratic")
    assert spec.names[:4] == ("step_height", "step_center", "step_width", "height_1")
    assert spec.names[-4:] == ("eta_3", "background_0", "background_1", "background_2")
    assert find_model("k_edge").names == find_model("arctan+gaussian+linear").names
    with pytest.raises(ParameterError, match="cannot be called"):
        register_model(stretched, name="gaussian")
    with pytest.raises(ParameterError, match="at least one named parameter"):
        register_model(lambda x: x, name="nothing")
    with pytest.raises(ParameterError, match="it is a partial"):
        register_model(partial(stretched, beta=1.0), name="nothing")


@pytest.mark.parametrize(
    "model",
    [
        lambda e, x: e * x,
        lambda x, status: x * status,
        lambda x, redchi: x * redchi,
        lambda x, a, a_std: x * a + a_std,
    ],
)
def test_a_parameter_is_not_named_like_another_map(model):
    with pytest.raises(ParameterError, match="something else that is called"):
        register_model(model, name="nothing")


def wrong_slope(x, a):
    return (2.0 * x,)


def test_wrong_derivatives_are_refused(rng):
    stack = stack_of(rng.normal(1, 0.1, (80, *SHAPE)), "raman_shift")
    name = register_model(slope, jacobian=wrong_slope, name="steep")
    with pytest.raises(ParameterError, match="derivatives of the model 'steep' are wrong"):
        fit_map(stack, "peaks", model=name, initial=("a=1",))
