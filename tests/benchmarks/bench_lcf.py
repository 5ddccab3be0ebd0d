"""Speed of an LCF map against a loop of scipy's NNLS over the same pixels (``make bench``)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import nnls

from socwidgets.analysis.fit import fit_map, warm_up
from socwidgets.model.references import make_references
from socwidgets.model.stack import make_stack

SIZE = 64
NOISE = 0.01


@pytest.fixture(scope="module")
def problem():
    """Stack ``(energy=60, y=64, x=64)`` of two components and noise, its references, the truth."""
    rng = np.random.default_rng(7)
    axis = np.linspace(700.0, 730.0, 60)
    peaks = np.stack([np.exp(-(((axis - e) / 2.0) ** 2)) for e in (708.0, 710.5)])
    weights = rng.uniform(0.1, 1.0, (2, SIZE, SIZE))
    signal = np.einsum("cyx,ce->eyx", weights, peaks) + rng.normal(0, NOISE, (60, SIZE, SIZE))
    stack = make_stack(signal.astype(np.float32), axis, quantity="optical_density")
    references = make_references({"a": (axis, peaks[0]), "b": (axis, peaks[1])})
    warm_up()
    return stack, references, weights


def _design(stack, references):
    axis = np.linspace(-1, 1, stack.sizes["energy"])
    return np.column_stack(
        [*references.values, np.ones_like(axis), -np.ones_like(axis), axis, -axis]
    )


def _loop_of_nnls(stack, references):
    """Non-negative weights, a free linear background by a column of each sign."""
    design = _design(stack, references)
    pixels = stack["signal"].values.reshape(stack.sizes["energy"], -1).astype(np.float64)
    found = np.stack([nnls(design, pixel)[0] for pixel in pixels.T], axis=1)
    return found[:2].reshape(2, SIZE, SIZE)


def _fit_map(stack, references):
    maps = fit_map(stack, "lcf", references=references, background_degree=1)
    return np.stack([maps["coefficient_a"], maps["coefficient_b"]])


@pytest.mark.benchmark(group=f"LCF, 60 energies, {SIZE} x {SIZE} pixels")
@pytest.mark.parametrize("how", [_fit_map, _loop_of_nnls], ids=["fit_map", "scipy.optimize.nnls"])
def bench_lcf(benchmark, problem, how):
    """Both alternatives solve the same problem to the same answer."""
    stack, references, truth = problem
    found = benchmark.pedantic(how, (stack, references), rounds=3, iterations=1, warmup_rounds=1)
    expected = np.linalg.inv(_free_normal(stack, references))
    for row, sigma in enumerate(NOISE * np.sqrt(np.diag(expected)[:2])):
        pull = (found[row] - truth[row]) / sigma
        assert abs(pull.mean()) < 5 / SIZE
        assert abs(pull.std() - 1) < 0.1


def _free_normal(stack, references):
    design = _design(stack, references)[:, [0, 1, 2, 4]]
    return design.T @ design
