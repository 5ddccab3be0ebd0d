"""Corrections by hand, and particles followed through states."""

import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.label_edit import exclude_labels, merge_labels, split_label
from socwidgets.analysis.tracking import track_labels
from socwidgets.model.errors import DataError, ParameterError

PIXEL = 0.1


def image(values, **attrs):
    values = np.asarray(values, np.int32)
    dims = ("z", "y", "x")[-values.ndim :]
    coords = {d: np.arange(n) * PIXEL for d, n in zip(dims, values.shape, strict=True)}
    return xr.DataArray(values, coords, dims, "labels", attrs)


@pytest.fixture
def labels():
    values = np.zeros((40, 60), int)
    y, x = np.mgrid[:40, :60]
    values[(np.hypot(y - 20, x - 15) < 9) | (np.hypot(y - 20, x - 31) < 9)] = 4
    values[5:10, 45:50], values[:3, 50:55], values[30, 50] = 7, 9, 2
    return image(values, threshold=0.3, too_small=[2])


def test_merge(labels):
    merged = merge_labels(labels, [7, 9])
    assert set(np.unique(merged)) == {0, 2, 4, 7}
    assert (merged == 7).sum() == ((labels == 7) | (labels == 9)).sum()
    assert merged.attrs == {"threshold": 0.3, "touches_border": [7], "too_small": [2]}
    assert labels.attrs["too_small"] == [2]
    with pytest.raises(ParameterError, match="no such particle"):
        merge_labels(labels, [7, 8])
    with pytest.raises(ParameterError, match="two particles"):
        merge_labels(labels, [7])


def test_split_by_points_cuts_at_the_neck(labels):
    found = split_label(labels, 4, [(2.0, 1.5), (2.0, 3.1)])
    assert found[20, 15] == 4
    assert found[20, 31] == 10
    sizes = [int((found == i).sum()) for i in (4, 10)]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.1)
    assert sum(sizes) == int((labels == 4).sum())
    np.testing.assert_array_equal(found.where(labels != 4, 0), labels.where(labels != 4, 0))


def test_split_by_number_and_bad_points(labels):
    found = split_label(labels, 4, 3)
    assert {4, 10, 11} <= set(np.unique(found))
    with pytest.raises(DataError, match="outside the particle"):
        split_label(labels, 4, [(2.0, 1.5), (0.0, 0.0)])
    with pytest.raises(DataError, match="does not fit"):
        split_label(labels, 4, [(2.0,), (1.0,)])
    with pytest.raises(ParameterError, match="not split"):
        split_label(labels, 2, 2)


def test_exclude(labels):
    assert set(np.unique(exclude_labels(labels, [4]))) == {0, 2, 7, 9}
    assert set(np.unique(exclude_labels(labels, border=True, small=True))) == {0, 4, 7}


def scatter(rng, n=25, size=160):
    values = np.zeros((size, size), int)
    y, x = np.mgrid[:size, :size]
    for i, (row, column) in enumerate(np.ndindex(5, 5)):
        cy, cx = 20 + row * 30 + rng.integers(-4, 5), 20 + column * 30 + rng.integers(-4, 5)
        values[np.hypot(y - cy, x - cx) < rng.uniform(5, 10)] = i + 1
    return values


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("shift", [(5, 0), (-5, 5), (3, -4)])
def test_identity_survives_a_shift_of_5_pixels(rng, shift, known):
    first = scatter(rng)
    states, shifts = [image(first)], [(0, 0)]
    for step in range(1, 4):
        moved = np.zeros_like(first)
        dy, dx = step * shift[0] // 3 or shift[0], step * shift[1] // 3 or shift[1]
        moved[max(dy, 0) : 160 + min(dy, 0), max(dx, 0) : 160 + min(dx, 0)] = first[
            max(-dy, 0) : 160 + min(-dy, 0), max(-dx, 0) : 160 + min(-dx, 0)
        ]
        order = np.concatenate([[0], rng.permutation(25) + 1])
        states.append(image(order[moved]))
        shifts.append((dy, dx))
    tracked = track_labels(states, shifts if known else None)
    for state, (dy, dx) in zip(tracked, shifts, strict=True):
        assert state.attrs["shift_px"] == pytest.approx([dy, dx])
        assert state.attrs["lost"] == state.attrs["new"] == []
        for label in range(1, 26):
            cy, cx = np.argwhere(first == label).mean(axis=0).round().astype(int)
            assert state.values[cy + dy, cx + dx] == label  # 100 %


def test_lost_and_new_particles(rng):
    first = scatter(rng)
    second = np.where(first == 3, 0, first)
    second[:4, 150:] = 40
    third = np.where(second == 40, 0, first)
    tracked = track_labels([image(first), image(second), image(third)], [(0, 0)] * 3)
    assert tracked[1].attrs["lost"] == [3]
    assert tracked[1].attrs["new"] == [26]
    assert tracked[2].attrs["lost"] == [26]
    np.testing.assert_array_equal(tracked[2], first)  # 3 is known again


def test_bad_series(rng):
    labels = image(scatter(rng))
    with pytest.raises(DataError, match="no state"):
        track_labels([])
    with pytest.raises(DataError, match="shape"):
        track_labels([labels, labels[:50]])
    with pytest.raises(ParameterError, match="shifts"):
        track_labels([labels, labels], [(0, 0)])
