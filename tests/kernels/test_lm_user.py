"""Models that users write: certified reference problems, analytic derivatives, bad functions."""

import sys
from pathlib import Path

import numpy as np
import pytest

from socwidgets.kernels import lm
from socwidgets.kernels.lm_plan import make_plan
from socwidgets.kernels.lm_user import compile_model, parameter_names

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

    Two exponentials that nearly cancel make a path of thousands of steps, which rounding alone sends
    another way: that one path gets there on one processor says little.
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
