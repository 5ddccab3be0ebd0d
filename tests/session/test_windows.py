"""Windows of a fit and points of a calibration: what a drag changes, coarsely and completely."""

from __future__ import annotations

import numpy as np
import pytest
import small_stack

from socwidgets.analysis.calibration import soc_map, standards, two_point
from socwidgets.analysis.fit import fit_map
from socwidgets.jobs import JobRunner
from socwidgets.model.errors import DataError, ParameterError, ReadError
from socwidgets.model.status import Status
from socwidgets.session import Session, saving
from socwidgets.session.calibration_points import suggested, with_point
from socwidgets.session.saving import open_session, save_session
from socwidgets.session.workflow import Workflow


@pytest.fixture(scope="module")
def stack():
    return small_stack.stack()


@pytest.fixture
def session(stack):
    return Session(
        stack, small_stack.maps(stack), small_stack.references(), runner=JobRunner(inline=True)
    )


def named(session):
    return {w.name: (w.low, w.high) for w in session.windows()}


def test_windows_of_each_method(session):
    assert named(session) == {"fit": (700.0, 725.0)}
    session.set_method("lcf", {"low": 705.0})
    assert named(session) == {"fit": (705.0, 725.0)}
    session.set_method("white_line")
    found = named(session)
    assert found["white line"] == (708.0, 712.0)
    assert found["baseline"][0] == 700.0
    session.set_method("edge_energy", {"e0": 707.0, "pre": (-6, -3), "post": (8, 99)})
    assert named(session) == {"pre-edge": (701.0, 704.0), "post-edge": (715.0, 725.0)}


def test_edge_windows_move_relative_to_an_edge_that_stays(session, stack):
    session.set_method("edge_energy")
    # The defaults (-100 to -20, +40 on) lie off this axis: windows on it are suggested.
    before = named(session)
    assert 700.0 <= before["pre-edge"][0] < before["pre-edge"][1] < 707.0
    session.set_window(700.0, 703.0, name="pre-edge")
    assert session.state.error == ""
    after = named(session)
    assert after["pre-edge"] == pytest.approx((700.0, 703.0), abs=1e-5)
    assert after["post-edge"] == pytest.approx(before["post-edge"], abs=1e-5)
    maps = session.state.maps
    params = {k: v for k, v in session.state.fit_params.items() if k in ("e0", "pre", "post")}
    wanted = fit_map(stack, "edge_energy", **params)
    np.testing.assert_array_equal(maps["edge_energy"], wanted["edge_energy"])


def test_a_moving_edge_window_previews_coarsely(session):
    session.set_method("edge_energy", {"e0": 707.0, "pre": (-6, -3), "post": (8, 18)})
    session.start_fit(**session.state.fit_params)
    whole = session.state.maps
    session.set_window(high=705.0, name="pre-edge", moving=True)
    assert session.state.maps is whole
    assert "edge_energy" in session.state.preview


def test_windows_that_cannot_be(session):
    for low, high, name in ((710.0, 705.0, "fit"), (1.0, 2.0, "pre-edge"), (705, 705, "")):
        with pytest.raises(ParameterError, match="cannot be set"):
            session.set_window(low, high, name=name)
    session.set_method("edge_energy")
    with pytest.raises(ParameterError, match="post-edge"):
        session.set_window(1.0, 2.0, name="fit")


def test_calibration_points_move_and_the_maps_follow(session):
    session.set_method("edge_energy", {"e0": 707.0, "pre": (-6, -3), "post": (8, 18)})
    session.start_fit(**session.state.fit_params)
    fit = session.state.maps
    assert session.calibratable() == ["edge_energy"]
    first = two_point(705.8, 707.6, variable="edge_energy")
    session.set_calibration(first)
    assert session.state.map_name == "soc"
    np.testing.assert_array_equal(session.state.maps["soc"], soc_map(fit, first)["soc"])
    moved = with_point(first, 1, 709.0)
    before = session.state.maps
    session.set_calibration(moved, moving=True)
    assert session.state.maps is before
    assert session.state.preview["soc"].max() < before["soc"].max()
    session.set_calibration(moved)
    # Nothing of the first calibration is left: not its values, not its flags.
    again = soc_map(fit, moved)
    np.testing.assert_array_equal(session.state.maps["soc"], again["soc"])
    np.testing.assert_array_equal(session.state.maps["status"], again["status"])
    assert session.state.preview is None
    # The next fit is calibrated in the same way.
    session.set_window(high=704.5, name="pre-edge")
    assert "soc" in session.state.maps
    assert session.calibratable() == ["edge_energy"]


def test_flags_of_a_narrow_calibration_go_with_it(session):
    session.set_method("edge_energy", {"e0": 707.0, "pre": (-6, -3), "post": (8, 18)})
    session.start_fit(**session.state.fit_params)
    session.set_calibration(two_point(706.5, 706.6, variable="edge_energy", margin=0.0))
    flagged = int((session.state.maps["status"] == Status.OUT_OF_RANGE).sum())
    assert flagged > 100
    assert any("range" in note for note in session.notes())
    session.set_calibration(two_point(700.0, 720.0, variable="edge_energy"))
    assert int((session.state.maps["status"] == Status.OUT_OF_RANGE).sum()) == 0
    assert not any("outside" in note for note in session.notes())


def test_what_cannot_be_calibrated_is_said(session):
    with pytest.raises(DataError, match="edge_energy"):
        session.set_calibration(two_point(1.0, 2.0, variable="edge_energy"))


def test_points_of_both_kinds_of_calibration(session):
    two = two_point(1.0, 2.0, variable="a")
    assert [list(v) for v in two.points()] == [[1.0, 2.0], [0.0, 1.0]]
    assert with_point(two, 0, 0.5).discharged == 0.5
    with pytest.raises(ParameterError):
        with_point(two, 0, 2.0)
    three = standards([1.0, 2.0, 3.0], [0.0, 0.4, 1.0], variable="a")
    assert with_point(three, 1, 2.2).values == (1.0, 2.2, 3.0)
    maps = session.state.maps
    low, high = suggested(maps, "soc").points()[0]
    assert low < 0.05 < 0.95 < high


def test_a_calibration_is_saved_with_the_session(session, tmp_path):
    session.set_method("edge_energy", {"e0": 707.0, "pre": (-6, -3), "post": (8, 18)})
    session.start_fit(**session.state.fit_params)
    made = standards([705.8, 706.4, 707.6], [0.0, 0.5, 1.0], variable="edge_energy")
    session.set_calibration(made)
    again = open_session(save_session(session, tmp_path / "s.nc"), runner=JobRunner(inline=True))
    assert again.state.calibration == made
    assert again.windows() == session.windows()


def test_a_saved_calibration_of_no_known_kind_is_refused():
    with pytest.raises(ReadError, match="not known"):
        saving._calibration({"kind": "Calibration", "variable": "a"})
    with pytest.raises(ReadError, match="None"):
        saving._calibration({"variable": "a"})


def test_a_drag_in_a_workflow_is_a_step_of_it(stack):
    flow = Workflow(JobRunner(inline=True))
    flow.take(stack, small_stack.references())
    params = {"e0": 707.0, "pre": (-6, -3), "post": (8, 18)}
    flow.start("method", {"method": "edge_energy"}, params)
    points = {"discharged": 705.8, "charged": 707.6}
    flow.start("calibration", {"by": "two_point"}, points)
    session = flow.session
    assert session.state.calibration.charged == 707.6
    session.set_calibration(with_point(session.state.calibration, 1, 708.0))
    assert flow.chosen["calibration"]["charged"] == 708.0
    assert "708.0" in flow.program("calibration", {"by": "two_point"}, {**points, "charged": 708.0})
    session.set_window(high=704.5, name="pre-edge")
    assert flow.chosen["method"]["pre"] == pytest.approx((-6.0, -2.5))
    # Calibrated again, as before.
    np.testing.assert_array_equal(flow.products["calibration"]["soc"], session.state.maps["soc"])
    assert flow.chosen["calibration"]["charged"] == 708.0
    assert session.state.error == ""
    flow.close()
