"""I0 offsets and saturation of STXM stacks; the real stack has both."""

import numpy as np
import pytest

from socwidgets.analysis.detector import PixelFlag
from socwidgets.analysis.optical_density import optical_density
from socwidgets.model.errors import DataError
from socwidgets.model.stack import make_stack
from socwidgets.model.status import Status
from socwidgets.techniques.stxm import i0_offset, prepare_stxm

AXIS = np.arange(700.0, 720.0, 0.5)
WINDOWS = {"pre": (700, 705), "post": (714, 720)}


def od_stack(rng, offset, size=30, noise=0.01):
    shape = 0.2 * (AXIS > 711) + np.exp(-((AXIS - 709) ** 2))
    thickness = np.zeros((size, size))
    thickness[8:20, 8:20] = np.linspace(0.2, 2.0, 12)
    signal = shape[:, None, None] * thickness + 0.1 * thickness + offset
    signal = signal + rng.normal(0, noise, signal.shape)
    return make_stack(signal.astype(np.float32), AXIS, quantity="optical_density", pixel_um=0.05)


def test_offset_is_found_and_taken_out(rng):
    found = prepare_stxm(od_stack(rng, 0.85), **WINDOWS)
    assert found.attrs["i0_offset"] == pytest.approx(0.85, abs=0.01)
    empty = found.signal.isel(y=slice(25, 30))
    assert float(empty.mean()) == pytest.approx(0.0, abs=0.01)


def test_no_offset_leaves_the_numbers_alone(rng):
    stack = od_stack(rng, 0.0)
    found = prepare_stxm(stack, **WINDOWS)
    assert found.attrs["i0_offset"] == 0.0
    np.testing.assert_array_equal(found.signal, stack.signal)


def test_dense_pixels_are_flagged_after_the_offset(rng):
    found = prepare_stxm(od_stack(rng, 0.85), **WINDOWS)
    dense = found.signal.max("energy") > 1.5
    assert 10 < int(dense.sum()) < 100
    np.testing.assert_array_equal(found.status == Status.SATURATED, dense)
    raw = prepare_stxm(od_stack(rng, 0.85), offset="none", **WINDOWS)
    assert int((raw.status == Status.SATURATED).sum()) > int(dense.sum())


def test_the_flags_of_the_detector_follow(rng):
    """Of counts: 3 is the limit there, 1.5 at an L edge, and the map of flags must say so."""
    truth = od_stack(rng, 0.05, noise=0.0).signal.values
    counts = make_stack(rng.poisson(20000 * np.exp(-truth)), AXIS, pixel_um=0.05)
    od = optical_density(counts, flat=np.full((30, 30), 20000.0))
    found = prepare_stxm(od, **WINDOWS)
    dense = (found.status == Status.SATURATED).values
    assert dense.sum() > 20
    assert od.attrs["n_too_dense"] == 0
    assert found.attrs["n_too_dense"] == dense.sum()
    np.testing.assert_array_equal((found.pixel_flags & int(PixelFlag.TOO_DENSE)) > 0, dense)
    assert found.pixel_flags.attrs == od.pixel_flags.attrs


def test_a_field_full_of_sample_is_refused(rng):
    stack = od_stack(rng, 0.5).isel(y=slice(8, 20), x=slice(8, 20))
    with pytest.raises(DataError, match="no object-free pixels"):
        i0_offset(stack, **WINDOWS)
