"""The batched non-linear fit against its plain twin, planted truths and awkward pixels."""

import os
import subprocess
import sys

import numpy as np
import pytest
from compiled_call import through_door
from numba import njit
from scipy.optimize import curve_fit

from socwidgets.kernels import generated, lm, lm_lanes, lm_math, lm_reference, lm_step
from socwidgets.kernels.lm_composite import composite
from socwidgets.kernels.lm_evaluate import evaluate_model
from socwidgets.kernels.lm_plan import make_plan

# Not uniform, and not a whole number of chunks: dense in the middle as beamlines scan.
AXIS = np.concatenate(
    [np.linspace(-1, -0.5, 12), np.linspace(-0.48, 0.5, 37), np.linspace(0.55, 1, 12)]
)

# Parts, degree of the background, typical parameters: lowest and highest of the planted ones.
MODELS = {
    "gaussian": (("gaussian",), 1, [(0.5, 2), (-0.3, 0.3), (0.25, 0.5), (0.2, 0.6), (-0.2, 0.2)]),
    "lorentzian": (
        ("lorentzian",),
        1,
        [(0.5, 2), (-0.3, 0.3), (0.2, 0.4), (0.2, 0.6), (-0.2, 0.2)],
    ),
    "pseudo_voigt": (
        ("pseudo_voigt",),
        1,
        [(1, 2), (-0.2, 0.2), (0.25, 0.4), (0.4, 0.6), (0.2, 0.6), (-0.2, 0.2)],
    ),
    "voigt": (
        ("voigt",),
        0,
        [(0.5, 1), (-0.2, 0.2), (0.2, 0.4), (0.2, 0.3), (0.1, 0.2)],
    ),
    "two": (
        ("gaussian", "lorentzian"),
        1,
        [
            (0.8, 2), (-0.5, -0.3), (0.25, 0.4), (0.8, 2), (0.3, 0.5), (0.25, 0.4),
            (0.2, 0.6), (-0.2, 0.2),
        ],
    ),
    "k_edge": (
        ("arctan", "gaussian"),
        1,
        [
            (0.9, 1.1), (-0.3, -0.2), (0.1, 0.2), (0.8, 1.5), (0, 0.1), (0.2, 0.3),
            (0.1, 0.2), (-0.1, 0.1),
        ],
    ),
    "erf": (("erf",), 1, [(0.9, 1.1), (-0.1, 0.1), (0.2, 0.5), (0.1, 0.2), (-0.1, 0.1)]),
    "exponential": (
        ("exponential", "gaussian"),
        -1,
        [(1, 2), (0.5, 1.0), (0.5, 2), (-0.3, 0.3), (0.25, 0.5)],
    ),
}  # fmt: skip


def planted(rng, name, pixels, noise=0.02, axis=AXIS, spread=0.05):
    """Truth, spectra, starting values that are off by `spread` of the range."""
    parts, degree, ranges = MODELS[name]
    low, high = np.array(ranges).T[:, :, None]
    truth = rng.uniform(low, high, (len(ranges), pixels))
    function = lm_reference.composite(parts, degree)
    clean = np.stack([function(axis, *truth[:, p]) for p in range(pixels)], axis=1)
    guess = truth + rng.uniform(-spread, spread, truth.shape)
    return truth, clean + rng.normal(0, noise, clean.shape), guess


def plan_of(name, axis=AXIS, **options):
    parts, degree, _ = MODELS[name]
    return make_plan(composite(parts, axis, degree=degree), **options)


def diagonal(result):
    count = int((np.sqrt(8 * len(result.covariance) + 1) - 1) / 2)
    return np.sqrt(result.covariance[[i * (i + 1) // 2 + i for i in range(count)]])


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_own_functions_are_accurate(rng, kind):
    def over(function):
        @njit
        def apply(x, out):
            for i in range(x.size):
                out[i] = function(x[i])

        return apply

    ulp = np.finfo(kind).eps
    for name, x in (
        ("exp", rng.uniform(-38, 38, 4096)),
        ("exp2", rng.uniform(-57, 0, 4096)),
        ("log", np.exp(rng.uniform(-80, 80, 4096))),
        ("arctan", rng.normal(0, 5, 4096)),
        ("tanh", rng.normal(0, 2, 4096)),
        ("erf", rng.normal(0, 2, 4096)),
    ):
        x = x.astype(kind)
        out = np.empty_like(x)
        over(getattr(lm_math, name))(x, out)
        exact = getattr(lm_math, name)(x.astype(np.float64))
        relative = name in ("exp", "exp2", "log", "arctan")
        error = np.abs(out / exact - 1 if relative else out - exact)
        # Of 40,000 the worst exponential is 8.1 off.
        assert error.max() < (2e-10 if name == "erf" and kind is np.float64 else 10 * ulp)


@pytest.mark.parametrize("name", MODELS)
def test_lineshapes_equal_the_twin(rng, name):
    parts, degree, _ = MODELS[name]
    truth, _, _ = planted(rng, name, 1)
    model = composite(parts, AXIS, degree=degree)
    expected = lm_reference.composite(parts, degree)(AXIS, *truth[:, 0])
    np.testing.assert_allclose(evaluate_model(model, truth[:, 0]), expected, atol=1e-9)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("name", MODELS)
def test_equal_to_twin(rng, name, kind):
    _, signal, guess = planted(rng, name, 40)
    signal = signal.astype(kind)
    result = lm.fit_block(plan_of(name), signal, None, 0, 40, guess)
    function = lm_reference.composite(*MODELS[name][:2])
    sigma = diagonal(result)
    assert (result.status == lm.OK).all()
    for p in range(40):
        twin = lm_reference.fit_one(function, AXIS, signal[:, p].astype(float), guess[:, p])
        expected = np.sqrt(np.diag(twin["covariance"]))
        assert np.abs((result.values[:, p] - twin["values"]) / expected).max() < 0.01
        np.testing.assert_allclose(result.redchi[p], twin["redchi"], rtol=1e-5)
        np.testing.assert_allclose(sigma[:, p], expected, rtol=2e-3)


@pytest.mark.parametrize("name", ["gaussian", "two"])
def test_same_minimum_as_curve_fit(rng, name):
    """A sample of what `tests/bench/bench_lm.py` does for 20,000 pixels."""
    pixels = 300
    _, signal, guess = planted(rng, name, pixels)
    signal = signal.astype(np.float32)
    result = lm.fit_block(plan_of(name), signal, None, 0, pixels, guess)
    function = lm_reference.composite(*MODELS[name][:2])
    for p in range(pixels):
        values, covariance = curve_fit(
            function, AXIS, signal[:, p], guess[:, p], ftol=1e-12, xtol=1e-12, gtol=1e-12
        )
        pull = (np.abs(result.values[:, p]) - np.abs(values)) / np.sqrt(np.diag(covariance))
        assert np.abs(pull).max() < 0.01


def test_double_precision_throughout(rng):
    _, signal, guess = planted(rng, "gaussian", 20)
    single = lm.fit_block(plan_of("gaussian"), signal, None, 0, 20, guess)
    double = lm.fit_block(plan_of("gaussian", double=True), signal, None, 0, 20, guess)
    function = lm_reference.composite(*MODELS["gaussian"][:2])
    for p in range(20):
        twin = lm_reference.fit_one(function, AXIS, signal[:, p], guess[:, p])
        np.testing.assert_allclose(double.values[:, p], twin["values"], atol=1e-7)
    assert np.abs((single.values - double.values) / diagonal(double)).max() < 0.01


def test_known_noise_weights_each_sample(rng):
    truth, clean, guess = planted(rng, "gaussian", 3000, noise=0)
    std = rng.uniform(0.01, 0.1, clean.shape)
    signal = clean + rng.normal(size=clean.shape) * std
    result = lm.fit_block(plan_of("gaussian", weighting="std"), signal, std, 0, 3000, guess)
    pull = (result.values - truth) / diagonal(result)
    assert np.abs(pull.std(axis=1) - 1).max() < 0.07
    assert np.abs(pull.mean(axis=1)).max() < 0.1
    assert result.redchi.mean() == pytest.approx(1.0, abs=0.02)
    function = lm_reference.composite(("gaussian",), 1)
    for p in range(20):
        twin = lm_reference.fit_one(function, AXIS, signal[:, p], guess[:, p], std=std[:, p])
        sigma = np.sqrt(np.diag(twin["covariance"]))
        assert np.abs((result.values[:, p] - twin["values"]) / sigma).max() < 0.01
        np.testing.assert_allclose(diagonal(result)[:, p], sigma, rtol=1e-3)


@pytest.mark.parametrize(
    ("name", "noise"),
    # With more noise the width of the step is so uncertain (a fifth of it) that its distribution is
    # skewed: no sigma could be right.
    [(n, s) for n in ("gaussian", "two") for s in (0.005, 0.02, 0.05)]
    + [("k_edge", s) for s in (0.003, 0.01, 0.02)],
)
def test_pulls_are_standard_normal(rng, name, noise):
    pixels = 3000
    truth, signal, guess = planted(rng, name, pixels, noise)
    result = lm.fit_block(plan_of(name), signal.astype(np.float32), None, 0, pixels, guess)
    good = result.status == lm.OK
    assert good.mean() > 0.995
    pull = ((result.values - truth) / diagonal(result))[:, good]
    inner = np.abs(pull) < 6
    assert inner.mean() > 0.999
    spread = np.array([row[keep].std() for row, keep in zip(pull, inner, strict=True)])
    middle = np.array([row[keep].mean() for row, keep in zip(pull, inner, strict=True)])
    assert ((spread > 0.9) & (spread < 1.1)).all()
    assert np.abs(middle).max() < 0.1


@pytest.mark.parametrize("level", [5.0, 150.0, 1000.0])
def test_poisson_counts_have_calibrated_sigma(rng, level):
    """Weights from the data would bias all of this by several sigma at few counts."""
    pixels = 3000
    truth, clean, guess = planted(rng, "gaussian", pixels, noise=0)
    scale = np.array([1, 0, 0, 1, 1])[:, None] * (level - 1) + 1
    truth[4], guess[4] = 0, 0
    function = lm_reference.composite(("gaussian",), 1)
    clean = np.stack([function(AXIS, *truth[:, p]) for p in range(pixels)], axis=1) * level
    counts = rng.poisson(clean).astype(np.float32)
    plan = plan_of("gaussian", weighting="poisson")
    result = lm.fit_block(plan, counts, None, 0, pixels, guess * scale)
    good = result.status == lm.OK
    assert good.mean() > 0.98
    pull = ((result.values - truth * scale) / diagonal(result))[:, good]
    if level > 10:
        inner = np.abs(pull) < 6
        assert inner.mean() > 0.999
        spread = np.array([row[keep].std() for row, keep in zip(pull, inner, strict=True)])
        middle = np.array([row[keep].mean() for row, keep in zip(pull, inner, strict=True)])
        assert ((spread > 0.9) & (spread < 1.1)).all()
        assert np.abs(middle).max() < 0.1
    for p in np.flatnonzero(good)[:10]:
        twin = lm_reference.fit_one(
            function, AXIS, counts[:, p].astype(float), guess[:, p] * scale[:, 0], poisson=True
        )
        expected = np.sqrt(np.diag(twin["covariance"]))
        assert np.abs((result.values[:, p] - twin["values"]) / expected).max() < 0.03


def test_bounds_hold_and_are_reported(rng):
    _, signal, guess = planted(rng, "gaussian", 60)
    lower, upper = np.full(5, -np.inf), np.full(5, np.inf)
    upper[2] = 0.35  # many planted widths are larger
    plan = plan_of("gaussian", lower=lower, upper=upper)
    result = lm.fit_block(plan, signal, None, 0, 60, guess)
    function = lm_reference.composite(*MODELS["gaussian"][:2])
    assert (result.values[2] <= 0.35).all()
    assert set(result.status) == {lm.OK, lm.AT_BOUND}
    for p in range(60):
        twin = lm_reference.fit_one(function, AXIS, signal[:, p], guess[:, p], upper=upper)
        np.testing.assert_allclose(result.values[:, p], twin["values"], atol=2e-4)
        assert (result.status[p] == lm.AT_BOUND) == (twin["values"][2] > 0.35 - 1e-6)
        if result.status[p] == lm.AT_BOUND:
            sigma = np.sqrt(np.diag(np.linalg.inv(_normal(function, twin["values"]))))
            expected = sigma[2] * np.sqrt(result.redchi[p])
            assert diagonal(result)[2, p] == pytest.approx(expected, rel=0.01)


def _normal(function, values):
    step = 1e-5
    rows = [
        (function(AXIS, *(values + step * e)) - function(AXIS, *(values - step * e))) / (2 * step)
        for e in np.eye(len(values))
    ]
    return np.array(rows) @ np.array(rows).T


def test_fixed_and_tied_parameters(rng):
    """Widths shared, the second center a fixed distance from the first, the slope not fitted."""
    axis, pixels = AXIS, 30
    truth = np.stack(
        [
            rng.uniform(1, 2, pixels), rng.uniform(-0.5, -0.3, pixels),
            rng.uniform(0.2, 0.3, pixels), rng.uniform(0.5, 1, pixels), np.zeros(pixels),
            np.zeros(pixels), rng.uniform(0, 1, pixels), np.full(pixels, 0.1),
        ]
    )  # fmt: skip
    truth[4], truth[5] = truth[1] + 0.7, truth[2]
    function = lm_reference.composite(("gaussian", "gaussian"), 1)
    signal = np.stack([function(axis, *truth[:, p]) for p in range(pixels)], axis=1)
    signal += rng.normal(0, 0.02, signal.shape)
    tied = {4: (1, 1.0, 0.7), 5: (2, 1.0, 0.0)}
    plan = make_plan(composite(("gaussian", "gaussian"), axis, degree=1), fixed=(7,), tied=tied)
    guess = truth * 1.1
    guess[7] = 0.1
    result = lm.fit_block(plan, signal, None, 0, pixels, guess)
    assert plan.unknowns == 5
    np.testing.assert_array_equal(result.values[7], 0.1)
    np.testing.assert_allclose(result.values[4], result.values[1] + 0.7)
    np.testing.assert_allclose(result.values[5], result.values[2])
    for p in range(pixels):
        twin = lm_reference.fit_one(
            function, axis, signal[:, p], guess[:, p], fixed=(7,), tied=tied
        )
        sigma = np.sqrt(np.diag(twin["covariance"]))
        found = np.abs((result.values - twin["values"][:, None])[:, p][[0, 1, 2, 3, 6]] / sigma)
        assert found.max() < 0.01
        np.testing.assert_allclose(diagonal(result)[:, p], sigma, rtol=2e-3)


def test_impossible_plans_are_refused():
    model = composite(("gaussian",), AXIS)
    for wrong in (
        {"fixed": (0, 1, 2)},
        {"fixed": (0,), "tied": {1: (0, 1.0, 0.0)}},
        {"lower": np.ones(3), "upper": np.zeros(3)},
    ):
        with pytest.raises(ValueError, match="nothing is free"):
            make_plan(model, **wrong)
    with pytest.raises(ValueError, match="starting values of shape"):
        lm.fit_block(make_plan(model), np.ones((AXIS.size, 4)), None, 0, 4, np.ones((4, 3)))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_awkward_pixels(rng, kind):
    _, signal, guess = planted(rng, "gaussian", 8)
    signal[:, 1] = 0
    signal[5, 2] = np.nan
    signal[:, 3] = np.nan
    signal[7, 4] = np.inf
    signal[:, 5] = np.minimum(signal[:, 5], 0.6)  # clipped counts
    guess[:, 6] = np.nan
    signal[:, 7] = signal[:, 0] * 1e-9
    guess[:, 7] = guess[:, 0] * np.array([1e-9, 1, 1, 1e-9, 1e-9])
    alone = lm.fit_block(
        plan_of("gaussian"),
        np.ascontiguousarray(signal[:, :1].astype(kind)),
        None,
        0,
        1,
        guess[:, :1],
    )
    result = lm.fit_block(plan_of("gaussian"), signal.astype(kind), None, 0, 8, guess)
    np.testing.assert_array_equal(result.values[:, 0], alone.values[:, 0])
    assert result.status[0] == lm.OK
    assert result.status[1] == lm.SINGULAR
    assert (result.status[[2, 3, 4, 6]] == lm.MISSING).all()
    assert np.isnan(result.values[:, [2, 3, 4, 6]]).all()
    assert result.status[5] in (lm.OK, lm.NOT_CONVERGED)
    assert result.status[7] == lm.OK
    np.testing.assert_allclose(result.values[1:3, 7], result.values[1:3, 0], rtol=1e-4)


def test_data_without_noise(rng):
    truth, signal, guess = planted(rng, "two", 50, noise=0)
    result = lm.fit_block(plan_of("two"), signal, None, 0, 50, guess)
    np.testing.assert_allclose(result.values, truth, atol=1e-7)
    assert (result.status == lm.OK).all()


def test_hopeless_fits_say_so(rng):
    """Two peaks where there is one: whatever happens, no number without a status."""
    _, signal, _ = planted(rng, "gaussian", 200)
    guess = np.repeat(np.array([1, -0.9, 0.1, 1, 0.9, 0.1, 0.0, 0.0])[:, None], 200, axis=1)
    result = lm.fit_block(plan_of("two", max_passes=30), signal, None, 0, 200, guess)
    good = result.status == lm.OK
    assert np.isfinite(result.values[:, good]).all()
    assert np.isfinite(diagonal(result)[:, good]).all()
    assert not good.all()


def test_result_depends_on_nothing_but_the_pixel(rng):
    """Lanes, batches and neighbors do not matter: the same bits for any cut of the stack.

    Some pixels start so far off that they are collected and go on beside others of their kind, and
    some have so little noise that their last step needs double precision.
    """
    _, signal, guess = planted(rng, "gaussian", 300)
    _, clear, guess[:, ::5] = (x[..., ::5] for x in planted(rng, "gaussian", 300, noise=1e-5))
    signal[:, ::5] = clear
    guess[1, ::7] += 0.4
    whole = lm.fit_block(plan_of("gaussian"), signal, None, 0, 300, guess)
    part = lm.fit_block(plan_of("gaussian"), signal, None, 37, 138, guess[:, 37:138])
    for field in ("values", "covariance", "redchi", "status", "passes"):
        np.testing.assert_array_equal(getattr(part, field), getattr(whole, field)[..., 37:138])
    assert whole.passes[::7].mean() > 1.5 * whole.passes.mean()


@pytest.mark.parametrize("noise", [1e-6, 1e-4, 1e-3, 1e-2])
def test_last_step_is_exact_enough_at_any_noise(rng, noise):
    """Where single precision would not be enough, the last step is in double."""
    _, signal, guess = planted(rng, "two", 200, noise=noise, spread=0.02)
    found = lm.fit_block(plan_of("two"), signal, None, 0, 200, guess)
    exact = lm.fit_block(plan_of("two", double=True), signal, None, 0, 200, guess)
    assert (found.status == lm.OK).all()
    assert np.abs((found.values - exact.values) / diagonal(exact)).max() < 0.002
    np.testing.assert_allclose(diagonal(found), diagonal(exact), rtol=2e-4)
    np.testing.assert_allclose(found.redchi, exact.redchi, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("switch", ["NUMBA_BOUNDSCHECK", "NUMBA_DISABLE_JIT"])
def test_without_the_compilers_trust(switch, tmp_path):
    """No index out of bounds, and the plain Python of the same code says the same."""
    code = """
import numpy as np
from socwidgets.kernels import lm
from socwidgets.kernels.lm_composite import composite
from socwidgets.kernels.lm_plan import make_plan
axis = np.linspace(-1, 1, 11)
signal = np.exp(-((axis / 0.4) ** 2))[:, None] + 0.01 * np.sin(37 * axis)[:, None]
plan = make_plan(composite(("gaussian",), axis, degree=0), double=True)
guess = np.array([[0.9], [0.05], [0.6], [0.0]])
result = lm.fit_block(plan, signal, None, 0, 1, guess)
print(*[repr(float(v)) for v in result.values[:, 0]], result.status[0])
"""
    # Not optimized: it is run once, and compiled in less time.
    options = {switch: "1", "NUMBA_OPT": "0", "NUMBA_CACHE_DIR": str(tmp_path)}
    environment = {**os.environ, **options}
    run = [sys.executable, "-c", code]
    with_switch = subprocess.run(run, env=environment, capture_output=True, text=True, check=True)
    axis = np.linspace(-1, 1, 11)
    signal = np.exp(-((axis / 0.4) ** 2))[:, None] + 0.01 * np.sin(37 * axis)[:, None]
    plan = make_plan(composite(("gaussian",), axis, degree=0), double=True)
    guess = np.array([[0.9], [0.05], [0.6], [0.0]])
    result = lm.fit_block(plan, signal, None, 0, 1, guess)
    *values, status = with_switch.stdout.split()
    np.testing.assert_allclose([float(v) for v in values], result.values[:, 0], rtol=1e-9)
    assert int(status) == result.status[0] == lm.OK


@pytest.mark.parametrize("weighting", ["none", "std"])
@pytest.mark.parametrize("name", ["gaussian", "two"])
def test_code_written_for_a_model_equals_the_general_code(rng, monkeypatch, name, weighting):
    _, signal, guess = planted(rng, name, 70)
    std = rng.uniform(0.01, 0.03, signal.shape)
    own = lm.fit_block(plan_of(name, weighting=weighting, fixed=(2,)), signal, std, 0, 70, guess)
    monkeypatch.setattr(lm, "_MOST_PARAMETERS", 0)
    general = lm.fit_block(
        plan_of(name, weighting=weighting, fixed=(2,)), signal, std, 0, 70, guess
    )
    sigma = np.sqrt(general.covariance[0])
    assert np.abs((own.values - general.values)[0] / sigma).max() < 2e-3
    np.testing.assert_allclose(own.covariance, general.covariance, rtol=2e-3, atol=1e-9)
    np.testing.assert_allclose(own.redchi, general.redchi, rtol=1e-5)
    np.testing.assert_array_equal(own.status, general.status)


@pytest.mark.parametrize(
    ("which", "kind"),
    [("propose", np.float32), ("propose", np.float64), ("finish", np.float64)],
)
def test_steps_written_for_five_parameters_equal_the_general_ones(rng, which, kind):
    """Some parameters are at a bound; with `finish`, also when bounds are not respected."""
    count, lanes = 5, lm_lanes.LANES
    columns = rng.normal(size=(lanes, 60, count + 1))
    products = np.einsum("pei,pej->ijp", columns, columns)
    sums = products[np.triu_indices(count + 1)].astype(kind)
    edges = np.array([[-0.1, -np.inf, -np.inf, -0.2, -0.1], [0.1, np.inf, 0.2, np.inf, 0.1]])
    start = np.clip(rng.normal(0, 0.2, (count, lanes)), edges[0][:, None], edges[1][:, None])
    for respected in (1.0, 0.0) if which == "finish" else (1.0,):
        found = []
        for own in (True, False):
            step = (
                lm_step.propose_step(count, kind, own=own)
                if which == "propose"
                else lm_step.finish_step(count, own=own)
            )
            state = np.zeros((3 * count + 11 + count * count, lanes), kind)
            state[:count], state[3 * count] = start, 1e-3
            bounds = np.append(edges.ravel(), [1e-14, respected]).astype(kind)
            scratch = np.zeros(lm_step.scratch_rows(count) * lanes, kind)
            flat = state.reshape(-1)
            _call(step, np.array([count], np.uintp), bounds, sums.reshape(-1), flat, scratch)
            found.append(state)
        scale = np.abs(found[1]).max()
        np.testing.assert_allclose(found[0], found[1], atol=100 * np.finfo(kind).eps * scale)
        held = found[0][count : 2 * count] if which == "finish" else np.ones(1)
        assert held.any() == (respected > 0)


@njit
def _call(step, numbers, bounds, sums, state, scratch):
    step(numbers, bounds, lm_lanes.L, sums, state, scratch)


def test_generated_code_without_a_folder_to_write_to(monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    monkeypatch.setattr(generated, "_folder", lambda: blocked / "below")
    names = generated.load_source("answer = 6 * 7", (lm_math,))
    assert names["answer"] == 42
    assert "__file__" not in names
    source = "from socwidgets.kernels.lm_lanes import generated\n\n\n@generated\n"
    names = generated.load_source(source + "def twice(x):\n    return x + x\n", (lm_math,))
    assert through_door(names["twice"])(2.0) == 4.0
    monkeypatch.setattr(generated, "_folder", lambda: tmp_path / "cache")
    names = generated.load_source("answer = 6 * 7", (lm_math,))
    assert names["answer"] == 42
    assert [path.suffix for path in (tmp_path / "cache").glob("model_*")] == [".py"]
