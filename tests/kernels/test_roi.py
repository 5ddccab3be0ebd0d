"""Region and tile sums against plain numpy."""

import numpy as np
import pytest

from socwidgets.kernels import roi, roi_reference


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_runs_sum_like_the_twin(rng, dtype):
    labels = np.repeat(rng.integers(0, 4, 60), rng.integers(1, 9, 60))
    signal = rng.normal(5, 1, (7, labels.size)).astype(dtype)
    signal[:, rng.integers(0, labels.size, 20)] = np.nan
    signal[2, :3] = np.inf
    shift = rng.normal(5, 1, 7)
    runs, ids = roi.find_runs(labels)
    sums, squares, counts = np.zeros((7, 4)), np.zeros((7, 4)), np.zeros((7, 4), np.int64)
    roi.sum_runs(signal, 0, 7, runs, ids, shift, sums, squares, counts)
    expected = roi_reference.region_sums(signal, labels, 4, shift)
    np.testing.assert_allclose(sums, expected[0], atol=1e-12 * labels.size)
    np.testing.assert_allclose(squares, expected[1], rtol=1e-12)
    np.testing.assert_array_equal(counts, expected[2])


@pytest.mark.parametrize("labels", [[0, 0], [1, 1], [], [0, 1, 1, 2, 0, 2]])
@pytest.mark.parametrize("dtype", [bool, np.int32])
def test_runs_cover_the_labels(labels, dtype):
    flat = np.array(labels, dtype=dtype)
    again = np.zeros(flat.size, dtype=int)
    runs, ids = roi.find_runs(flat)
    for (start, stop), label in zip(runs, ids, strict=True):
        again[start:stop] = label
    np.testing.assert_array_equal(again, flat)


@pytest.mark.parametrize("shape", [(16, 16), (33, 47), (5, 70), (40, 3)])
def test_tiles_sum_like_the_twin(rng, shape):
    signal = rng.normal(2, 1, (5, shape[0] * shape[1])).astype(np.float32)
    signal[3, rng.integers(0, signal.shape[1], 9)] = np.nan
    labels = roi_reference.tile_labels(*shape, roi.TILE)
    shift = np.array([0.0, 1.0, 2.0, 3.0, -1.0])
    tiles = int(labels.max())
    sums, squares = np.empty((5, tiles)), np.empty((5, tiles))
    counts = np.empty((5, tiles), np.uint16)
    roi.sum_tiles(signal, shape[1], 0, 5, shift, sums, squares, counts)
    expected = roi_reference.region_sums(signal, labels, tiles + 1, shift)
    np.testing.assert_allclose(sums, expected[0][:, 1:], atol=1e-10)
    np.testing.assert_allclose(squares, expected[1][:, 1:], rtol=1e-12)
    np.testing.assert_array_equal(counts, expected[2][:, 1:])


def test_runs_never_write_beyond_their_room(rng):
    mask = rng.random((40, 50)) < 0.5
    modes = np.ones(3 * 4, np.int8)
    modes[5] = -1
    number = roi.tile_runs(mask, modes, np.empty((0, 2), np.uintp), np.empty(0, np.intp))
    runs, ids = np.full((number, 2), 9999, np.uintp), np.full(number, -1)
    assert roi.tile_runs(mask, modes, runs, ids) == number
    assert (runs < 2001).all()
    tile = roi_reference.tile_labels(40, 50, 16).reshape(40, 50)
    marked = np.zeros(2000, int)
    for (start, stop), kind in zip(runs, ids, strict=True):
        marked[start:stop] = 1 if kind == 0 else -1
    expected = np.where(tile == 6, np.where(mask, 0, -1), np.where(mask, 1, 0))
    np.testing.assert_array_equal(marked.reshape(40, 50), expected)
