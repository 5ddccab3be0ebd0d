"""A detector that is full says so: its pixels come out flagged, in every chain of counts."""

import numpy as np
import pytest

from socwidgets.analysis.detector import PixelFlag
from socwidgets.analysis.fit import fit_map
from socwidgets.analysis.optical_density import optical_density
from socwidgets.model.status import Status, usable
from socwidgets.phantoms import make_phantom, simulate
from socwidgets.phantoms.counting import read_counts
from socwidgets.phantoms.txm import TxmInstrument

CHAINS = [
    ("nca_ring", "txm", {"size_px": 48}, 2000.0),
    ("lfp_ensemble", "stxm", {"size_px": 64, "n_particles": 3}, 1500.0),
    ("reaction_channel", "xafs2d", {"size_px": 32, "pixel_um": 100.0}, 2e4),
]


@pytest.mark.parametrize(("kind", "technique", "options", "n0"), CHAINS)
def test_planted_saturation_is_flagged_and_nothing_else(kind, technique, options, n0):
    phantom = make_phantom(kind, seed=1, **options)
    # Between the mean open beam and its brightest spots: part of the field is too bright.
    limit = 1.08 * n0
    stack = simulate(phantom, technique, seed=2, n0=n0, n_flats=3, full_scale=limit)
    assert int(stack.signal.max()) <= limit
    assert int(stack.flat.max()) <= limit
    planted = stack.truth_saturated.values
    assert 0.02 < planted.mean() < 0.98
    od = optical_density(stack)
    np.testing.assert_array_equal(od.status.values == Status.SATURATED, planted)
    full = (od.pixel_flags.values & PixelFlag.FULL_SCALE) > 0
    np.testing.assert_array_equal(full, planted)
    assert od.attrs["n_full_scale"] == planted.sum()
    maps = fit_map(od, "lcf", references=phantom.references, coverage="cut")
    np.testing.assert_array_equal(maps.status.values == Status.SATURATED, planted)
    # Their values are kept to be looked at, and enter no statistic.
    assert not usable(maps).values[planted].any()
    assert usable(maps).values[~planted].any()


def test_sixteen_bits_are_full_at_their_end_even_in_the_flats_alone():
    """A particle over the brightest spot hides the saturation of its flat."""
    rng = np.random.default_rng(0)
    counts, full = read_counts(np.full((4, 4), 1e5), TxmInstrument(), rng)
    assert (counts == 65535).all()
    assert full.all()
    phantom = make_phantom("nca_ring", seed=1, size_px=48)
    stack = simulate(phantom, "txm", seed=2, n0=5.9e4, n_flats=2)
    hidden = (stack.flat >= 65535).any(("flat_frame", "energy")) & (stack.signal < 65535).all(
        "energy"
    )
    assert int(hidden.sum()) > 10
    od = optical_density(stack)
    assert (od.status.values[hidden.values] == Status.SATURATED).all()
    lazy = optical_density(stack.chunk({"energy": 10}))
    np.testing.assert_array_equal(lazy.status, od.status)


def test_the_default_detector_is_not_full():
    phantom = make_phantom("nca_ring", seed=1, size_px=48)
    stack = simulate(phantom, "txm", seed=2)
    assert "truth_saturated" not in stack
    od = optical_density(stack)
    assert od.attrs["n_full_scale"] == 0
    assert "full_scale" not in od.attrs
