"""A scripted person who does hundreds of things in a random order: nothing breaks or leaks."""

from __future__ import annotations

import gc
import threading

import numpy as np
import small_stack
import xarray as xr
from ipywidgets.widgets.widget import _instances
from patience import PATIENCE_S, ended

from socwidgets.model.roi import Ellipse, Polygon, Rectangle
from socwidgets.session import ValueBox
from socwidgets.session.workflow import Workflow
from socwidgets.widgets.workflow_view import WorkflowView

ACTIONS = 160


def actions(view, rng):
    """Everything a person can do with the workflow's views, as functions without arguments."""
    session = view.flow.session
    x, y = (lambda: float(rng.uniform(0, 1.5))), (lambda: float(rng.uniform(0, 1.1)))

    def drop_a_region():
        rois = session.state.rois
        if rois:
            session.delete_roi(rois[int(rng.integers(len(rois)))].name)

    return [
        lambda: session.add_roi(Rectangle(x(), y(), x() + 0.1, y() + 0.1)),
        lambda: session.add_roi(Ellipse(x(), y(), 0.2, 0.1)),
        drop_a_region,
        session.undo,
        session.redo,
        lambda: session.select_pixel(x(), y()),
        lambda: session.brush(*sorted(rng.uniform(0, 1, 2))),
        session.clear_brush,
        lambda: session.select_particle(int(rng.integers(1, 13))),
        lambda: session.select_particle(None),
        lambda: session.set_line((x(), y(), x() + 0.2, y())),
        lambda: session.select_box(
            ValueBox("thickness", "soc", (0.9, 1.0), tuple(sorted(rng.uniform(0, 1, 2))))
        ),
        lambda: session.select_map(str(rng.choice(session.map_names))),
        lambda: session.set_limits(0.0, float(rng.uniform(0.5, 1.0))),
        lambda: setattr(view.view, "value", str(rng.choice(view.view.options[:4]))),
        lambda: view.show(str(rng.choice(list(view.steps)[:-1]))),
        lambda: session.set_draft(Polygon(((0, 0), (x() + 0.1, 0), (0.3, y() + 0.1)))),
        lambda: session.set_draft(None),
        lambda: view.panels["method"].run(),
        lambda: view.panels["method"].runs.cancel.click(),
        lambda: view.panels["calibration"].run(),
    ]


def test_random_actions_leave_no_error_and_no_models_behind():
    before, others = set(_instances), set(threading.enumerate())
    rng = np.random.default_rng(11)
    view = WorkflowView(Workflow())
    view.flow.take(small_stack.stack(), small_stack.references())
    for name in ("method", "calibration"):
        assert view.panels[name].run().wait(PATIENCE_S)
    labels = xr.zeros_like(view.flow.products["method"]["status"], dtype=np.int32)
    for i in range(12):
        labels[8 * (i // 4) : 8 * (i // 4) + 7, 8 * (i % 4) : 8 * (i % 4) + 7] = i + 1
    view.flow.session.set_labels(labels)
    for name in view.view.options[:4]:
        view.view.value = name
    held: list[int] = []
    refused = []
    for number in range(ACTIONS):
        pool = actions(view, rng)
        action = pool[int(rng.integers(len(pool)))]
        try:
            action()
        except Exception as error:  # a session says no by raising; a view must never
            refused.append(str(error))
        if number in (ACTIONS // 2, ACTIONS - 1):
            for job in view.flow.running():
                assert job.wait(PATIENCE_S)
            view.flow.session.clear_rois()
            held.append(len(_instances))
    errors = (view.error_bar.text, view.flow.session.state.error)
    assert errors == ("", "")
    assert all("there is no" in text for text in refused), refused
    # Views are made when they are first shown; after that nothing may pile up.
    assert held[1] <= held[0] + 60
    view.close()
    # What still runs was cancelled: it ends. (Threads that were there before are of other tests.)
    steps = [t for t in threading.enumerate() if t.name.startswith("socwidgets-step")]
    assert all(ended(t) for t in steps if t not in others)
    gc.collect()
    assert set(_instances) - before == set()
