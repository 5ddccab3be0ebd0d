"""Newer tools of the explorer in a real JupyterLab: one page, several interactions."""

from __future__ import annotations

import pytest
from lab_page import SETUP, LabPage

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def page(lab, chromium_browser):
    lab.write_notebook("tools.ipynb", SETUP)
    opened = LabPage(lab, chromium_browser, "tools.ipynb")
    opened.run_all()
    opened.tell(
        "import numpy as np, xarray as xr\n"
        "yy, xx = np.mgrid[:96, :128]\n"
        "blob = lambda cy, cx: ((yy - cy) ** 2 + (xx - cx) ** 2 < 24 ** 2).astype(np.int32)\n"
        "labels = blob(45, 30) + 2 * blob(50, 92)\n"
        "session.set_labels(xr.DataArray(labels, dims=('y', 'x')))"
    )
    yield opened
    assert opened.errors == []
    assert opened.ask("session.state.error") == ""
    opened.end()


def test_wand_brush_and_line_with_the_mouse(page):
    page.tool("wand")
    page.page.mouse.click(*page.at(0.5, 2.0))
    page.wait_for("len(session.state.rois) == 1")
    grown = page.ask("int(session.roi_mask('ROI 1').sum())")
    assert page.ask("bool(session.roi_mask('ROI 1')[:, :30].mean() > 0.95)")
    page.tool("brush")
    page.drag(page.at(4.5, 1.0), page.at(5.5, 3.0), steps=8)
    page.wait_for(f"int(session.roi_mask('ROI 1').sum()) > {grown} + 50")
    page.tool("eraser")
    page.page.mouse.click(*page.at(0.5, 2.0))
    page.wait_for("not session.roi_mask('ROI 1').sel(x=0.5, y=2.0, method='nearest')")
    page.tool("line")
    page.drag(page.at(1.0, 1.0), page.at(5.0, 3.5))
    line = page.wait_for("(session.state.line or [0] * 4)[2] > 4.9 and list(session.state.line)")
    assert line == pytest.approx([1.0, 1.0, 5.0, 3.5], abs=0.1)


def test_the_range_of_the_threshold_tool_by_keyboard(page, artifacts):
    page.tell("session.clear_rois(); session.set_line(None); session.select_map('soc')")
    page.tool("threshold")
    handle = page.page.locator(".socwidgets-threshold .socw-handle").first
    handle.wait_for(state="visible")
    handle.focus()
    for _ in range(40):
        page.page.keyboard.press("ArrowRight")
    # In a list: an end at 0.0 is an answer, too.
    low = page.wait_for("len(session.state.rois) == 1 and [session.state.rois[0].shape.low]")[0]
    page.wait_painted()
    page.shot(artifacts, "lab-threshold.png")
    page.page.keyboard.press("ArrowRight")
    page.wait_for(f"session.state.rois[0].shape.low > {low}")
    assert page.ask("session.state.rois[0].shape.high >= float(session.state.maps['soc'].max())")
    assert page.ask("len(session.state.rois)") == 1
    page.tool("pan")
    page.wait(lambda: not handle.is_visible())
    page.tell("session.clear_rois()")


def test_a_window_handle_is_dragged_and_the_maps_follow(page, artifacts):
    page.tell("session.clear_rois(); old = session.state.maps; session.set_line(None)")
    handles = page.page.locator(".socwidgets-spectrum .bqplot").first.locator(".dot")
    page.wait(lambda: handles.count() >= 3)
    handles.nth(0).scroll_into_view_if_needed()
    box = handles.nth(0).bounding_box()
    start = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.drag(start, (start[0] + 60, start[1]), (start[0] + 90, start[1]), steps=10)
    page.wait_for("session.window()[0] > 704")
    page.wait_for("session.state.maps is not old and session.state.preview is None")
    assert page.ask("session.state.maps.attrs.get('n_points', 26)") < 26
    page.shot(artifacts, "lab-window.png")


def test_layers_in_light_and_dark_on_a_narrow_screen(page, artifacts):
    page.tell("session.start_fit().wait()")
    page.tell("session.select_map('soc'); session.set_overlay('labels'); session.set_fade(True)")
    page.page.locator(".socwidgets-rois button", has_text="Tools").click()
    page.page.locator(".socwidgets-roi-tools").wait_for()
    page.page.set_viewport_size({"width": 800, "height": 1250})
    page.wait_painted()
    page.shot(artifacts, "lab-800.png")
    page.wait(lambda: page.spills() <= 1)
    page.page.set_viewport_size({"width": 1400, "height": 1250})
    page.tell("session.show_phases(*session.fraction_names)")
    page.theme("JupyterLab Dark")
    page.shot(artifacts, "lab-layers-dark.png")
    page.theme("JupyterLab Light")
    page.shot(artifacts, "lab-layers.png")
