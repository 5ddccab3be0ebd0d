"""Models that users write: certified reference problems, analytic derivatives, bad functions."""

import math
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numba import njit

from socwidgets.kernels import lm
from socwidgets.kernels.lm_lanes import jit_disabled
from socwidgets.kernels.lm_plan import make_plan
from socwidgets.kernels.lm_user import compile_model, parameter_names
from socwidgets.kernels.lm_user_check import check_derivatives, check_model
from socwidgets.kernels.lm_user_scope import frozen

sys.path.insert(0, str(Path(__file__).parent))
from nist_models import MODELS, read_problem

LOWER_AND_AVERAGE = [name for name in MODELS if read_problem(name).level in ("lower", "average")]
#: The residuals of Lanczos1 are 14 decimal places down: squares of rounding errors of its data.
NO_SIGMA = {"Lanczos1"}


def fit(name, start, count=1):
    """Fit from a start, and from `count` - 1 others that only rounding would tell from it."""
    problem, rng = read_problem(name), np.random.default_rng(7)
    model = compile_model(MODELS[name], problem.x, typical=start)
    plan = make_plan(model, double=True, max_passes=5000)
    starts = start[:, None] * (1 + 1e-9 * rng.normal(size=(len(start), count)))
    starts[:, 0] = start
    result = lm.fit_block(plan, np.repeat(problem.y[:, None], count, 1), None, 0, count, starts)
    diagonal = [i * (i + 1) // 2 + i for i in range(len(start))]
    return problem, result, np.sqrt(result.covariance[diagonal])


@pytest.mark.parametrize("name", LOWER_AND_AVERAGE)
def test_certified_values(name):
    """NIST StRD: six digits of the parameters, five of their standard errors, from start 1.

    Two exponentials that nearly cancel make a path of thousands of steps, which rounding alone
    sends another way: that one path gets there on one processor says little.
    """
    problem, result, sigma = fit(name, read_problem(name).starts[0], 32)
    assert (result.status == lm.OK).all()
    np.testing.assert_allclose(result.values / problem.values[:, None], 1, rtol=1e-6)
    if name not in NO_SIGMA:
        np.testing.assert_allclose(sigma / problem.sigmas[:, None], 1, rtol=1e-5)
        squares = result.redchi * (problem.x.size - len(sigma))
        np.testing.assert_allclose(squares, problem.squares, rtol=1e-6)


@pytest.mark.parametrize("name", [n for n in MODELS if n not in LOWER_AND_AVERAGE])
def test_difficult_problems_from_the_near_start(name):
    """Problems of the higher level: at least five digits from start 2."""
    problem, result, _ = fit(name, read_problem(name).starts[1])
    assert result.status[0] == lm.OK
    np.testing.assert_allclose(result.values[:, 0], problem.values, rtol=1e-5)


def test_a_lost_fit_says_so():
    """BoxBOD from its far start runs to where the data say nothing."""
    _, result, _ = fit("BoxBOD", read_problem("BoxBOD").starts[0])
    assert result.status[0] in (lm.SINGULAR, lm.NOT_CONVERGED)


def decay(x, amplitude, tau, floor):
    return amplitude * np.exp(-x / tau) + floor


def decay_slopes(x, amplitude, tau, floor):
    shape = np.exp(-x / tau)
    return shape, amplitude * shape * x / tau**2, 1.0


def test_analytic_derivatives_give_the_same(rng):
    axis, pixels = np.linspace(0, 10, 61), 200
    truth = rng.uniform([[1], [1], [0]], [[2], [3], [1]], (3, pixels))
    signal = decay(axis[:, None], *truth) + rng.normal(0, 0.02, (61, pixels))
    guess = np.repeat([[1.0], [1.5], [0.0]], pixels, axis=1)
    plans = [
        make_plan(compile_model(decay, axis, jacobian=slopes), double=True)
        for slopes in (None, decay_slopes)
    ]
    plain, exact = (lm.fit_block(plan, signal, None, 0, pixels, guess) for plan in plans)
    assert (exact.status == lm.OK).all()
    np.testing.assert_allclose(plain.values, exact.values, rtol=1e-6)
    np.testing.assert_allclose(plain.covariance, exact.covariance, rtol=1e-5)
    pull = (exact.values - truth) / np.sqrt(exact.covariance[[0, 2, 5]])
    assert np.abs(pull.std(axis=1) - 1).max() < 0.2


def broken_line(x, left, right, knee):
    """A model may branch, and take functions from anywhere."""
    if x < knee:
        return left * (x - knee)
    return right * (x - knee) + np.sqrt(2.0) - np.sqrt(2.0)


def test_models_may_branch(rng):
    axis = np.linspace(0, 1, 50)
    signal = np.where(axis < 0.4, -(axis - 0.4), 2 * (axis - 0.4))[:, None]
    signal = signal + rng.normal(0, 0.01, signal.shape)
    plan = make_plan(compile_model(broken_line, axis), double=True)
    result = lm.fit_block(plan, signal, None, 0, 1, np.array([[-0.5], [1.0], [0.5]]))
    np.testing.assert_allclose(result.values[:, 0], [-1, 2, 0.4], atol=0.1)


def test_what_is_no_model():
    assert parameter_names(decay) == ("amplitude", "tau", "floor")
    for wrong in (lambda x: x, lambda x, *rest: x, lambda: 0, lambda x, *, a: a * x):
        with pytest.raises(ValueError, match="a model is a function of the axis"):
            parameter_names(wrong)
    plan = make_plan(compile_model(decay, np.arange(9.0)))
    with pytest.raises(ValueError, match="double precision"):
        lm.fit_block(plan, np.ones((9, 1)), None, 0, 1, np.ones((3, 1)))


def fit_one(model, values, start):
    """Parameters of the fit of a spectrum without noise, and its status."""
    axis = np.linspace(1.0, 9.0, 40)
    signal = np.array([values(x) for x in axis])[:, None]
    plan = make_plan(compile_model(model, axis, typical=np.array(start)), double=True)
    result = lm.fit_block(plan, signal, None, 0, 1, np.array(start)[:, None])
    return result.values[:, 0], result.status[0]


SCALE = 2.0


def bell(x, center):
    return SCALE * np.exp(-((x - center) ** 2))


@njit
def compiled_line(x, slope):
    return slope * x


def calls_others(x, height, center, slope):
    return height * bell(x, center) + compiled_line(x, slope)


def test_a_model_is_what_it_is_when_it_is_fitted(monkeypatch):
    """Numbers from outside, of the model and of functions it calls, may change between two fits."""
    for scale in (2.0, 5.0):
        monkeypatch.setitem(globals(), "SCALE", scale)
        found, status = fit_one(
            calls_others,
            lambda x, s=scale: s * np.exp(-((x - 4) ** 2)) + 0.1 * x,
            [1.2, 4.2, 0.0],
        )
        assert status == lm.OK
        np.testing.assert_allclose(found, [1.0, 4.0, 0.1], rtol=1e-8)


def test_an_unchanged_model_is_not_compiled_again():
    source = "def line(x, a):\n    return a * x + START"
    first, second = {"START": 1.0}, {"START": 1.0}
    exec(source, first)
    exec(source, second)
    assert first["line"] is not second["line"]
    assert frozen(first["line"]) is frozen(second["line"])
    second["START"] = 1
    assert frozen(first["line"]) is not frozen(second["line"])
    cell = [frozen(made_of(shift)) for shift in (1.0, 1.0, 2.0)]
    assert cell[0] is cell[1]
    assert cell[0] is not cell[2]
    table = {"TABLE": np.arange(3.0)}
    exec("def look(x, a):\n    return a * TABLE[1]", table)
    before = frozen(table["look"])
    table["TABLE"][1] = 5.0
    assert frozen(table["look"]) is not before
    assert before.__globals__["TABLE"][1] == 1.0


def made_of(shift):
    def shifted(x, a):
        return a * x + shift

    return shifted


def knee(x, slope, at):
    return np.where(x > at, slope * (x - at), 0) + np.log(2) - np.clip(x, 20, 30) * 0.0


def test_where_clip_and_whole_numbers():
    found, status = fit_one(knee, lambda x: np.log(2) + max(0.0, 1.5 * (x - 3.1)), [1.0, 2.9])
    assert status == lm.OK
    np.testing.assert_allclose(found, [1.5, 3.1], rtol=1e-8)


def logarithm(x, height, edge):
    return height * np.log(x - edge)


def test_a_logarithm_of_a_negative_number_is_none():
    """Otherwise a model that does not exist at some samples is fitted as if it did."""
    found, status = fit_one(logarithm, lambda x: 2.0 * np.log(x - 0.5), [1.0, 0.2])
    assert status == lm.OK
    np.testing.assert_allclose(found, [2.0, 0.5], rtol=1e-8)
    _, status = fit_one(logarithm, lambda x: 2.0 * np.log(x - 0.5), [1.0, 1.5])
    assert status == lm.NOT_CONVERGED


def not_for_negative(x, a):
    if a < 0:
        raise ValueError("negative")
    return a * x


def asks_for_help(x, a):
    return not_for_negative(x, a)


def calls_itself(x, a):
    return calls_itself(x, a)


def imaginary(x, a):
    return a / (x + 1j)


def imports(x, a):
    import math

    return a * math.sqrt(x)


@pytest.mark.skipif(jit_disabled(), reason="numba is off: nothing is compiled")
@pytest.mark.parametrize(
    ("model", "said"),
    [
        (not_for_negative, "raises errors"),
        (asks_for_help, "raises errors"),
        (calls_itself, "calls itself"),
        (imaginary, "returns complex128"),
        (imports, "cannot be compiled"),
    ],
)
def test_what_cannot_be_a_model_is_refused(model, said):
    with pytest.raises(ValueError, match=said):
        check_model(model)


@pytest.mark.parametrize("thing", [partial(decay, tau=1.0), np.add, math.atan2, [].append])
def test_what_is_no_function_is_refused(thing):
    with pytest.raises(ValueError, match="not a function"):
        parameter_names(thing)


def test_wrong_derivatives_are_found():
    axis, start = np.linspace(0.0, 10.0, 61), np.array([1.5, 2.0, 0.0])
    check_derivatives(decay, decay_slopes, axis, start)

    def wrong(x, amplitude, tau, floor):
        shape = np.exp(-x / tau)
        return shape, amplitude * shape * x / tau, 1.0

    with pytest.raises(ValueError, match="derivative by tau"):
        check_derivatives(decay, wrong, axis, start)
    with pytest.raises(ValueError, match="other parameters"):
        check_model(decay, lambda x, amplitude: (1.0,))


def broken_slopes(x, left, right, knee):
    return (x - knee, 0.0, -left) if x < knee else (0.0, x - knee, -right)


def test_a_kink_is_no_wrong_derivative():
    check_derivatives(broken_line, broken_slopes, np.linspace(0, 1, 51), np.array([-1.0, 2.0, 0.4]))
