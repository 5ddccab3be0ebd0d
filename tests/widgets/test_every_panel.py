"""What the workflow promises, checked for every step: old results, cancel, progress, code."""

from __future__ import annotations

import threading

import pytest
import small_stack
from patience import PATIENCE_S, until

from socwidgets.jobs import Job, JobState
from socwidgets.model.errors import CancelledError
from socwidgets.model.roi import Rectangle
from socwidgets.session.workflow import STEPS, Workflow
from socwidgets.widgets.run_bar import _left
from socwidgets.widgets.workflow_view import WorkflowView

NAMES = [step.name for step in STEPS]
EDGE = {"pre": (700.0, 703.0), "post": (720.0, 725.0)}
#: Inputs and parameters with which a step of the phantom below goes well.
GIVEN = {
    "energy_axis": ({"by": "offset"}, {"offset_ev": 0.0}),
    "optical_density": ({"i0": "ROI 1"}, {"noise": "poisson"}),
    "registration": ({}, {"threshold_px": 5.0}),
    "i0_offset": ({}, {"max_od": 2.5, **EDGE}),
    "normalization": (
        {},
        {"e0": 708.0, "pre": (-8.0, -4.0), "post": (10.0, 17.0), "post_degree": 0},
    ),
    "pixels": ({}, {"min_jump": 0.1, **EDGE}),
    "method": ({"method": "lcf", "pixels": "all"}, {}),
    "calibration": ({"by": "FP"}, {}),
    "segmentation": ({"of": "edge_jump"}, {"min_area_um2": 0.001}),
    "heterogeneity": ({}, {"draws": 100}),
    "energy_plan": ({"pixels": "all"}, {"numbers": (6, 12)}),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Counts with an empty margin, and two references."""
    scan, references = small_stack.write_scan(tmp_path_factory.mktemp("panels"))
    given = {"open": ({}, {"path": str(scan)}), "references": ({}, {"files": references})}
    return {**given, **GIVEN}


@pytest.fixture(scope="module")
def view(files):
    """A workflow with threads of its own, in which every step has been done once."""
    made = WorkflowView()
    do(made, files, NAMES)
    yield made
    assert made.error_bar.text == ""
    made.close()


def do(view, files, names):
    """Do those steps whose results are not there."""
    for name in names:
        if name in view.flow.products:
            continue
        if name == "optical_density" and not view.flow.session.state.rois:
            view.flow.session.add_roi(Rectangle(-1, -0.01, 5, 0.06))
        choose(view, files, name)
        done = finished(view.panels[name].run(), view.panels[name])
        assert done.state == JobState.DONE, (name, done.error)


def choose(view, files, name):
    panel, (inputs, params) = view.panels[name], files[name]
    panel.refresh()
    for key, value in inputs.items():
        panel.choices[key].value = value
    panel.form.set_values(params)


def finished(job: Job | None, panel) -> Job:
    assert job is not None, panel.runs.error.text
    assert job.wait(PATIENCE_S)
    until(lambda: panel.runs.cancel.disabled)
    return job


@pytest.fixture
def gate(monkeypatch):
    """Holds the work of a step until it is opened; the work reports a quarter meanwhile."""
    opened = threading.Event()

    def hold(step):
        real = type(step).work

        def work(self, flow, inputs, params):
            inner = real(self, flow, inputs, params)

            def held(*, progress, cancel):
                while not opened.wait(0.02):
                    progress(1, 4)
                    if cancel.is_set():
                        raise CancelledError("cancelled")
                return inner(progress=progress, cancel=cancel)

            return held

        monkeypatch.setattr(type(step), "work", work)

    yield hold, opened
    opened.set()


# From the end: a step that is done again takes later results away.
@pytest.mark.parametrize("name", NAMES[::-1])
def test_the_old_result_stays_until_the_new_one_is_there(view, files, gate, name):
    hold, opened = gate
    do(view, files, NAMES[: NAMES.index(name) + 1])
    hold(view.flow.step(name))
    panel, old = view.panels[name], view.flow.products[name]
    later = {other: view.flow.products.get(other) for other in NAMES}
    shown = view.flow.session.state
    for open_at_last in (False, True):
        job = panel.run()
        assert job is not None, panel.runs.error.text
        until(lambda: panel.runs.bar.value == 25)
        assert panel.runs.bar.layout.display == "flex"
        assert "25 %" in panel.runs.status.value
        assert not panel.runs.cancel.disabled
        assert {other: view.flow.products.get(other) for other in NAMES} == later
        assert view.flow.session.state is shown
        if open_at_last:
            opened.set()
            assert finished(job, panel).state == JobState.DONE, job.error
            assert view.flow.products[name] is not old
        else:
            panel.runs.cancel.click()
            assert job.wait(PATIENCE_S)
            assert job.state == JobState.CANCELLED
            assert view.flow.products[name] is old
            assert "what was there before stays" in panel.runs.status.value
            assert view.flow.session.state is shown
        assert panel.runs.error.text == ""
    panel.show_code.value = True
    assert panel.code.layout.display == "block"
    compile(panel.code.value, name, "exec")
    assert f"{view.flow.step(name).makes} = " in panel.code.value


@pytest.mark.parametrize("name", NAMES)
def test_the_work_itself_heeds_a_cancel(files, name):
    """Not only its frame: what a step calls ends when it is asked to."""
    flow = Workflow()
    for earlier in NAMES[: NAMES.index(name)]:
        if earlier == "optical_density":
            flow.session.add_roi(Rectangle(-1, -0.01, 5, 0.06))
        if earlier not in ("registration", "normalization", "segmentation"):
            assert flow.start(earlier, *files[earlier]).wait(PATIENCE_S)
    if name == "optical_density":
        flow.session.add_roi(Rectangle(-1, -0.01, 5, 0.06))
    step = flow.step(name)
    chosen = flow._checked(step, files[name][0])
    params = step.kind(flow, chosen).from_mapping(files[name][1]).to_dict()
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(CancelledError):
        step.work(flow, chosen, params)(progress=lambda done, total: None, cancel=cancel)
    flow.close()


@pytest.mark.parametrize(
    ("seconds", "share", "words"),
    [
        (2.0, 0.5, ""),
        (10.0, 0.01, ""),
        (10.0, 0.25, ", about 30 s left"),
        (10.0, 0.05, ", about 3 min left"),
        (30.0, 0.99, ""),
    ],
)
def test_the_rest_of_a_long_piece_of_work_is_guessed(seconds, share, words):
    assert _left(seconds, share) == words
