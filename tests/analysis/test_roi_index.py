"""The tile index gives what the stack itself gives, for any mask."""

import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.roi import label_spectra, roi_spectrum
from socwidgets.analysis.roi_index import TileIndex
from socwidgets.model.errors import DataError
from socwidgets.model.stack import make_stack

SHAPE = (75, 90)


@pytest.fixture
def stack(rng):
    # A small spread on a large offset: sums of squares would lose it without a reference.
    signal = (1e4 + rng.normal(0, 0.5, (6, *SHAPE))).astype(np.float32)
    signal[2, 30:34, 40:43] = np.nan
    signal[4] = np.nan
    return make_stack(signal, np.arange(700.0, 706.0), quantity="counts", pixel_um=0.1)


def masks(rng):
    y, x = np.indices(SHAPE)
    yield "disc", (y - 37) ** 2 + (x - 44) ** 2 < 30**2
    yield "everything", np.ones(SHAPE, bool)
    yield "all but one pixel", (y != 33) | (x != 41)
    yield "one pixel", (y == 74) & (x == 89)
    yield "scattered", rng.random(SHAPE) < 0.5
    yield "nothing", np.zeros(SHAPE, bool)
    yield "only missing", (y >= 30) & (y < 34) & (x >= 40) & (x < 43)


def test_equal_to_numpy_for_any_mask(rng, stack):
    index = TileIndex.build(stack)
    for name, chosen in masks(rng):
        mask = xr.DataArray(chosen, dims=("y", "x"))
        found, direct = index.spectrum(mask), roi_spectrum(stack, mask)
        values = stack.signal.values[:, chosen].astype(float)
        seen = np.isfinite(values).sum(axis=1)
        np.testing.assert_array_equal(found["count"], seen, err_msg=name)
        np.testing.assert_array_equal(direct["count"], seen, err_msg=name)
        for e in np.flatnonzero(seen):
            for spectrum in (found, direct):
                np.testing.assert_allclose(
                    spectrum["mean"][e], np.nanmean(values[e]), rtol=1e-12, err_msg=name
                )
                np.testing.assert_allclose(
                    spectrum["std"][e], np.nanstd(values[e]), rtol=1e-8, atol=1e-9, err_msg=name
                )
        assert np.isnan(found["mean"].values[seen == 0]).all()
        assert found.attrs["n_pixels"] == chosen.sum()


def test_index_is_small(rng):
    signal = rng.normal(size=(4, 160, 160)).astype(np.float32)
    index = TileIndex.build(make_stack(signal, np.arange(700.0, 704.0), quantity="counts"))
    assert index.nbytes < 0.02 * signal.nbytes


def test_lazy_stacks_are_refused_by_the_index_and_served_by_the_spectrum(stack, rng):
    lazy = stack.chunk({"energy": 1})
    mask = xr.DataArray(rng.random(SHAPE) < 0.3, dims=("y", "x"))
    with pytest.raises(DataError, match="in-memory"):
        TileIndex.build(lazy)
    xr.testing.assert_allclose(roi_spectrum(lazy, mask), roi_spectrum(stack, mask))
    labels = xr.DataArray(rng.integers(0, 5, SHAPE).astype(np.int32), dims=("y", "x"))
    xr.testing.assert_allclose(label_spectra(lazy, labels), label_spectra(stack, labels))


def test_layout_does_not_matter(stack, rng):
    mask = xr.DataArray(rng.random(SHAPE) < 0.3, dims=("y", "x"))
    turned = stack.transpose("y", "x", "energy")
    xr.testing.assert_equal(roi_spectrum(turned, mask), roi_spectrum(stack, mask))
    xr.testing.assert_equal(
        TileIndex.build(turned).spectrum(mask), TileIndex.build(stack).spectrum(mask)
    )
