"""Thickness from the edge jump (G-17), and a mask without the fringe at its border."""

import numpy as np
import pytest
import xarray as xr

from socwidgets.analysis.edge_jump import edge_jump
from socwidgets.analysis.thickness import thickness_from_jump
from socwidgets.model.errors import ParameterError
from socwidgets.model.stack import make_stack


@pytest.mark.parametrize(
    ("material", "um"), [("LFP Fe", 2.2), ("LCO Co", 1.1), ("NMC622 Ni", 2.0), ("LNMO Ni", 5.0)]
)
def test_golden_g17(material, um):
    columns = {"edge_jump": 0.1, "edge_jump_std": 0.02}
    jumps = xr.Dataset({k: (("y", "x"), np.full((2, 3), v)) for k, v in columns.items()})
    found = thickness_from_jump(jumps, material)
    assert found["thickness"].values == pytest.approx(um, abs=0.06)
    assert found["thickness_std"].values == pytest.approx(um / 5, abs=0.02)
    assert found["thickness"].attrs["units"] == "um"


def test_unknown_material_is_refused():
    jumps = xr.Dataset({"edge_jump": (("y", "x"), np.ones((2, 2)))})
    assert float(thickness_from_jump(jumps, 1e4)["thickness"][0, 0]) == pytest.approx(1.0)
    with pytest.raises(ParameterError, match="not tabulated"):
        thickness_from_jump(jumps, "gold")
    with pytest.raises(ParameterError, match="positive"):
        thickness_from_jump(jumps, 0.0)


def test_the_border_of_the_mask_is_taken_off(rng):
    energies = np.arange(8300.0, 8400.0, 5.0)
    block = np.zeros((20, 24))
    block[4:14, 0:12] = 1.0
    signal = block * (energies > 8340)[:, None, None] + rng.normal(0, 0.01, (20, 20, 24))
    stack = make_stack(signal, energies, quantity="optical_density")
    windows = {"pre": (8300, 8335), "post": (8345, 8400)}
    whole = edge_jump(stack, **windows).mask
    thin = edge_jump(stack, erode_px=2, **windows).mask
    assert (whole.values == (block > 0)).all()
    inner = np.zeros_like(block, bool)
    inner[6:12, 0:10] = True  # the field ends at x = 0, the particle does not
    assert (thin.values == inner).all()
