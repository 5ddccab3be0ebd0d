"""Contrast, names and the keyboard, as the browser computes them, in both themes."""

from __future__ import annotations

import pytest
from lab_page import SETUP, LabPage

pytestmark = [pytest.mark.browser, pytest.mark.slow]

#: Words that are seen, with the color of their letters and of the ground below them.
COLORS = """() => {
  const solid = (c) => { const m = c.match(/[\\d.]+/g).map(Number); return m; };
  const over = (top, under) => {
    const a = top.length > 3 ? top[3] : 1;
    return [0, 1, 2].map((i) => a * top[i] + (1 - a) * under[i]);
  };
  const parse = (c) => {
    // color-mix and the like come as "color(srgb r g b / a)".
    const m = c.match(/color\\(srgb ([\\d.e-]+) ([\\d.e-]+) ([\\d.e-]+)(?: \\/ ([\\d.]+))?/);
    return m ? [255 * m[1], 255 * m[2], 255 * m[3], m[4] === undefined ? 1 : +m[4]] : solid(c);
  };
  const ground = (e) => {
    const layers = [];
    for (let at = e; at; at = at.parentElement)
      layers.push(parse(getComputedStyle(at).backgroundColor));
    let color = [255, 255, 255];
    for (const layer of layers.reverse()) color = over(layer, color);
    return color;
  };
  const root = document.querySelector('.socwidgets-explorer'), found = [];
  const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const words = walk.currentNode.textContent.trim(), e = walk.currentNode.parentElement;
    if (!words || e.closest('style, script, option, .socw-sr')) continue;
    const box = e.getBoundingClientRect(), style = getComputedStyle(e);
    if (!box.width || !box.height || style.visibility === 'hidden') continue;
    // WCAG asks nothing of controls that are not active.
    if (e.closest('[disabled], .mod-disabled, [aria-disabled=true]')) continue;
    const ink = e instanceof SVGElement ? style.fill : style.color;
    if (ink === 'none') continue;
    let alpha = 1;
    for (let at = e; at && at !== root.parentElement; at = at.parentElement)
      alpha *= +getComputedStyle(at).opacity;
    const under = ground(e), letters = parse(ink);
    letters[3] = (letters.length > 3 ? letters[3] : 1) * alpha;
    found.push([words.slice(0, 40), over(letters, under), under, parseFloat(style.fontSize)]);
  }
  return found;
}"""


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


def luminance(color):
    linear = [
        c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4
        for c in (part / 255 for part in color)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_all_words_can_be_read(page, theme):
    """WCAG 2.1 AA, 1.4.3: 4.5 to 1, 3 to 1 for large letters."""
    page.theme(theme)
    page.tell("session.show_error('An error to be read.')")
    page.page.locator(".socwidgets-error [role=alert]").get_by_text("An error").wait_for()
    found = page.page.evaluate(COLORS)
    page.tell("session.clear_error()")
    page.theme("JupyterLab Light")
    assert len(found) > 60
    faint = sorted(
        (round(contrast(ink, ground), 2), words)
        for words, ink, ground, size in found
        if contrast(ink, ground) < (3.0 if size >= 24 else 4.5)
    )
    assert faint == []


def test_every_control_has_a_name_and_a_place_in_the_order(page):
    """By the accessibility tree that a screen reader gets."""
    page.page.wait_for_timeout(600)
    probe = page.context.new_cdp_session(page.page)
    document = probe.send("DOM.getDocument")["root"]["nodeId"]
    root = probe.send(
        "DOM.querySelector", {"nodeId": document, "selector": ".socwidgets-explorer"}
    )["nodeId"]
    tree = probe.send("Accessibility.queryAXTree", {"nodeId": root})["nodes"]
    roles = ("button", "combobox", "textbox", "spinbutton", "slider", "checkbox", "application")
    controls = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in tree
        if not node.get("ignored") and node.get("role", {}).get("value") in roles
    ]
    assert len(controls) > 40
    assert [role for role, name in controls if not name.strip()] == []


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
        part = next((word for word in place[0].split() if word.startswith("socwidgets-")), "")
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
        ".socwidgets-histogram .noUi-handle",
    )  # fmt: skip
    for selector in places:
        page.page.locator(selector).first.focus()
        for key in ("d", "d", "b", "a", "x"):
            page.page.keyboard.press(key)
    page.page.wait_for_timeout(200)
    assert page.cell_count() == 1
    assert page.ask("session.state.error") == ""
