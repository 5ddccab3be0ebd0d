"""The dip against its definition, solved as linear programs."""

import numpy as np
import pytest

from socwidgets.kernels.dip import dip_sorted
from socwidgets.kernels.dip_reference import dip_reference


@pytest.mark.parametrize("kind", ["uniform", "normal", "two", "skewed"])
def test_equal_to_the_definition(rng, kind):
    for n in (4, 5, 9, 16, 23):
        x = {
            "uniform": rng.random(n),
            "normal": rng.normal(size=n),
            "two": rng.normal(size=n) + 4 * (np.arange(n) % 2),
            "skewed": rng.exponential(size=n),
        }[kind]
        assert dip_sorted(np.sort(x)) == pytest.approx(dip_reference(x), abs=1e-9)


def test_scale_mirror_and_limits(rng):
    x = np.sort(rng.normal(size=200))
    dip = dip_sorted(x)
    assert dip_sorted(3 + 7 * x) == pytest.approx(dip)
    assert dip_sorted(np.sort(-x)) == pytest.approx(dip)
    assert dip_sorted(np.repeat([0.0, 1.0], 50)) == pytest.approx(0.25, abs=0.01)
    assert dip_sorted(np.full(10, 2.0)) == pytest.approx(0.05)
    assert dip_sorted(np.arange(100.0)) == pytest.approx(1 / 200)
