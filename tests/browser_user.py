"""A user with a real mouse and keyboard in a real JupyterLab, who does anything at random."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from lab_page import LabPage
from patience import PATIENCE_S
from playwright.sync_api import Error

TOOLS = ("rectangle", "ellipse", "lasso", "polygon", "wand", "brush", "eraser", "line", "point",
         "pan")  # fmt: skip
KEYS = ("Delete", "Escape", "Enter", "ArrowLeft", "ArrowRight", "Shift+ArrowUp", "Control+z",
        "Control+Shift+Z", "b", "a", "d", "x", "+", "0")  # fmt: skip

#: Remembers what came before each cell that is added: the last events of mouse and keyboard, where
#: they went, and whether that was inside a widget of ours.
WATCH = """() => {
  const inside = (e) => !!e.target?.closest?.('.socwidgets-explorer, .socw-map');
  const words = (e) => `${e.type} ${e.key ?? `${e.clientX},${e.clientY}`} on ` +
    `${e.target?.tagName}.${e.target?.className?.baseVal ?? e.target?.className}`;
  const last = [];
  window.socwAdded = [];
  window.socwOutside = [];
  // A drag of selected words takes the mouse away from the page, and from this user for good.
  window.addEventListener('dragstart', (e) => e.preventDefault(), true);
  for (const type of ['mousedown', 'mouseup', 'click', 'dblclick', 'keydown'])
    window.addEventListener(type, (e) => {
      last.push({ inside: inside(e), words: words(e), key: type === 'keydown' });
      if (last.length > 4) last.shift();
      if (type === 'mousedown' && !inside(e)) window.socwOutside.push(words(e));
    }, true);
  const cells = window.jupyterapp.shell.currentWidget.content.model.cells;
  cells.changed.connect((_, change) => {
    if (change.type === 'add') window.socwAdded.push([...last]);
  });
}"""

#: Regions that views show, as the kernel knows them and as the page draws them.
SHOWN = """(lambda rois: [
    [r.name for r in rois],
    [row.name.value for row in explorer.rois.rows],
    sorted(explorer.spectrum._traces),
    len(explorer.histogram._outlines)])(session.state.rois)"""


#: A click that the kernel hears of meanwhile may have deleted them already.
KEEP_FOUR = """
from socwidgets.model.errors import ParameterError
for roi in session.state.rois[4:]:
    try:
        session.delete_roi(roi.name)
    except ParameterError:
        assert roi.name not in [other.name for other in session.state.rois]
"""


class BrowserUser:
    """Acts on the explorer of a notebook.

    Parameters
    ----------
    page : LabPage
        With an explorer of `small_stack.stack(96, 128)`, called `explorer`.
    seed : int
        Of the choice of actions.
    """

    def __init__(self, page: LabPage, seed: int) -> None:
        self.page, self.random = page, random.Random(seed)
        self.count = self.missed = 0
        page.page.evaluate(WATCH)
        page.tell(
            "import logging\n"
            "class Kept(logging.Handler):\n"
            "    def emit(self, record):\n"
            "        from socwidgets.model.errors import SocwidgetsError\n"
            "        error = record.exc_info[1] if record.exc_info else None\n"
            "        if not isinstance(error, SocwidgetsError): kept.append(self.format(record))\n"
            "kept = []\n"
            "logging.getLogger('socwidgets').addHandler(Kept(logging.ERROR))\n"
        )

    # -- actions -------------------------------------------------------------------------------

    def _place(self) -> tuple[float, float]:
        """On the part of the map that is in sight: one in um would lie beside a zoomed map."""
        canvas = self.page.page.locator(".socw-map canvas.socw-canvas").first
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        left, top, width, height = map(float, canvas.get_attribute("data-port").split())
        across, down = (self.random.uniform(0.01, 0.99) for _ in range(2))
        return box["x"] + left + across * width, box["y"] + top + down * height

    def _draw(self) -> None:
        self.page.tool(self.random.choice(TOOLS))
        places = [self._place() for _ in range(self.random.randint(2, 5))]
        self.page.drag(*places, steps=self.random.randint(1, 6))

    def _click(self) -> None:
        self.page.page.mouse.click(*self._place())

    def _key(self) -> None:
        self.page.page.locator(".socw-map canvas.socw-canvas").first.focus()
        self.page.page.keyboard.press(self.random.choice(KEYS))

    def _press(self, selector: str, words: str) -> None:
        button = self.page.page.locator(f"{selector} button", has_text=words).first
        if button.is_enabled():
            button.click()

    def _drag_in(self, selector: str) -> None:
        plot = self.page.page.locator(selector).first
        # Below the screen the mouse would meet the foot of the notebook, which adds a cell.
        plot.scroll_into_view_if_needed()
        box = plot.bounding_box()
        if box is None:
            return
        y = box["y"] + self.random.uniform(0.3, 0.7) * box["height"]
        start, end = (box["x"] + self.random.uniform(0, 1) * box["width"] for _ in range(2))
        self.page.drag((start, y), (end, y), steps=4)

    def _handle(self) -> None:
        dots = self.page.page.locator(".socwidgets-spectrum .bqplot").first.locator(".dot")
        count = dots.count()
        if not count:
            return
        dot = dots.nth(self.random.randrange(count))
        dot.scroll_into_view_if_needed()
        box = dot.bounding_box()
        # A handle of a window that reaches beyond the axis lies beside the plot.
        width = self.page.page.viewport_size["width"]
        if box is not None and 0 < box["x"] < width - 20:
            at = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
            to = at[0] + self.random.uniform(-150, 150), at[1]
            self.page.drag(at, to, steps=5)

    def _choose(self, selector: str) -> None:
        select = self.page.page.locator(f"{selector}:visible")
        select = select.nth(self.random.randrange(max(select.count(), 1)))
        options = select.locator("option")
        if select.is_enabled() and options.count():
            select.select_option(index=self.random.randrange(options.count()))

    def _row(self) -> None:
        rows = self.page.page.locator(".socwidgets-roi button")
        # Counted once: the kernel may take rows away meanwhile.
        if count := rows.count():
            rows.nth(self.random.randrange(count)).click()

    def _busy(self) -> None:
        """A cell keeps the kernel's main thread busy while the next actions come."""
        self.page.send("import time\nend = time.time() + 0.7\nwhile time.time() < end: pass")

    def actions(self) -> list[tuple[int, Callable[[], Any]]]:
        """What can be done, with how often."""
        plot = ".socwidgets-histogram .bqplot .plotarea_events"
        return [
            (18, self._draw),
            (6, self._click),
            (12, self._key),
            (6, lambda: self._drag_in(plot)),
            (4, self._handle),
            (4, lambda: self._choose(".socwidgets-controls select")),
            (2, lambda: self._choose(".socwidgets-jobs select")),
            (4, self._row),
            (4, lambda: self._press(".socwidgets-jobs", "Fit all pixels")),
            (4, lambda: self._press(".socwidgets-jobs", "Cancel")),
            (2, lambda: self._press(".socwidgets-rois", "Ellipse")),
            (1, lambda: self._press(".socwidgets-rois", "Clear")),
            (2, lambda: self._press(".socwidgets-histogram", "ROI from range")),
            (2, lambda: self._press(".socwidgets-histogram", "Noise")),
            (2, lambda: self._press(".socwidgets-spectrum", "References")),
            (2, lambda: self._press(".socwidgets-controls", "Frame")),
            (3, lambda: self._press(".socwidgets-controls", "Map")),
            (3, self._busy),
        ]

    def act(self, count: int) -> None:
        """Do so many things."""
        # A control that is really gone costs this much; one that is slow to come must not count.
        self.page.page.set_default_timeout(20_000)
        weighed = self.actions()
        weights = [w for w, _ in weighed]
        for _ in range(count):
            action = self.random.choices(weighed, weights)[0][1]
            try:
                action()
            except Error:
                # A control that went away under the hand: a new form, a deleted region.
                self.missed += 1
            self.count += 1
            # Regions without end would only make every action slower.
            if self.count % 40 == 0:
                self.page.tell(KEEP_FOUR)

    # -- what must hold ------------------------------------------------------------------------

    def problems(self) -> list[str]:
        """What is wrong now; nothing on a good day."""
        page = self.page
        page.page.keyboard.press("Escape")
        page.page.set_default_timeout(1000 * PATIENCE_S)
        page.tell(f"job = session.jobs.latest('fit')\nif job is not None: job.wait({PATIENCE_S})")
        page.page.wait_for_timeout(600)
        page.tell("session.end_preview(); session.set_draft(None)")
        found = list(page.errors) + page.ask("kept")
        end = time.monotonic() + 20.0
        while True:
            names, rows, traces, outlines = page.ask(SHOWN)
            shown = rows == names and traces == sorted(names) and outlines == len(names)
            # What the mouse did last may still be on its way through another thread.
            if shown or time.monotonic() > end:
                break
            page.page.wait_for_timeout(200)
        if not shown:
            found.append(f"views show {rows}, {traces}, {outlines} of {names}")
        if self.missed > max(3, self.count // 20):
            found.append(f"{self.missed} of {self.count} actions found no control")
        for events in page.page.evaluate("() => window.socwAdded.splice(0)"):
            found.append(f"a cell was added after {events}")
        for events in page.page.evaluate("() => window.socwOutside.splice(0)"):
            found.append(f"the mouse left the explorer: {events}")
        # Every view of the page answers.
        page.tell("session.clear_error(); session.clear_rois(); session.set_method('lcf')")
        page.tell(f"session.start_fit().wait({PATIENCE_S}); session.show_map()")
        page.tell("session.add_roi(Rectangle(1, 1, 2, 2), 'last')")
        try:
            page.page.locator(".socwidgets-legend").get_by_text("last (").wait_for()
            page.page.locator(".socwidgets-roi").first.wait_for()
            page.wait_painted()
        except Exception as error:
            found.append(f"a view is dead: {error}")
        return found
