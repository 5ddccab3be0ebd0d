"""Guarded callbacks, the error bar, echo marks, closing a tree of widgets."""

from __future__ import annotations

import threading

import bqplot
import ipywidgets
import pytest
from ipywidgets.widgets.widget import _instances

from socwidgets.model.errors import ParameterError
from socwidgets.widgets.safe import ErrorBar, Guard, Quiet, close_tree


def test_guard_shows_and_logs_and_keeps_the_chain_alive(caplog):
    shown, later = [], []
    guard = Guard(shown.append)
    slider = ipywidgets.IntSlider()

    @guard
    def bad(change):
        raise ZeroDivisionError("oops")

    slider.observe(bad, "value")
    slider.observe(lambda change: later.append(change["new"]), "value")
    slider.value = 3
    assert later == [3]
    assert shown == ["ZeroDivisionError: oops"]
    assert "oops" in caplog.text


def test_without_the_guard_the_chain_breaks():
    """The trap that the guard is for; if this ever passes, the guard has less to do."""
    slider, later = ipywidgets.IntSlider(), []
    slider.observe(lambda change: 1 / 0, "value")
    slider.observe(lambda change: later.append(change["new"]), "value")
    with pytest.raises(ZeroDivisionError):
        slider.value = 3
    assert later == []


def test_errors_of_ours_are_shown_in_full():
    shown = []

    @Guard(shown.append)
    def refuse():
        raise ParameterError("wrong", expected="this", found="that", fix="change it")

    refuse()
    assert "to do: change it" in shown[0]


def test_a_bar_that_cannot_show_does_not_raise(caplog):
    def broken(text):
        raise RuntimeError("no bar")

    Guard(broken)(lambda: 1 / 0)()
    assert "could not be shown" in caplog.text


def test_error_bar_escapes_alerts_and_can_be_dismissed():
    dismissed = []
    bar = ErrorBar(on_dismiss=lambda: dismissed.append(1))
    assert bar.layout.display == "none"
    bar.show("a < b\nsecond")
    html, button = bar.children
    assert html.value == '<div role="alert">a &lt; b<br>second</div>'
    assert bar.layout.display == "flex"
    button.click()
    assert (bar.text, bar.layout.display, dismissed) == ("", "none", [1])


def test_quiet_belongs_to_its_thread():
    quiet, seen = Quiet(), []
    with quiet, quiet:
        thread = threading.Thread(target=lambda: seen.append(bool(quiet)))
        thread.start()
        thread.join()
        assert quiet
    assert not quiet
    assert seen == [False]


def test_close_tree_closes_marks_scales_layouts():
    before = set(_instances)
    scale = bqplot.LinearScale()
    lines = bqplot.Lines(x=[1, 2], y=[1, 2], scales={"x": scale, "y": bqplot.LinearScale()})
    figure = bqplot.Figure(marks=[lines], axes=[bqplot.Axis(scale=scale)])
    tree = ipywidgets.VBox([ipywidgets.HBox([figure]), ipywidgets.Button()])
    assert set(_instances) > before
    close_tree(tree)
    assert set(_instances) == before
