"""Steps taken back or done again meanwhile, and the warnings that stay with a step."""

from __future__ import annotations

import threading
import warnings

import numpy as np
import pytest
import small_stack
from patience import PATIENCE_S
from workflow_steps import through

from socwidgets.jobs import JobRunner, JobState
from socwidgets.session import Session, fitting
from socwidgets.session.remarks import heard_warnings
from socwidgets.session.workflow import STEPS, Workflow

# -- steps of other data -------------------------------------------------------------------------


@pytest.mark.parametrize("other", ["again", "back"])
def test_a_result_of_data_that_have_gone_is_refused(other):
    """It was taken over, and the program told of other data than the map was made of."""
    flow = Workflow()
    stack = small_stack.stack()
    flow.take(stack)
    assert flow.start("energy_axis", {"by": "offset"}, {"offset_ev": 0.5}).wait(PATIENCE_S)
    go = threading.Event()
    step = flow.step("pixels")
    real = type(step).work

    def slow(self, flow, inputs, params):
        inner = real(self, flow, inputs, params)

        def work(*, progress, cancel):
            assert go.wait(PATIENCE_S)
            return inner(progress=progress, cancel=cancel)

        return work

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(step), "work", slow)
        job = flow.start("pixels", {}, {"pre": (700.0, 703.0), "post": (720.0, 725.0)})
        if other == "again":
            assert flow.start("energy_axis", {"by": "offset"}, {"offset_ev": 0.1}).wait(PATIENCE_S)
        else:
            flow.take_back("energy_axis")
        go.set()
        assert job.wait(PATIENCE_S)
    assert job.state == JobState.FAILED
    assert "meanwhile" in str(job.error)
    assert "pixels" not in flow.products
    flow.close()


def test_every_step_that_is_taken_back_leaves_what_was_before(flow, tmp_path):
    """Back from the last to the first, the session shows each time what it showed then."""
    files = small_stack.write_scan(tmp_path)
    through(flow, files)
    order = [s.name for s in STEPS if s.name in flow.products and s.name != "open"]
    for name in order[::-1]:
        flow.take_back(name)
        assert name not in flow.products
        state = flow.session.state
        if name == "calibration":
            assert "soc" not in state.maps
            assert state.calibration is None
        if name == "method":
            assert state.map_name == "edge_jump"
        if name == "pixels":
            assert state.maps is None
            assert state.show_frame
        if name in ("segmentation", "calibration", "method"):
            assert state.labels is None
        assert state.stack is flow.stack_before("report")[1]
    assert set(flow.products) == {"open"}
    assert [r.name for r in flow.session.state.rois] == ["ROI 1"]
    assert flow.session.state.stack is flow.products["open"]


# -- warnings ------------------------------------------------------------------------------------


def test_warnings_of_a_step_are_kept_each_time_and_belong_to_their_step(tmp_path):
    """They went to the log of the kernel, the first time only."""
    flow = Workflow()
    flow.take(small_stack.stack(), small_stack.references())
    narrow = {"center": 709.0, "half_width": 1.5}
    for _ in range(2):
        job = flow.start("method", {"method": "white_line", "pixels": "all"}, narrow)
        other = flow.start("energy_plan", {"pixels": "all"}, {"numbers": "6"})
        assert job.wait(PATIENCE_S)
        assert other.wait(PATIENCE_S)
        assert job.state == JobState.DONE, job.error
        remarks = flow.remarks["method"]
        assert sum("no maximum inside the white-line window" in text for text in remarks) == 1
        assert flow.remarks["energy_plan"] == ()
    flow.take_back("method")
    assert "method" not in flow.remarks
    kev = np.c_[small_stack.ENERGIES / 1000, small_stack.references().values[0]]
    np.savetxt(tmp_path / "kev.txt", kev)
    job = flow.start("references", {}, {"files": str(tmp_path / "kev.txt")})
    assert job.wait(PATIENCE_S)
    assert any("keV" in remark for remark in flow.remarks["references"])
    flow.close()


def test_warnings_of_a_fit_are_notes_of_its_maps(monkeypatch):
    """In the explorer, too; other maps do not have them."""
    real = fitting.run

    def run(*args, **options):
        warnings.warn("mind the gap", stacklevel=1)
        return real(*args, **options)

    monkeypatch.setattr(fitting, "run", run)
    session = Session(
        small_stack.stack(), references=small_stack.references(), runner=JobRunner(inline=True)
    )
    session.start_fit("lcf")
    assert session.notes().count("mind the gap") == 1
    session.set_maps(session.state.maps.copy())
    assert "mind the gap" not in session.notes()
    session.close()


def test_warnings_outside_of_steps_go_where_they_went():
    def both():
        with heard_warnings() as heard:
            thread = threading.Thread(target=warnings.warn, args=("outside",))
            thread.start()
            thread.join()
            warnings.warn("inside", stacklevel=1)
        return heard

    with pytest.warns(UserWarning, match="side") as seen:
        assert both() == ["inside"]
    assert [str(w.message) for w in seen] == ["outside"]
