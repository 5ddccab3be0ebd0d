"""Contrast, names and the keyboard, as the browser computes them, in both themes."""

from __future__ import annotations

import contextlib

import pytest
from lab_page import SETUP, LabPage
from lab_words import faint_words

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def page(lab, chromium_browser):
    lab.write_notebook("people.ipynb", SETUP)
    opened = LabPage(lab, chromium_browser, "people.ipynb")
    opened.run_all()
    opened.tell("session.add_roi(Rectangle(1, 1, 2, 2), 'first')")
    opened.page.locator(".socwidgets-rois button", has_text="Tools").click()
    opened.page.locator(".socwidgets-spectrum button", has_text="References").click()
    opened.page.locator(".socwidgets-jobs button", has_text="More").click()
    opened.wait_painted()
    yield opened
    assert opened.errors == []
    opened.end()


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_all_words_can_be_read(page, theme):
    """WCAG 2.1 AA, 1.4.3: 4.5 to 1, 3 to 1 for large letters."""
    page.theme(theme)
    page.tell("session.show_error('An error to be read.')")
    page.page.locator(".socwidgets-error [role=alert]").get_by_text("An error").wait_for()
    count, faint = faint_words(page.page)
    page.tell("session.clear_error()")
    page.theme("JupyterLab Light")
    assert count > 60
    assert faint == []


def test_every_control_has_a_name_and_a_place_in_the_order(page):
    """By the accessibility tree that a screen reader gets."""
    probe = page.context.new_cdp_session(page.page)
    roles = ("button", "combobox", "textbox", "spinbutton", "slider", "checkbox", "application")

    def controls() -> list[tuple[str, str]]:
        document = probe.send("DOM.getDocument")["root"]["nodeId"]
        root = probe.send(
            "DOM.querySelector", {"nodeId": document, "selector": ".socwidgets-explorer"}
        )["nodeId"]
        tree = probe.send("Accessibility.queryAXTree", {"nodeId": root})["nodes"]
        return [
            (node["role"]["value"], node.get("name", {}).get("value", ""))
            for node in tree
            if not node.get("ignored") and node.get("role", {}).get("value") in roles
        ]

    # Names are given a moment after the controls are made.
    with contextlib.suppress(AssertionError):
        page.wait(lambda: all(name.strip() for _, name in controls()))
    found = controls()
    assert len(found) > 40
    assert [role for role, name in found if not name.strip()] == []


def test_tab_goes_through_all_of_it_in_the_order_of_the_page(page):
    page.page.locator(".socwidgets-controls button").first.focus()
    seen = []
    for _ in range(120):
        place = page.page.evaluate(
            "() => { const e = document.activeElement, b = e.getBoundingClientRect();"
            "return e.closest('.socwidgets-explorer') && ["
            " e.closest('.socwidgets-controls, .socwidgets-jobs, .socwidgets-map,"
            " .socwidgets-rois, .socwidgets-spectrum, .socwidgets-histogram')?.className || '',"
            " b.width > 0 || e.type === 'range' || e.type === 'file']; }"
        )
        if not place:
            break
        names = [word for word in place[0].split() if word.startswith("socwidgets-")]
        part = next((word for word in names if word != "socwidgets-view"), "")
        assert place[1], f"what cannot be seen has the focus, in {part}"
        if part and (not seen or seen[-1] != part):
            seen.append(part)
        page.page.keyboard.press("Tab")
    wanted = ["controls", "jobs", "map", "rois", "spectrum", "histogram"]
    assert seen == [f"socwidgets-{part}" for part in wanted]
    assert page.cell_count() == 1


def test_a_region_without_a_mouse(page):
    """Made, moved, named and deleted by the keyboard alone; the notebook hears nothing of it."""
    page.tell("session.clear_rois()")
    page.page.locator(".socwidgets-rois button", has_text="Rectangle").focus()
    page.page.keyboard.press("Enter")
    page.wait_for("len(session.state.rois) == 1")
    field = page.page.locator(".socwidgets-roi .widget-text input").first
    # Not before the row shows the region: its name would overwrite what is typed.
    page.wait(lambda: field.input_value() == page.ask("session.state.rois[0].name"))
    page.wait_painted()
    field.focus()
    page.page.keyboard.press("Control+a")
    page.page.keyboard.type("dd")
    page.page.keyboard.press("Enter")
    page.wait_for("session.state.rois[0].name == 'dd'")
    before = page.ask("session.roi('dd').shape.x0")
    page.page.locator(".socw-map canvas.socw-canvas").first.focus()
    page.page.wait_for_timeout(300)
    page.page.keyboard.press("ArrowRight")
    page.wait_for(f"session.roi('dd').shape.x0 > {before}")
    page.page.keyboard.press("Delete")
    page.wait_for("session.state.rois == ()")
    places = (
        ".socw-map canvas.socw-canvas", ".socwidgets-jobs button", ".socwidgets-controls select",
        ".socwidgets-histogram .socw-handle",
    )  # fmt: skip
    for selector in places:
        page.page.locator(selector).first.focus()
        for key in ("d", "d", "b", "a", "x"):
            page.page.keyboard.press(key)
    page.page.wait_for_timeout(200)
    assert page.cell_count() == 1
    assert page.ask("session.state.error") == ""
