"""Contrast, labels, colors that are never alone: what people need who see or work differently."""

from __future__ import annotations

import ipywidgets
import numpy as np
import pytest
import small_stack

from socwidgets.jobs import JobRunner
from socwidgets.model.roi import Rectangle
from socwidgets.session import Session
from socwidgets.widgets import histogram_layers, plots, spectrum_marks, window_handles
from socwidgets.widgets.explorer import Explorer
from socwidgets.widgets.range_slider import RangeSlider
from socwidgets.widgets.safe import _widgets_in

#: Ground of JupyterLab's light and dark theme.
GROUNDS = ("#ffffff", "#111111")


def luminance(color):
    parts = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(parts <= 0.03928, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("ground", GROUNDS)
def test_lines_stand_out_in_both_themes(ground):
    colors = {
        plots.MUTED, plots.CURSOR, histogram_layers._NOISE, histogram_layers._MIXTURE,
        window_handles._WINDOW_COLOR, *histogram_layers._STATES, *spectrum_marks.COMPONENT_COLORS,
    }  # fmt: skip
    # WCAG 2.1, 1.4.11: graphics need 3:1.
    assert [color for color in sorted(colors) if contrast(color, ground) < 3.0] == []


def everything(root):
    seen, waiting = set(), [root]
    while waiting:
        widget = waiting.pop()
        if widget in seen:
            continue
        seen.add(widget)
        for name in widget.trait_names():
            if widget.trait_has_value(name):
                waiting.extend(_widgets_in(getattr(widget, name)))
    return seen


def test_every_control_of_the_explorer_says_what_it_is():
    stack = small_stack.stack()
    app = Explorer(
        Session(
            stack, small_stack.maps(stack), small_stack.references(), runner=JobRunner(inline=True)
        )
    )
    app.session.add_roi(Rectangle(0.1, 0.1, 0.5, 0.5))
    app.rois.more.value = True
    controls = (
        ipywidgets.Button, ipywidgets.ToggleButton, ipywidgets.Dropdown, ipywidgets.FloatText,
        ipywidgets.Text, RangeSlider, ipywidgets.SelectionSlider,
        ipywidgets.FileUpload, ipywidgets.ColorPicker,
    )  # fmt: skip
    silent = [
        widget
        for widget in everything(app)
        if isinstance(widget, controls) and not (widget.description or widget.tooltip)
    ]
    assert silent == []
    # A button with nothing but a picture needs words for those who cannot see it.
    icons = [w for w in everything(app) if isinstance(w, ipywidgets.Button) and not w.description]
    assert icons
    assert all(button.tooltip for button in icons)
    app.close()


def test_curves_differ_by_more_than_their_color():
    stack = small_stack.stack()
    app = Explorer(Session(stack, small_stack.maps(stack), small_stack.references()))
    spectrum, layers = app.spectrum, app.histogram.layers
    dashes = {
        "fit": spectrum._fit.fit.line_style,
        "component": spectrum._fit.parts[0].line_style,
        "background": spectrum._fit.background.line_style,
    }
    assert len(set(dashes.values())) == 3
    assert layers._noise.line_style != layers._mixture.line_style
    assert spectrum.handles.window.marker != spectrum.handles.energy.marker
    app.close()
