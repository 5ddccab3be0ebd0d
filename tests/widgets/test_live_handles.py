"""Handles of windows and points of a calibration, dragged as the browser reports it."""

from __future__ import annotations

import numpy as np
import pytest
import small_stack

from socwidgets.analysis.fit import fit_map
from socwidgets.jobs import JobRunner
from socwidgets.model.errors import ParameterError
from socwidgets.session import Session
from socwidgets.session.workflow import Workflow
from socwidgets.widgets.calibration_view import CalibrationView
from socwidgets.widgets.explorer import Explorer
from socwidgets.widgets.workflow_view import WorkflowView

EDGE = {"e0": 707.0, "pre": (-6.0, -3.0), "post": (8.0, 18.0)}


def drag(mark, index, *places):
    """Messages of bqplot's Scatter while a point is dragged, and when it is let go."""
    for at in places:
        mark._handle_custom_msg({"event": "drag", "point": {"x": at, "y": 0}, "index": index}, [])
    end = {"event": "drag_end", "point": {"x": places[-1], "y": 0}, "index": index}
    mark._handle_custom_msg(end, [])


@pytest.fixture
def app():
    stack = small_stack.stack()
    session = Session(
        stack, small_stack.maps(stack), small_stack.references(), runner=JobRunner(inline=True)
    )
    made = Explorer(session)
    yield made
    assert session.state.error == ""
    made.close()


def test_edge_windows_have_named_handles_that_fit_anew(app):
    session, handles = app.session, app.spectrum.handles
    assert list(handles.window.x) == [700.0, 725.0]
    assert list(handles.names.text) == []
    session.set_method("edge_energy", EDGE)
    assert list(handles.window.x) == [701.0, 704.0, 715.0, 725.0]
    assert list(handles.names.text) == ["pre-edge", "post-edge"]
    drag(handles.window, 1, 704.4, 704.8)
    assert session.state.fit_params["pre"] == pytest.approx((-6.0, -2.2))
    assert session.state.map_name == "edge_energy"
    assert session.state.preview is None
    maps = session.state.maps
    # Into the other window, or to the other end of its own: they go back where they were.
    drag(handles.window, 1, 716.0)
    drag(handles.window, 0, 704.7)
    assert session.state.fit_params["pre"] == pytest.approx((-6.0, -2.2))
    np.testing.assert_allclose(handles.window.x[:2], [701.0, 704.8])
    np.testing.assert_array_equal(session.state.maps["edge_energy"], maps["edge_energy"])


def test_the_method_is_chosen_in_the_explorer(app):
    bar = app.job_bar
    bar.method.value = "white_line"
    assert app.session.state.fit_method == "white_line"
    assert "half_width" in bar.form.controls
    bar.form.controls["half_width"].value = 3.0
    bar.fit.click()
    assert app.session.state.map_name == "white_line_energy"
    assert "white line energy" in app.spectrum._legend.value
    app.session.set_method("lcf")
    assert "background_degree" in bar.form.controls


def test_without_references_only_methods_that_need_none():
    made = Explorer(Session(small_stack.stack(), runner=JobRunner(inline=True)))
    bar = made.job_bar
    assert bar.fit.disabled
    assert "references" in bar.status.value
    bar.method.value = "edge_energy"
    assert not bar.fit.disabled
    assert "lcf" not in [value for _, value in bar.method.options]
    made.close()


def test_references_have_the_thickness_of_the_fit(app):
    spectrum, session = app.spectrum, app.session
    assert spectrum.references.lines[0].x.size == 0
    spectrum.with_references.value = True
    low, high = (line.y for line in spectrum.references.lines[:2])
    # Half of it is either: their mean is the spectrum of everything.
    np.testing.assert_allclose((low + high) / 2, spectrum._overall.line.y, atol=0.03)
    assert "only FP" in spectrum._legend.value
    session.set_method("edge_energy", EDGE)
    reference = small_stack.references().values[0]
    np.testing.assert_allclose(spectrum.references.lines[0].y, reference)
    spectrum.with_references.value = False
    assert spectrum.references.lines[0].x.size == 0


def test_calibration_points_are_dragged_and_typed():
    stack = small_stack.stack()
    view = CalibrationView(fit_map(stack, "edge_energy", workers=1, **EDGE))
    session = view.session
    assert session.state.calibration is None
    assert len(view.fields) == 2
    drag(view._points, 1, 707.5, 707.9)
    assert session.state.calibration.charged == 707.9
    assert session.state.map_name == "soc"
    view.fields[0].value = 705.5
    assert session.state.calibration.discharged == 705.5
    np.testing.assert_allclose(view._points.x, [705.5, 707.9])
    # Both at one place is no calibration: it stays as it was, and says why.
    drag(view._points, 0, 707.9)
    assert "same" in session.state.error
    np.testing.assert_allclose(view._points.x, [705.5, 707.9])
    assert session.state.preview is None
    view.close()


def test_nothing_to_calibrate_is_said():
    with pytest.raises(ParameterError, match="nothing to calibrate"):
        CalibrationView(small_stack.stack())


def test_the_workflow_calibrates_by_dragging():
    view = WorkflowView(Workflow(JobRunner(inline=True)))
    flow = view.flow
    flow.take(small_stack.stack(), small_stack.references())
    flow.start("method", {"method": "edge_energy"}, EDGE)
    view.show("calibration")
    panel = view.panels["calibration"]
    assert panel.view is not None
    # The points that are shown are those that the button takes.
    assert panel.form.controls["charged"].value == panel.view._points.x[1] > 700.0
    assert panel.run().error is None
    drag(panel.view._points, 0, 705.9, 706.1)
    assert flow.chosen["calibration"]["discharged"] == 706.1
    assert panel.form.controls["discharged"].value == 706.1
    assert "706.1" in panel.code.value
    assert "covalency" in panel.notes.value
    drag(view.explorer.spectrum.handles.window, 1, 704.5)
    assert view.panels["method"].form.controls["pre"].value.startswith("-6.0, -2.5")
    assert "calibration" in flow.products
    # With references a fraction is the other way, and needs no points.
    flow.start("method", {"method": "lcf"})
    view.show("calibration")
    panel.choices["by"].value = "FP"
    assert panel.view is None
    view.close()
