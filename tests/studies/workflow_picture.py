"""The picture of the workflow in docs/widgets.md, from a phantom in a real JupyterLab.

``python tests/studies/workflow_picture.py`` writes docs/images/workflow.png.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from lab_page import LabPage  # noqa: E402
from lab_server import lab_and_browser  # noqa: E402

CELL = """
from socwidgets.phantoms.ensemble import lfp_ensemble
from socwidgets.phantoms.instrument import simulate_stxm
from socwidgets.widgets.workflow_view import workflow
phantom = lfp_ensemble(seed=3)
view = workflow(simulate_stxm(phantom, seed=3), phantom.references)
flow = view.flow
view
"""
STEPS = ("optical_density", "registration", "pixels", "method", "calibration", "segmentation")


def main() -> None:
    """Do the steps, show the last panel beside the explorer, and take the picture."""
    with lab_and_browser() as (lab, browser):
        lab.write_notebook("picture.ipynb", CELL)
        page = LabPage(lab, browser, "picture.ipynb", width=1380)
        page.page.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")
        page.page.wait_for_selector(".socwidgets-workflow canvas.socw-canvas", timeout=120_000)
        page.connect()
        for name in STEPS:
            page.tell(f"view.show({name!r}); view.panels[{name!r}].run().wait(120)", 150)
        page.tell("view.view.value = 'Explorer'")
        page.wait_painted()
        page.page.wait_for_timeout(1500)
        page.page.locator(".socwidgets-workflow").screenshot(
            path=ROOT / "docs" / "images" / "workflow.png"
        )
        print(page.ask("flow.session.state.error + view.error_bar.text"), page.errors)
        page.end()


if __name__ == "__main__":
    main()
