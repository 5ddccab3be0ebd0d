"""The explorer in a cell: the map first, the other views when the cell has shown it."""

from __future__ import annotations

import pytest
import small_stack
from IPython.core.interactiveshell import InteractiveShell
from patience import PATIENCE_S

import socwidgets.widgets.explorer as explorer_module
from socwidgets.model.roi import Rectangle
from socwidgets.session import Session
from socwidgets.widgets.explorer import Explorer, explore


@pytest.fixture
def session():
    stack = small_stack.stack(20, 30)
    return Session(stack, small_stack.maps(stack), small_stack.references())


def made(explorer):
    return len(explorer._right.children) > 0


def test_only_the_map_is_there_until_another_view_is_asked_for(session):
    explorer = Explorer(session, map_first=True)
    assert explorer._left.children == (explorer.map_view,)
    assert not made(explorer)
    spectrum = explorer.spectrum
    assert explorer._right.children == (spectrum, explorer.histogram)
    assert explorer._left.children == (explorer.map_view, explorer.rois)
    assert explorer._top.children[-2:] == (explorer.controls, explorer.job_bar)
    assert explorer.spectrum is spectrum
    explorer.close()


def test_one_that_is_closed_early_leaves_nothing_behind(session):
    explorer = Explorer(session, map_first=True)
    explorer.close()
    assert not made(explorer)
    assert session._observers == []


def test_the_spectrum_is_told_of_a_change_before_the_map(session):
    order = []
    explorer = Explorer(session, map_first=True)
    explorer.complete()
    explorer.map_view.map.observe(lambda _c: order.append("map"), "rois")
    explorer.spectrum.figure.observe(lambda _c: order.append("spectrum"), "marks")
    session.add_roi(Rectangle(0.1, 0.1, 0.5, 0.5))
    assert order == ["spectrum", "map"]
    explorer.close()


def test_a_cell_shows_its_result_before_the_rest_is_made(session, monkeypatch):
    shell = InteractiveShell.instance()
    monkeypatch.setattr(explorer_module, "current_cell", lambda: ("cell", "run"))
    state = session.state
    found = []
    try:
        shell.push({"explore": explore, "data": (state.stack, state.maps, state.references),
                    "look": lambda e: found.append(made(e))})  # fmt: skip
        shell.run_cell("explorer = explore(*data)\nlook(explorer)", silent=False)
        explorer = shell.user_ns["explorer"]
        assert found == [False]
        assert made(explorer)
        job = explorer.session.jobs.latest("warm-up")
        assert job is not None
        shell.run_cell("look(explorer)")
        assert found == [False, True]
        assert job.wait(PATIENCE_S)
        explorer.close()
    finally:
        InteractiveShell.clear_instance()
