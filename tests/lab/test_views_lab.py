"""The further views and the workflow in a real JupyterLab, all in one notebook."""

from __future__ import annotations

import pytest
from lab_page import LabPage
from lab_words import faint_words

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SETUP = """
import numpy as np, xarray as xr
import small_stack
from socwidgets.widgets.workflow_view import workflow
view = workflow(small_stack.stack(96, 128), small_stack.references())
flow = view.flow
for name in ("method", "calibration"):
    view.panels[name].run().wait()
labels = xr.zeros_like(flow.products["calibration"]["status"], dtype=np.int32)
for i in range(48):
    labels[12 * (i // 8): 12 * (i // 8) + 10, 16 * (i % 8): 16 * (i % 8) + 14] = i + 1
flow.session.set_labels(labels)
session = flow.session
explorer = view.explorer
view
"""

OTHERS = """
from socwidgets.session import Session
from socwidgets.widgets.particle_view import ParticleView
from socwidgets.widgets.series_view import SeriesView
from socwidgets.widgets.volume_view import VolumeView
maps = flow.products["calibration"]
states = xr.concat([maps.assign(soc=(maps["soc"] + 0.1 * i).assign_attrs(maps["soc"].attrs))
                    for i in range(4)], "step", combine_attrs="override")
series = SeriesView(states, labels)
values = np.arange(6 * 20 * 30, dtype=float).reshape(6, 20, 30)
volume = VolumeView(xr.DataArray(values, dims=("z", "y", "x"), name="soc"))
many = xr.DataArray(np.arange(1, 80 * 80 + 1, dtype=np.int32).reshape(80, 80), dims=("y", "x"))
table = ParticleView(xr.Dataset({"soc": (("y", "x"), np.random.default_rng(0).random((80, 80)),
                                         {"kind": "soc"})}), many)
import ipywidgets
ipywidgets.VBox([series, volume, table])
"""


@pytest.fixture(scope="module")
def page(lab, chromium_browser):
    lab.write_notebook("views.ipynb", SETUP, OTHERS)
    opened = LabPage(lab, chromium_browser, "views.ipynb")
    opened.run_all()
    opened.page.wait_for_selector(".socwidgets-volume canvas")
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def fresh(page):
    cells = page.cell_count()
    page.tell(
        "session.set_labels(labels); session.select_particle(None); session.select_box(None);"
        "session.clear_pixel()"
    )
    yield
    assert page.errors == []
    assert page.ask("session.state.error + view.error_bar.text") == ""
    # A key that reaches the notebook in command mode would add, delete or move cells.
    assert page.cell_count() == cells


def choose_view(page, name):
    button = page.page.locator(".socwidgets-workflow .widget-toggle-buttons button", has_text=name)
    button.last.click()


def test_a_row_lights_its_particle_up_and_keys_stay_in_the_table(page, artifacts):
    choose_view(page, "Particles")
    rows = page.page.locator(".socwidgets-workflow .socw-tr")
    rows.nth(3).click()
    page.wait_for("session.state.particle == 4")
    page.page.keyboard.press("ArrowDown")
    page.wait_for("session.state.particle == 5")
    page.page.keyboard.press("b")
    page.page.keyboard.press("End")
    page.wait_for("session.state.particle == 48")
    page.wait(lambda: page.page.locator('.socw-tr[data-label="48"]').first.is_visible())
    assert page.ask("int(session.highlight().sum())") == 140
    choose_view(page, "Explorer")
    page.wait(lambda: "140pixelshighlighted" in page.digits(".socwidgets-workflow .socw-map"))
    choose_view(page, "Particles")
    page.page.locator(".socwidgets-workflow .socw-th button", has_text="mean").first.click()
    page.page.keyboard.press("Tab")
    page.wait_for("view.views['Particles'].view.table.sort[0] == 'mean'")
    first = page.wait(lambda: int(rows.first.get_attribute("data-label")))
    assert page.ask(f"float(session.particle_table()['mean'].idxmax()) == {first}")
    page.page.locator(".socwidgets-workflow").screenshot(path=artifacts / "lab-particles.png")


def test_thousands_of_rows_scroll_to_what_is_chosen(page):
    inside = page.page.locator(".socwidgets-view .socw-tr")
    table = page.page.locator(".socwidgets-view").last
    page.tell("table.session.select_particle(4321)")
    table.locator('.socw-tr[data-label="4321"]').wait_for()
    assert inside.count() < 200  # only those in sight are in the page
    table.locator(".socw-th button", has_text="mean").click()
    page.wait_for("table.table.sort[0] == 'mean'")
    table.locator('.socw-tr[data-label="4321"]').wait_for()
    assert inside.count() < 200
    page.tell("table.session.select_particle(None)")


def test_a_box_in_the_scatter_highlights_pixels(page, artifacts):
    choose_view(page, "Two maps")
    plot = page.page.locator(".socwidgets-scatter .bqplot .plotarea_events")
    plot.wait_for(state="attached")
    box = plot.bounding_box()
    at = [
        (box["x"] + u * box["width"], box["y"] + v * box["height"])
        for u, v in ((0.2, 0.3), (0.8, 0.7))
    ]
    page.drag(*at, steps=8)
    ends = page.ask("[view.views['Two maps'].view._ys.min, view.views['Two maps'].view._ys.max]")
    span = ends[1] - ends[0]
    low, high = ends[0] + 0.3 * span, ends[0] + 0.7 * span
    # The box follows the drag: wait for its end.
    page.wait_for(
        "session.state.box is not None and np.allclose(session.state.box.y_range, "
        f"({low}, {high}), atol={0.03 * span})"
    )
    assert page.ask("bool((session.highlight() == session.box_mask()).all())")
    page.page.locator(".socwidgets-workflow").screenshot(path=artifacts / "lab-scatter.png")
    page.page.locator(".socwidgets-scatter button", has_text="Clear").click()
    page.wait_for("session.state.box is None")


def test_a_drag_is_the_line_and_keys_mark_its_pixel(page, artifacts):
    choose_view(page, "Profile")
    canvas = page.page.locator(".socwidgets-profile canvas[data-port]").first
    canvas.wait_for()
    page.page.wait_for_timeout(600)
    box = canvas.bounding_box()
    left, top, width, height = map(float, canvas.get_attribute("data-port").split())
    x, y = box["x"] + left, box["y"] + top
    page.drag((x + 0.2 * width, y + 0.3 * height), (x + 0.7 * width, y + 0.3 * height), steps=6)
    wanted = 0.5 * 128 * 0.05
    page.wait_for(
        f"session.state.line and abs(session.state.line[2] - session.state.line[0] - {wanted}) < .1"
    )
    line = page.ask("session.state.line")
    assert abs(line[3] - line[1]) < 0.1
    assert page.ask("float(view.views['Profile'].profile.table['distance'][-1])") > 3.0
    handle = page.page.locator(".socwidgets-profile .noUi-handle").first
    handle.focus()
    for _ in range(3):
        page.page.keyboard.press("ArrowRight")
    page.wait_for("session.state.pixel is not None")
    page.page.locator(".socwidgets-workflow").screenshot(path=artifacts / "lab-profile.png")


def test_a_step_runs_and_shows_its_code(page, artifacts):
    panel = page.step("Particles")
    panel.locator("button", has_text="Code").first.click()
    page.wait(lambda: "soc.segment_particles" in panel.locator("pre").inner_text())
    panel.locator("button", has_text="Find particles").click()
    page.wait_for("'segmentation' in flow.products")
    page.wait(lambda: "particles" in panel.locator(".socwidgets-run").inner_text())
    page.page.keyboard.press("b")
    page.page.locator(".socwidgets-workflow").screenshot(path=artifacts / "lab-workflow.png")


def test_a_step_is_cancelled_beside_a_busy_cell(page):
    page.tell(
        "import threading, socwidgets.analysis.registration as module\n"
        "go, real = threading.Event(), module.register\n"
        "module.register = lambda *a, **k: go.wait()"
    )
    panel = page.step("Registration")
    panel.locator("button", has_text="Align").click()
    cancel = panel.locator("button", has_text="Cancel")
    page.wait(lambda: cancel.is_enabled())
    page.tell("(job,) = flow.running()")
    page.send(
        "import time; early, end = job.state.finished, time.time() + 100\n"
        "while not job.state.finished and time.time() < end: time.sleep(0.02)\n"
        "meanwhile = job.state.finished"
    )
    page.wait_until_busy()
    cancel.click()
    page.wait(lambda: "Cancelled" in panel.locator(".socwidgets-run").inner_text())
    assert page.ask("[early, meanwhile]") == [False, True]
    page.tell("go.set(); module.register = real")
    assert not page.ask("'registration' in flow.products")


def test_files_are_chosen_by_mouse_and_keyboard(page, lab):
    (lab.folder / "more").mkdir()
    (lab.folder / "more" / "scan.nc").write_bytes(b"no stack")
    page.step("Open")
    field = page.page.locator(".socwidgets-chooser input[type=text]")
    field.fill(str(lab.folder.parent))
    field.press("Enter")
    page.page.locator(".socw-file", has_text=lab.folder.name).wait_for()
    field.fill(str(lab.folder))
    field.press("Enter")
    page.page.locator(".socw-file", has_text="more/").dblclick()
    page.page.locator(".socw-file", has_text="scan.nc").wait_for()
    files = page.page.locator(".socw-files")
    files.focus()
    page.page.keyboard.press("ArrowDown")
    page.wait_for("view.panels['open'].chooser.path is not None")
    page.wait(lambda: "not what its name promises" in page.text(".socwidgets-chooser"))
    page.page.keyboard.press("Backspace")
    page.page.locator(".socw-file", has_text="more/").wait_for()


def test_playback_and_the_crosshair(page, artifacts):
    page.page.locator(".socwidgets-series .widget-play button").first.click()
    page.wait_for("series.session.state.state_index > 0")
    page.tell("series.play.playing = False")
    side = page.page.locator(".socwidgets-volume canvas").nth(1)
    side.scroll_into_view_if_needed()
    box = side.bounding_box()
    page.page.mouse.click(box["x"] + 0.2 * box["width"], box["y"] + 0.4 * box["height"])
    page.wait_for("volume.session.state.pixel is not None")
    page.page.locator(".socwidgets-series").screenshot(path=artifacts / "lab-series.png")
    page.page.locator(".socwidgets-volume").screenshot(path=artifacts / "lab-volume.png")


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_all_words_of_the_views_can_be_read(page, theme):
    page.theme(theme)
    page.tell("session.select_particle(3)")
    faint, counts = [], []
    for name in ("Two maps", "Profile", "Particles", "Registration", "Card"):
        choose_view(page, name)
        page.page.wait_for_timeout(700)
        if name == "Card":
            page.page.locator(".socwidgets-card .soc-card").wait_for()
        count, found = faint_words(page.page, ".socwidgets-workflow")
        counts.append(count)
        faint += [(name, *words) for words in found]
    for name in ("series", "volume", "particles"):
        page.page.locator(f".socwidgets-{name}").last.scroll_into_view_if_needed()
        faint += [(name, *words) for words in faint_words(page.page, f".socwidgets-{name}")[1]]
    choose_view(page, "Explorer")
    page.theme("JupyterLab Light")
    assert min(counts) > 20
    assert faint == []
