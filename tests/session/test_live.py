"""Fits that follow a drag: spectra at once, the map coarsely, all pixels at the end."""

from __future__ import annotations

import numpy as np
import pytest
import small_stack

from socwidgets.jobs import JobRunner, JobState
from socwidgets.model.errors import ParameterError
from socwidgets.session import Session, live
from socwidgets.widgets.explorer import Explorer


@pytest.fixture
def app(monkeypatch):
    monkeypatch.setattr(live, "COARSE_PIXELS", 100)
    stack = small_stack.stack()
    made = Explorer(
        Session(
            stack, small_stack.maps(stack), small_stack.references(), runner=JobRunner(inline=True)
        )
    )
    yield made
    made.close()


def drag(app, index, energy, *, moving):
    """What bqplot reports of a handle."""
    event = "drag" if moving else "drag_end"
    content = {"event": event, "point": {"x": energy, "y": 0.97}, "index": index}
    app.spectrum.handles._last = 0.0
    app.spectrum.handles.window._handle_custom_msgs(None, content)


def test_a_window_that_is_dragged_shows_coarse_maps_then_all(app):
    session, shown = app.session, app.map_view.map
    before = session.state.maps
    session.set_overlay("mask")
    drag(app, 0, 703.0, moving=True)
    assert session.window() == (703.0, 725.0)
    assert session.state.maps is before
    assert session.state.preview is not None
    assert shown.values.shape == (8, 11)
    np.testing.assert_allclose(
        shown.values, session.state.preview["soc"].transpose("y", "x"), equal_nan=True
    )
    assert session.overall_fit()["fit"].notnull().sum() == 23
    drag(app, 1, 720.0, moving=False)
    assert session.window() == (703.0, 720.0)
    assert session.state.maps is not before
    assert session.state.preview is None
    assert shown.values.shape == (24, 32)
    assert session.state.error == ""
    # The coarse maps are the same fit of every third pixel.
    session.preview_fit()
    whole, coarse = session.state.maps["soc"], session.state.preview["soc"]
    np.testing.assert_allclose(coarse, whole.isel(y=slice(1, None, 3), x=slice(1, None, 3)))
    session.end_preview()
    assert shown.values.shape == (24, 32)


def test_handles_do_not_pass_each_other_and_follow_the_form(app):
    session = app.session
    drag(app, 0, 724.5, moving=False)
    assert session.window() == (700.0, 725.0)
    np.testing.assert_array_equal(app.spectrum.handles.window.x, [700.0, 725.0])
    session.set_window(702.0)
    np.testing.assert_array_equal(app.spectrum.handles.window.x, [702.0, 725.0])
    np.testing.assert_array_equal(app.spectrum.handles.edges[0].x, [702.0, 702.0])
    assert float(app.job_bar.form.values()["low"]) == 702.0
    with pytest.raises(ParameterError):
        session.set_window(715.0, 710.0)
    app.spectrum.handles.energy._handle_custom_msgs(
        None, {"event": "drag", "point": {"x": 709.9, "y": 0.0}, "index": 0}
    )
    assert session.state.energy_index == 10
    assert app.spectrum.handles.energy.x[0] == 710.0


def test_a_failing_or_cancelled_preview_leaves_the_maps(app, monkeypatch):
    session = app.session
    before = session.state.maps

    def fail(*_args, **_kwargs):
        raise ValueError("singular")

    monkeypatch.setattr(live.fitting, "run", fail)
    job = session.preview_fit(low=703.0)
    assert job.state == JobState.FAILED
    assert session.state.preview is None
    assert session.state.maps is before
    assert "singular" in session.state.error
