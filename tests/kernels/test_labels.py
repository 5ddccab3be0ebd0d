"""Statistics of labels against plain numpy."""

import numpy as np
import pytest
from compiled_call import through_door

from socwidgets.kernels import labels as kernel
from socwidgets.kernels import labels_reference

LEVELS = np.array([0.0, 0.1, 0.5, 0.9, 1.0])


def image(rng, dtype, shape=(60, 70)):
    labels = np.zeros(shape, np.int32)
    for label in range(1, 30):
        y, x = rng.integers(0, shape[0] - 9), rng.integers(0, shape[1] - 9)
        labels[y : y + rng.integers(1, 9), x : x + rng.integers(1, 9)] = label
    values = (1e3 + rng.normal(0, 0.1, shape)).astype(dtype)
    values[rng.random(shape) < 0.05] = np.nan
    values[3, 4] = np.inf
    labels[:2, :2], values[:2, :2] = 30, np.nan  # nothing finite
    labels[10:20, 40:60], values[10:20, 40:60] = 31, 0.5  # constant
    labels[59, 69], values[59, 69] = 33, -2.0  # one pixel; 32 does not occur
    return values, labels


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_equal_the_twin(rng, dtype):
    values, labels = image(rng, dtype)
    weights = rng.uniform(-0.2, 1.0, values.shape).astype(dtype)
    table = np.empty((34, len(kernel.COLUMNS)))
    kernel.label_sums(values, labels, weights, True, table)
    column = {name: table[:, i] for i, name in enumerate(kernel.COLUMNS)}
    for label in np.unique(labels)[1:]:
        inside = labels == label
        twin = labels_reference.describe(values[inside], weights[inside], LEVELS)
        count = column["count"][label]
        assert count == twin["count"]
        if count == 0:
            continue
        shifted = column["total"][label] / count
        mean = column["reference"][label] + shifted
        np.testing.assert_allclose(mean, twin["mean"], rtol=1e-13)
        spread = np.sqrt(max(column["square"][label] / count - shifted**2, 0))
        np.testing.assert_allclose(spread, twin["std"], rtol=1e-8, atol=1e-9)
        assert (column["low"][label], column["high"][label]) == (twin["min"], twin["max"])
        y, x = np.nonzero(inside & np.isfinite(values))
        np.testing.assert_allclose(column["y"][label] / count, y.mean())
        np.testing.assert_allclose(column["x"][label] / count, x.mean())
        weight = column["weight"][label]
        shifted = column["weighted"][label] / weight
        np.testing.assert_allclose(
            column["reference"][label] + shifted, twin["weighted_mean"], rtol=1e-13
        )
        spread = np.sqrt(max(column["weighted_square"][label] / weight - shifted**2, 0))
        np.testing.assert_allclose(spread, twin["weighted_std"], rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_quantiles_equal_numpy(rng, dtype):
    values, labels = image(rng, dtype)
    values[20:30, :30] = np.round(values[20:30, :30], 1)  # many ties
    seen = np.isfinite(values) & (labels > 0)
    counts = np.bincount(labels[seen], minlength=34)
    end = np.cumsum(counts)
    begin = end - counts
    ordered = np.empty(end[-1], dtype)
    kernel.sort_by_label(values, labels, begin.copy(), ordered)
    result = np.empty((34, LEVELS.size))
    kernel.quantiles(ordered, begin, end, LEVELS, 0, 34, result)
    for label in range(34):
        inside = values[(labels == label) & seen]
        if inside.size == 0:
            assert np.isnan(result[label]).all()
        else:
            expected = np.quantile(inside.astype(float), LEVELS)
            np.testing.assert_allclose(result[label], expected, rtol=1e-12)


@pytest.mark.parametrize("order", ["sorted", "reversed", "constant", "organ", "random"])
def test_selection_of_awkward_orders(rng, order):
    n = 1001
    values = {
        "sorted": np.arange(n, dtype=float),
        "reversed": np.arange(n, dtype=float)[::-1].copy(),
        "constant": np.ones(n),
        "organ": np.r_[np.arange(500.0), np.arange(501.0)[::-1]],
        "random": rng.normal(size=n),
    }[order]
    select = through_door(kernel._select)
    for at in (0, 1, 500, 999, 1000):
        copy = values.copy()
        select(copy, 0, n, at)
        assert copy[at] == np.sort(values)[at]
        assert (copy[:at] <= copy[at]).all()
        assert (copy[at:] >= copy[at]).all()


def test_depth_bins_by_hand():
    labels = np.array([[1, 1, 1, 1, 0, 2]], np.int32)
    depth = np.array([[1.0, 2.0, 3.0, 4.0, 0.0, 1.0]])
    result = np.empty((1, 6), np.int32)
    kernel.depth_bins(labels, depth, 4, result)
    np.testing.assert_array_equal(result, [[2, 3, 4, 4, 0, 8]])
