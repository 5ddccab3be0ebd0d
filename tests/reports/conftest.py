import json

import pytest

# pytest puts the folder of tests/conftest.py on the path.
from browser import artifacts, chromium_browser  # noqa: F401

from socwidgets.reports import run_report


@pytest.fixture(scope="session")
def phantom_report(tmp_path_factory):
    """The report on the phantom, made once, in a folder whose name papermill would trip over."""
    folder = tmp_path_factory.mktemp("reports") / "out {stack} {0}"
    roi = {"name": "mine", "type": "rectangle", "x0": 1.0, "y0": 1.0, "x1": 3.0, "y1": 3.5}
    (folder.parent / "rois.json").write_text(json.dumps([roi]))
    parameters = {
        "rois": str(folder.parent / "rois.json"),
        "title": "A <b>title</b> & more",
        "draws": "200",
        "charge_soc": "0.5",
        "color_limits": "0.1, 0.9",
        "energy_shown": "709.1",
        "seed": "3",
    }
    formats = ("html", "json", "executed", "bundle", "notebook", "figures")
    return run_report("soc_map", parameters, folder, to=formats)
