"""Masks to outlines and back, growth by value, strokes: against masks made in another way."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import xarray as xr
from skimage.morphology import flood

from socwidgets.analysis.roi import roi_mask
from socwidgets.analysis.roi_area import area_of, combine, grow, stroke_mask
from socwidgets.model.errors import DataError, ParameterError
from socwidgets.model.roi import ROI, Area, Ellipse, Rectangle, roi_from_dict

Y, X = np.linspace(2.0, -1.0, 41), np.linspace(0.5, 3.5, 61)


def image(values):
    return xr.DataArray(values, {"y": Y, "x": X}, ("y", "x"), name="soc")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_an_outline_gives_back_its_mask(rng, share):
    mask = image(rng.random((41, 61)) < share)
    area = area_of(mask)
    np.testing.assert_array_equal(roi_mask(area, mask).values, mask.values)
    again = roi_from_dict(ROI("a", area).to_dict())
    assert again.shape == area


def test_a_block_with_a_hole_is_two_rings_of_four_corners():
    bits = np.zeros((41, 61), bool)
    bits[5:20, 10:30] = True
    bits[8:12, 15:20] = False
    area = area_of(image(bits))
    assert sorted(len(ring) for ring in area.rings) == [4, 4]
    dy, dx = Y[0] - Y[1], X[1] - X[0]
    xs, ys = zip(*max(area.rings, key=lambda ring: np.ptp([x for x, _ in ring])), strict=True)
    assert (min(xs), max(xs)) == pytest.approx((X[10] - dx / 2, X[29] + dx / 2))
    assert (min(ys), max(ys)) == pytest.approx((Y[19] - dy / 2, Y[5] + dy / 2))


def test_nothing_and_noise_are_refused(rng):
    with pytest.raises(DataError, match="no pixel"):
        area_of(image(np.zeros((41, 61), bool)))
    big = xr.DataArray(
        rng.random((300, 300)) < 0.5, {"y": np.arange(300.0), "x": np.arange(300.0)}, ("y", "x")
    )
    with pytest.raises(DataError, match="ragged"):
        area_of(big)
    with pytest.raises(ParameterError, match="rings"):
        Area((((0, 0), (1, 1)),))


def test_regions_combine_like_sets():
    a, b = Rectangle(1, 0, 2, 1), Ellipse(2.0, 0.5, 0.6, 0.6)
    like = image(np.zeros((41, 61)))
    ma, mb = roi_mask(a, like).values, roi_mask(b, like).values
    for operation, wanted in (("add", ma | mb), ("subtract", ma & ~mb), ("intersect", ma & mb)):
        found = combine(a, b, operation, like)
        np.testing.assert_array_equal(roi_mask(found, like).values, wanted)
    with pytest.raises(ParameterError, match="combined"):
        combine(a, b, "xor", like)
    with pytest.raises(DataError, match="no pixel"):
        combine(a, Rectangle(0, -1, 4, 2), "subtract", like)


def test_growth_is_what_flood_finds(rng):
    values = np.cumsum(rng.normal(size=(41, 61)), axis=1).round(1)
    values[3:6, :] = np.nan
    for tolerance in (0.0, 0.5, 2.0):
        found = grow(image(values), (20, 30), tolerance).values
        plain = np.nan_to_num(values, nan=1e6)
        wanted = flood(plain, (20, 30), tolerance=tolerance, connectivity=1)
        np.testing.assert_array_equal(found, wanted)
    with pytest.raises(DataError, match="without a value"):
        grow(image(values), (4, 4), 1.0)
    with pytest.raises(ParameterError, match="tolerance"):
        grow(image(values), (20, 30), -1.0)


def test_a_stroke_is_all_within_its_radius(rng):
    path = rng.uniform([0.5, -1.0], [3.5, 2.0], (6, 2))
    found = stroke_mask(path, 0.3, image(np.zeros((41, 61)))).values
    fine = np.concatenate([np.linspace(a, b, 400) for a, b in itertools.pairwise(path)])
    away = np.hypot(X[None, :, None] - fine[:, 0], Y[:, None, None] - fine[:, 1]).min(axis=2)
    clear = abs(away - 0.3) > 1e-3
    np.testing.assert_array_equal(found[clear], (away < 0.3)[clear])
    dot = stroke_mask([[2.0, 0.5]], 0.2, image(np.zeros((41, 61)))).values
    np.testing.assert_array_equal(dot, np.hypot(X[None] - 2.0, Y[:, None] - 0.5) <= 0.2)
    with pytest.raises(ParameterError, match="radius"):
        stroke_mask([[2.0, 0.5]], 0.0, image(np.zeros((41, 61))))
    with pytest.raises(ParameterError, match="points"):
        stroke_mask([[2.0]], 0.1, image(np.zeros((41, 61))))
