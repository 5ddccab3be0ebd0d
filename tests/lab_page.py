"""A notebook in a browser and the kernel behind it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from jupyter_client import BlockingKernelClient
from patience import PATIENCE_S

SETUP = """
import small_stack
from socwidgets.widgets.explorer import explore
from socwidgets.model.roi import *
stack = small_stack.stack(96, 128)
maps = small_stack.maps(stack)
explorer = explore(stack, maps, small_stack.references())
session = explorer.session
explorer
"""

#: anywidget gives a module two seconds to arrive, which a busy machine may need more than.
PATIENT = """(() => {
  const after = AbortSignal.timeout;
  AbortSignal.timeout = (ms) => after.call(AbortSignal, ms === 2000 ? 120_000 : ms);
})()"""

#: Keeps which requests the page has heard the kernel finish: all messages before have arrived then.
LISTEN = """() => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  if (window.socwKernel === kernel) return;
  [window.socwKernel, window.socwHeard] = [kernel, new Set()];
  kernel.iopubMessage.connect((_, { header, content, parent_header }) => {
    if (header.msg_type === 'status' && content.execution_state === 'idle')
      window.socwHeard.add(parent_header.msg_id);
  });
}"""


class LabPage:
    """One open notebook with an explorer, its kernel, and what a person does with both."""

    def __init__(
        self, lab: Any, browser: Any, name: str, width: int = 1400, begin: str = PATIENT
    ) -> None:
        self.lab, self.name = lab, name
        self.context = browser.new_context(viewport={"width": width, "height": 1250})
        self.context.set_default_timeout(1000 * PATIENCE_S)
        self.context.add_init_script(begin)
        self.page = self.context.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(f"{lab.url}/lab/tree/{name}?reset")
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        self.page.wait_for_function("window.jupyterapp !== undefined")
        # Running cells before the kernel is there would ask which kernel to take.
        self.page.wait_for_function(
            "window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel"
            "?.connectionStatus === 'connected'"
        )
        self.page.wait_for_function(
            "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'"
        )
        # Room for the notebook: no side bar.
        self.page.evaluate("window.jupyterapp.shell.collapseLeft()")
        self.client: BlockingKernelClient | None = None

    def run_all(self) -> None:
        """Run all cells and wait for the explorer to be drawn."""
        # Not awaited: the promise would wait for the kernel without a limit.
        self.page.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")
        self.page.wait_for_selector(".socwidgets-explorer canvas")
        self.page.wait_for_selector(".socwidgets-spectrum .bqplot path.line")
        self.connect()
        self.wait_for("session.state is not None")

    def connect(self) -> None:
        """Connect to the notebook's own kernel, beside the browser."""
        sessions = [s for s in self.lab.api("sessions") if s["path"] == self.name]
        kernel = sessions[0]["kernel"]["id"]
        found = list(self.lab.folder.rglob(f"kernel-{kernel}.json"))
        self.client = BlockingKernelClient(connection_file=str(found[0]))
        self.client.load_connection_file()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=PATIENCE_S)

    def ask(self, expression: str, timeout: float = PATIENCE_S) -> Any:
        """Value of an expression in the kernel, by way of JSON."""
        assert self.client is not None
        wrapped = {"value": f"__import__('json').dumps({expression}, default=str)"}
        reply = self.client.execute(
            "", user_expressions=wrapped, reply=True, timeout=timeout, store_history=False
        )
        answer = reply["content"]["user_expressions"]["value"]
        assert answer["status"] == "ok", answer
        return json.loads(eval(answer["data"]["text/plain"]))

    def tell(self, code: str, timeout: float = PATIENCE_S) -> None:
        """Run code in the kernel, wait for it, and for the page to hear of what it changed."""
        assert self.client is not None
        self.page.evaluate(LISTEN)
        reply = self.client.execute(code, reply=True, timeout=timeout, store_history=False)
        assert reply["content"]["status"] == "ok", reply["content"]
        said = reply["parent_header"]["msg_id"]
        self.page.wait_for_function("said => window.socwHeard.has(said)", arg=said)

    def wait_for(self, expression: str) -> Any:
        """Wait until an expression is true in the kernel; returns its value."""
        end = time.monotonic() + PATIENCE_S
        while True:
            value = self.ask(expression)
            if value:
                return value
            state = "session.state.error if 'session' in globals() else ''"
            assert time.monotonic() < end, f"{expression} stays {value!r}; error: {self.ask(state)}"
            time.sleep(0.05)

    def wait(self, condition: Callable[[], Any]) -> Any:
        """Wait until a condition of the page holds."""
        end = time.monotonic() + PATIENCE_S
        while not (value := condition()):
            assert time.monotonic() < end, "the page did not get there"
            self.page.wait_for_timeout(50)
        return value

    # -- the map -------------------------------------------------------------------------------

    def tool(self, name: str, index: int = 0) -> None:
        """Press the button of a tool of a map of the page."""
        self.page.locator(".socw-map").nth(index).locator(f"button[data-tool={name}]").click()

    def drag(self, *points: tuple[float, float], steps: int = 4) -> None:
        """Press at the first of some screen points, move through the others, let go."""
        mouse = self.page.mouse
        mouse.move(*points[0])
        mouse.down()
        for point in points[1:]:
            mouse.move(*point, steps=steps)
        mouse.up()

    def at(self, x: float, y: float, index: int = 0) -> tuple[float, float]:
        """Screen position of a point, given in um, of a map of the page."""
        canvas = self.page.locator(".socw-map").nth(index).locator("canvas").first
        box = canvas.bounding_box()
        left, top, width, height = map(float, canvas.get_attribute("data-port").split())
        x0, y0, x1, y1 = map(float, canvas.get_attribute("data-extent").split())
        return (
            box["x"] + left + (x - x0) / (x1 - x0) * width,
            box["y"] + top + (y - y0) / (y1 - y0) * height,
        )

    def map_label(self) -> str:
        """What a screen reader says about the map."""
        return self.page.locator(".socw-map canvas").first.get_attribute("aria-label") or ""

    def wait_painted(self) -> None:
        """Wait until the map has drawn what the kernel last sent."""
        self.tell("pass")
        root = self.page.locator(".socw-map").first
        before = None
        while (now := root.get_attribute("data-painted")) != before:
            before = now
            self.page.wait_for_timeout(150)

    # -- the workflow --------------------------------------------------------------------------

    def step(self, title: str) -> Any:
        """Press the button of a step of the workflow; its panel, which comes in its own time."""
        self.page.locator(".socwidgets-steps button", has_text=title).click()
        # The panel of the step before is seen until then, and has buttons of the same names.
        heading = self.page.locator(".socwidgets-title", has_text=title)
        panel = self.page.locator(".socwidgets-panel .socwidgets-step:visible", has=heading)
        panel.wait_for()
        return panel

    # -- the page ------------------------------------------------------------------------------

    def send(self, code: str) -> None:
        """Run code in the kernel without waiting for it."""
        assert self.client is not None
        self.client.execute(code, store_history=False)

    def text(self, selector: str) -> str:
        """Text of the first element that matches."""
        return self.page.locator(selector).first.inner_text()

    def digits(self, selector: str) -> str:
        """Digits of the text of an element, without the spaces that group them."""
        return "".join(self.text(selector).split())

    def cell_count(self) -> int:
        """Number of cells of the notebook."""
        return self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.content.widgets.length"
        )

    def spills(self) -> int:
        """By how many pixels the explorer is wider than its place."""
        return self.page.evaluate(
            "() => { const e = document.querySelector('.socwidgets-explorer');"
            "return e.scrollWidth - e.clientWidth; }"
        )

    def wait_until_busy(self) -> None:
        """Wait until the page knows that the kernel is at work."""
        kernel = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
        self.page.wait_for_function(f"{kernel}.status === 'busy'")

    def theme(self, name: str) -> None:
        """Change JupyterLab's theme."""
        self.page.evaluate(
            "name => void window.jupyterapp.commands.execute('apputils:change-theme', "
            "{theme: name})",
            name,
        )
        dark = str(name != "JupyterLab Dark").lower()
        self.page.wait_for_selector(f"body[data-jp-theme-light={dark}]", state="attached")
        self.page.wait_for_timeout(800)

    def shot(self, folder: Any, name: str) -> None:
        """Keep a picture of the explorer, to be looked at."""
        self.page.wait_for_timeout(250)
        self.page.locator(".socwidgets-explorer").first.screenshot(path=folder / name)

    def end(self) -> None:
        """Leave, and end the kernel."""
        if self.client is not None:
            self.client.shutdown()
        self.close()

    def close(self) -> None:
        """Leave; the kernel goes on until the server ends."""
        if self.client is not None:
            self.client.stop_channels()
        self.context.close()
