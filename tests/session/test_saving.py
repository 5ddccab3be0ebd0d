"""A session is saved and comes back exactly."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import small_stack
import xarray as xr

from socwidgets.io.bundle import save_bundle
from socwidgets.jobs import JobRunner
from socwidgets.model.errors import ReadError
from socwidgets.model.roi import Ellipse, Rectangle, Threshold
from socwidgets.session import Session
from socwidgets.session.saving import open_session, save_session
from socwidgets.session.state import ValueBox

OBJECTS = ("stack", "maps", "references", "labels", "series", "before", "preview")


def test_everything_comes_back(tmp_path):
    stack = small_stack.stack()
    labels = xr.DataArray(np.eye(24, 32, dtype=np.int32), {"y": stack.y, "x": stack.x}, ("y", "x"))
    labels.name = "labels"
    mask = labels >= 0
    session = Session(
        stack, None, small_stack.references(), labels=labels, mask=mask, charged="LFP",
        runner=JobRunner(inline=True),
    )  # fmt: skip
    session.start_fit(low=702.0, background_degree=0)
    session.add_roi(Rectangle(0.1, 0.2, 0.8, 0.9), "box", "#123456")
    session.add_roi(Ellipse(0.5, 0.5, 0.3, 0.2))
    session.add_roi(Threshold("soc", 0.1, 0.4))
    session.paint_roi([(0.3, 0.3)], 0.2, "box")
    session.select_map("soc")
    session.set_limits(0.2, 0.7)
    session.set_cmap("cividis")
    session.set_energy(7)
    session.set_line((0.1, 0.1, 0.9, 0.4))
    session.set_overlay("labels")
    session.set_fade(True)
    session.select_pixel(0.5, 0.25)
    session.select_particle(1)
    session.select_box(ValueBox("soc", "thickness", (0.1, 0.5), (0.2, 2.0)))
    for name in ("s.nc", "s.zarr"):
        again = open_session(save_session(session, tmp_path / name), runner=JobRunner(inline=True))
        for spec in dataclasses.fields(session.state):
            before, after = (getattr(s.state, spec.name) for s in (session, again))
            if spec.name in ("message", "error"):
                continue
            if spec.name in OBJECTS:
                assert (before is None) == (after is None)
                if before is not None:
                    xr.testing.assert_identical(before, after)
            else:
                assert before == after, spec.name
        # Fits started now use what they used before.
        again.start_fit(**dict(again.state.fit_params))
        np.testing.assert_array_equal(again.state.maps["soc"], session.state.maps["soc"])
        again.close()
    session.close()


def test_other_bundles(tmp_path):
    stack = small_stack.stack()
    plain = open_session(save_bundle(tmp_path / "plain.nc", stack=stack))
    assert plain.state.show_frame
    plain.close()
    with pytest.raises(ReadError, match="no stack"):
        open_session(save_bundle(tmp_path / "maps.nc", maps=small_stack.maps(stack)))
