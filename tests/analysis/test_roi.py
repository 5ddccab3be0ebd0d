"""Masks and spectra of regions, against matplotlib's point-in-polygon and plain numpy."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.path import Path

from socwidgets.analysis.roi import label_spectra, roi_mask, roi_spectrum
from socwidgets.model.errors import DataError, ParameterError
from socwidgets.model.roi import ROI, Ellipse, Polygon, Rectangle, Threshold, roi_from_dict
from socwidgets.model.stack import make_stack


@pytest.fixture
def stack(rng):
    return make_stack(rng.normal(size=(7, 40, 50)), np.arange(700.0, 707.0), pixel_um=(0.05, 0.04))


def test_rectangle_in_any_corner_order(stack):
    mask = roi_mask(Rectangle(0.41, 0.3, 0.19, 0.1), stack)
    y, x = np.meshgrid(stack.y, stack.x, indexing="ij")
    inside = (x >= 0.19) & (x <= 0.41) & (y >= 0.1) & (y <= 0.3)
    np.testing.assert_array_equal(mask, inside)


def test_ellipse_area(stack):
    mask = roi_mask(Ellipse(1.0, 1.0, 0.5, 0.4), stack)
    assert int(mask.sum()) * 0.05 * 0.04 == pytest.approx(np.pi * 0.5 * 0.4, rel=0.03)


def test_polygon_agrees_with_an_oracle(stack, rng):
    y, x = np.meshgrid(stack.y, stack.x, indexing="ij")
    points = np.column_stack([x.ravel(), y.ravel()])
    for _ in range(20):
        # Off the pixel lattice, so that no pixel centre lies on an edge.
        angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 12)))
        radius = rng.uniform(0.2, 0.9, angles.size)
        vertices = np.column_stack([1 + radius * np.cos(angles), 1 + radius * np.sin(angles)])
        expected = Path(vertices).contains_points(points).reshape(y.shape)
        np.testing.assert_array_equal(
            roi_mask(Polygon(tuple(map(tuple, vertices))), stack), expected
        )


def test_threshold_never_takes_nan(stack):
    values = xr.DataArray(np.full((40, 50), np.nan), dims=("y", "x"))
    values[3, 4:8] = [0.1, 0.5, 0.9, 1.5]
    maps = xr.Dataset({"soc": values}, {"y": stack.y, "x": stack.x})
    mask = roi_mask(ROI("hot", Threshold("soc", 0.9, 0.4)), stack, maps)
    assert int(mask.sum()) == 2
    with pytest.raises(DataError, match="no map 'energy'"):
        roi_mask(Threshold("energy", 0, 1), stack, maps)


def test_mean_spectrum_leaves_gaps_out(stack):
    stack.signal[2, 10, 10] = np.nan
    mask = roi_mask(Rectangle(0.3, 0.3, 0.8, 0.8), stack)
    found = roi_spectrum(stack, mask)
    chosen = stack.signal.values[:, mask.values]
    np.testing.assert_allclose(found["mean"], np.nanmean(chosen, axis=1))
    np.testing.assert_allclose(found["std"], np.nanstd(chosen, axis=1))
    expected_sem = np.nanstd(chosen, axis=1, ddof=1) / np.sqrt(np.isfinite(chosen).sum(axis=1))
    np.testing.assert_allclose(found["sem"], expected_sem)
    assert found["count"][2] == found["count"][0] - 1
    empty = roi_spectrum(stack, mask & False)
    assert np.isnan(empty["mean"]).all()
    assert (empty["count"] == 0).all()


def test_particle_spectra(stack):
    labels = xr.DataArray(np.zeros((40, 50), np.int32), dims=("y", "x"))
    labels[:5, :5], labels[10:20, 10:20] = 1, 7
    spectra = label_spectra(stack, labels)
    assert list(spectra.particle) == [1, 7]
    np.testing.assert_allclose(spectra[1], stack.signal[:, 10:20, 10:20].mean(("y", "x")))


def test_regions_survive_json(stack):
    shapes = (Rectangle(0, 0, 1, 1), Ellipse(0, 0, 1, 2), Threshold("soc", 0, 1))
    for shape in (*shapes, Polygon(((0, 0), (1, 0), (1, 1)))):
        roi = ROI("A", shape, "#112233")
        assert roi_from_dict(roi.to_dict()) == roi
    with pytest.raises(ParameterError, match="unknown type"):
        roi_from_dict({"type": "star"})
    with pytest.raises(ParameterError, match="not a complete rectangle"):
        roi_from_dict({"type": "rectangle", "x0": 1})
    with pytest.raises(ParameterError, match="three vertices"):
        Polygon(((0, 0), (1, 1)))


@pytest.mark.parametrize(("y_step", "x_step"), [(1, 1), (-1, 1), (1, -1), (-1, -1)])
def test_polygon_masks_follow_the_even_odd_rule_on_axes_of_any_direction(y_step, x_step):
    rng = np.random.default_rng(3)
    y, x = np.linspace(0, 3, 61)[::y_step], np.linspace(-1, 2, 47)[::x_step]
    like = xr.DataArray(np.zeros((61, 47)), {"y": y, "x": x}, ("y", "x"))
    for count in (3, 5, 40):
        vertices = rng.uniform(-1.5, 3.5, (count, 2))
        inside = roi_mask(Polygon(tuple(map(tuple, vertices))), like).values
        crossed = np.zeros((61, 47), dtype=int)
        for (xa, ya), (xb, yb) in zip(vertices, np.roll(vertices, -1, axis=0), strict=True):
            between = (min(ya, yb) <= y) & (y < max(ya, yb))
            cut = xa + (y - ya) * (xb - xa) / (yb - ya)
            crossed += between[:, None] & (x[None, :] >= cut[:, None])
        np.testing.assert_array_equal(inside, crossed % 2 == 1)
