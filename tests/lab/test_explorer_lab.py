"""The explorer in a real JupyterLab: every interaction, asserted on the kernel's state."""

from __future__ import annotations

import math

import pytest
from lab_page import SETUP, LabPage

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def page(lab, chromium_browser):
    lab.write_notebook("explorer.ipynb", SETUP)
    opened = LabPage(lab, chromium_browser, "explorer.ipynb")
    opened.run_all()
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def fresh(request):
    """Every test starts from one state; afterwards neither page nor session has an error."""
    if "page" not in request.fixturenames:
        yield
        return
    page = request.getfixturevalue("page")
    page.tell(
        "session.clear_rois(); session.clear_pixel(); session.clear_brush();"
        "session.select_map('soc'); session.set_limits(0, 1); session.clear_error()"
    )
    cells = page.cell_count()
    yield
    assert page.errors == []
    assert page.ask("session.state.error") == ""
    # A key that reaches the notebook in command mode would add, delete or move cells.
    assert page.cell_count() == cells


def near(found, wanted, pixels=2.5):
    """Equal within some pixels of the map, in um."""
    return all(abs(a - b) < pixels * 0.05 for a, b in zip(found, wanted, strict=True))


def test_drag_a_rectangle(page, artifacts):
    page.tool("rectangle")
    page.drag(page.at(1.0, 1.0), page.at(2.5, 3.0))
    roi = page.wait_for("[r.to_dict() for r in session.state.rois]")[0]
    assert roi["type"] == "rectangle"
    assert near([roi[k] for k in ("x0", "y0", "x1", "y1")], [1.0, 1.0, 2.5, 3.0])
    page.wait(lambda: "ROI 1 (" in page.text(".socwidgets-legend"))
    assert page.ask("explorer.spectrum.fitted is not None")
    assert page.ask("explorer.spectrum._traces['ROI 1'].line.y.size") == 26
    page.shot(artifacts, "lab-rectangle.png")


def test_draw_ellipse_polygon_and_lasso(page, artifacts):
    page.tool("ellipse")
    page.drag(page.at(3.5, 1.0), page.at(5.5, 2.5))
    page.wait_for("len(session.state.rois) == 1")
    page.tool("polygon")
    for x, y in ((0.5, 0.5), (2.0, 0.6), (1.8, 2.2), (0.6, 2.0)):
        page.page.mouse.click(*page.at(x, y))
    page.page.keyboard.press("Enter")
    page.wait_for("len(session.state.rois) == 2")
    page.tool("lasso")
    ring = [(3.0 + math.cos(a), 3.4 + 0.9 * math.sin(a)) for a in [i * 0.3 for i in range(21)]]
    page.drag(*[page.at(x, y) for x, y in ring], steps=2)
    page.wait_for("len(session.state.rois) == 3")
    ellipse, polygon, lasso = page.ask("[r.to_dict() for r in session.state.rois]")
    found = [ellipse[k] for k in ("cx", "cy", "rx", "ry")]
    assert ellipse["type"] == "ellipse"
    assert near(found, [4.5, 1.75, 1.0, 0.75])
    assert polygon["type"] == "polygon"
    assert len(polygon["vertices"]) == 4
    assert near(polygon["vertices"][2], [1.8, 2.2])
    area = page.ask("float(session.roi_mask('ROI 3').sum()) * 0.05 ** 2")
    assert lasso["type"] == "polygon"
    assert abs(area - math.pi * 0.9) < 0.15
    page.wait(lambda: "ROI 3 (" in page.text(".socwidgets-legend"))
    page.shot(artifacts, "lab-explorer.png")


def test_move_a_region_then_delete_and_undo_by_keyboard(page):
    page.tell("session.add_roi(Rectangle(1, 1, 2, 2))")
    page.tool("pan")
    page.wait_painted()
    page.drag(page.at(1.5, 1.5), page.at(2.5, 1.5))
    moved = page.wait_for("session.roi('ROI 1').shape.x0 > 1.5 and session.roi('ROI 1').shape.x0")
    assert near([moved], [2.0])
    page.page.keyboard.press("Delete")
    page.wait_for("session.state.rois == ()")
    page.page.keyboard.press("Control+z")
    page.wait_for("len(session.state.rois) == 1")
    page.page.keyboard.press("Control+z")
    page.wait_for("session.roi('ROI 1').shape.x0 == 1")
    page.page.keyboard.press("Control+Shift+Z")
    page.wait_for("session.roi('ROI 1').shape.x0 > 1.5")
    # Shortcuts of the notebook: b inserts a cell, d d deletes one, a inserts above.
    page.page.keyboard.press("b")
    page.page.wait_for_timeout(200)
    assert page.cell_count() == 1
    for key in ("a", "x"):
        page.page.keyboard.press(key)


def test_keys_on_plain_buttons_do_not_reach_the_notebook(page):
    page.page.locator(".socwidgets-rois button", has_text="Ellipse").click()
    page.wait_for("len(session.state.rois) == 1")
    for key in ("b", "a"):
        page.page.keyboard.press(key)
    page.page.wait_for_timeout(300)


def test_brush_the_histogram_by_dragging_and_by_slider(page, artifacts):
    box = page.page.locator(".socwidgets-histogram .bqplot .plotarea_events").bounding_box()
    y = box["y"] + box["height"] / 2
    page.drag((box["x"] + 0.3 * box["width"], y), (box["x"] + 0.6 * box["width"], y), steps=8)
    first, last = page.ask("[explorer.histogram._x.min, explorer.histogram._x.max]")
    wanted = [first + share * (last - first) for share in (0.3, 0.6)]
    page.wait_for(f"session.state.brush and abs(session.state.brush[1] - {wanted[1]}) < 0.02")
    low = page.ask("session.state.brush[0]")
    assert abs(low - wanted[0]) < 0.02
    count = page.ask("int(session.highlight().sum())")
    page.wait(lambda: f"{count:,}".replace(",", "") in page.digits(".socw-map"))
    page.shot(artifacts, "lab-brush.png")

    handle = page.page.locator(".socwidgets-histogram .socw-handle-lower")
    handle.focus()
    for _ in range(5):
        page.page.keyboard.press("ArrowRight")
    page.wait_for(f"session.state.brush[0] > {low} + 0.01")

    page.page.locator(".socwidgets-histogram button", has_text="ROI from range").click()
    page.wait_for("len(session.state.rois) == 1")
    assert page.ask("type(session.state.rois[0].shape).__name__") == "Threshold"
    assert page.ask("int(session.roi_mask('ROI 1').sum()) > 100")


def test_maps_changed_in_a_busy_cell_move_no_handle(page):
    """The browser hears of it late, all at once: nothing may come back as a person's move."""
    page.tell(
        "import time; session.clear_rois(); session.clear_brush(); limits = session.state.limits\n"
        "for name in ('thickness', 'soc', 'soc_std', 'soc'):\n"
        "    session.select_map(name); time.sleep(0.5)"
    )
    page.wait_painted()
    page.page.wait_for_timeout(400)
    assert page.ask("[session.state.brush, session.state.limits == limits]") == [None, True]


def test_click_a_pixel(page):
    page.tool("point")
    page.page.mouse.click(*page.at(2.525, 1.225))
    row, column = page.wait_for("session.state.pixel and list(session.state.pixel)")
    assert abs(column - 50) <= 1
    assert abs(row - 24) <= 1
    page.wait(lambda: f"Pixel x {column}, y {row}" in page.text(".socwidgets-legend"))
    assert page.ask("explorer.spectrum._fit.fit.y.size") == 26


def test_energy_slider_and_frame(page, artifacts):
    page.page.locator(".socwidgets-controls button", has_text="Frame").click()
    page.wait_for("session.state.show_frame")
    page.wait(lambda: "Optical density" in page.map_label())
    handle = page.page.locator(".widget-inline-hbox:has-text('Energy') .noUi-handle")
    before = page.ask("session.state.energy_index")
    handle.focus()
    for _ in range(3):
        page.page.keyboard.press("ArrowRight")
    index = page.wait_for(f"session.state.energy_index == {before + 3} and {before + 3}")
    assert page.ask(f"explorer.spectrum._cursors[0].x[0] == session.energies.values[{index}]")
    page.shot(artifacts, "lab-frame.png")


def test_map_choice_limits_and_colors(page):
    choices = page.page.locator(".socwidgets-controls select")
    choices.first.select_option(label="Standard uncertainty: state of charge")
    page.wait_for("session.state.map_name == 'soc_std'")
    page.wait(lambda: "Standard uncertainty" in page.map_label())
    page.page.locator(".socwidgets-controls button", has_text="98").click()
    low, high = page.wait_for("list(session.state.limits.get('map:soc_std', ())) or None")
    assert 0 < low < high
    choices.nth(1).select_option(label="cividis")
    page.wait_for("session.state.cmap == 'cividis'")
    choices.nth(1).select_option(label="viridis")
    page.wait_for("explorer.map_view.map.cmap == 'viridis'")
    page.page.locator(".socwidgets-controls select").first.select_option(label="State of charge")
    page.wait_for("session.state.map_name == 'soc'")


def test_tick_labels_have_the_digits_of_their_steps(page):
    """The labels of the residual's axis, as drawn, are the numbers that they stand for."""
    for shape in ("Rectangle(1, 1, 2, 2)", "Rectangle(3, 1, 4, 2)", "Rectangle(3, 1, 3.1, 1.1)"):
        page.tell(f"session.clear_rois(); session.add_roi({shape})")
        wanted = page.ask("explorer.spectrum._residual_axis.tick_values.tolist()")
        ticks = page.page.locator(".socwidgets-spectrum .bqplot").nth(1).locator(".axis .tick text")

        def drawn(ticks=ticks):
            words = [word.replace("−", "-") for word in ticks.all_text_contents() if word]
            return [float(word) for word in words]

        page.wait(lambda wanted=wanted: set(wanted) <= set(drawn()))


def test_rename_by_typing_and_an_error_in_the_widget(page, artifacts):
    page.tell("session.add_roi(Rectangle(1, 1, 2, 2)); session.add_roi(Rectangle(3, 1, 4, 2))")
    field = page.page.locator(".socwidgets-roi .widget-text input").nth(1)
    field.fill("charged")
    field.press("Enter")
    page.wait_for("session.state.rois[1].name == 'charged'")
    field.fill("ROI 1")
    field.press("Enter")
    alert = page.page.locator(".socwidgets-error [role=alert]")
    alert.wait_for(state="visible")
    assert "already" in alert.inner_text()
    page.shot(artifacts, "lab-error.png")
    page.page.locator(".socwidgets-error button").click()
    page.wait_for("session.state.error == ''")


def test_fit_with_progress(page):
    page.tell("old = session.state.maps")
    page.page.locator(".socwidgets-jobs button", has_text="Fit all pixels").click()
    page.wait_for("session.state.maps is not old")
    page.wait(lambda: "12,288" in page.text(".socwidgets-jobs"))
    assert page.ask("session.jobs.latest('fit').state.value") == "done"


def test_cancel_a_fit_from_a_busy_kernel(page):
    """The kernel's main thread is busy with a cell; the work is a real nogil kernel in chunks."""
    page.tell(
        "import time, numba, numpy as np\n"
        "import socwidgets.session.fitting as fitting\n"
        "from socwidgets.model.errors import CancelledError\n"
        "@numba.njit(nogil=True)\n"
        "def spin(n):\n"
        "    s = 0.0\n"
        "    for i in range(n): s += np.sin(i * 0.5)\n"
        "    return s\n"
        "spin(10)\n"
        "chunks, stopped, pressed = [], [], []\n"
        "def long_fit(*args, progress, cancel):\n"
        "    for i in range(1_000_000):\n"
        "        if cancel.is_set():\n"
        "            stopped.append(len(chunks)); raise CancelledError\n"
        "        spin(2_000_000); chunks.append(i); progress(i + 1, 1_000_000)\n"
        "real_run, fitting.run = fitting.run, long_fit\n"
        "explorer.job_bar.cancel.on_click(lambda b: pressed.append(len(chunks)))\n"
        "old = session.state.maps\n"
    )
    jobs = page.page.locator(".socwidgets-jobs")
    jobs.locator("button", has_text="Fit all pixels").click()
    page.wait(lambda: "% of the pixels" in page.text(".socwidgets-jobs"))
    cancel = jobs.locator("button", has_text="Cancel")
    cancel.click()
    page.wait_for("stopped and pressed")
    # From the press of the button in the kernel to the end of the work: the chunk that it was in.
    assert page.ask("stopped[0] - pressed[0]") <= 1
    assert page.ask("session.state.maps is old")
    page.wait(lambda: "cancelled" in page.text(".socwidgets-jobs"))

    # Once more while a cell keeps the main thread busy: the press is heard beside the cell.
    page.tell("stopped.clear(); pressed.clear(); chunks.clear()")
    jobs.locator("button", has_text="Fit all pixels").click()
    page.wait_for("len(chunks) > 3")
    page.send(
        "early, end = bool(stopped), time.time() + 100\n"
        "while not stopped and time.time() < end: np.sin(np.arange(20000)).sum()\n"
        "meanwhile = bool(stopped)\n"
    )
    page.wait_until_busy()
    cancel.click()
    page.wait_for("stopped")
    assert page.ask("[early, meanwhile]") == [False, True]
    page.tell("fitting.run = real_run")


def test_narrow_and_wide_windows_and_dark_theme(page, artifacts):
    page.tell("session.add_roi(Rectangle(0.4, 0.5, 1.5, 3.5), 'discharged')")
    page.tell("session.add_roi(Ellipse(5, 2.5, 1, 1.5), 'charged')")
    for width in (1000, 1760):
        page.page.set_viewport_size({"width": width, "height": 1250})
        page.wait_painted()
        page.page.wait_for_timeout(500)
        page.wait(lambda: page.spills() <= 1)
        canvas = page.page.locator(".socw-map canvas").first.bounding_box()
        spectrum = page.page.locator(".socwidgets-spectrum").bounding_box()
        page.shot(artifacts, f"lab-{width}.png")
        assert canvas["x"] + canvas["width"] <= spectrum["x"] + 1
    page.theme("JupyterLab Dark")
    page.shot(artifacts, "lab-dark.png")
    page.theme("JupyterLab Light")
    page.page.set_viewport_size({"width": 1400, "height": 1250})


def test_reload_shows_the_explorer_again(page):
    """The saved picture aside, a reloaded page gets the living widget back."""
    page.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    page.page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty")
    page.page.reload()
    page.page.wait_for_selector(".socwidgets-explorer canvas")
    page.tell("session.add_roi(Rectangle(1, 1, 2, 2))")
    page.wait(lambda: "ROI 1 (" in page.text(".socwidgets-legend"))
