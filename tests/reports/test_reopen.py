"""From a report back to the screen: the same stack, map and regions."""

import numpy as np
import pytest

from socwidgets.io import open_bundle
from socwidgets.model.errors import ParameterError, ReadError
from socwidgets.reports.parameters import SocMapReport
from socwidgets.reports.scan import read_rois
from socwidgets.session.workflow.report import view_parameters
from socwidgets.widgets.reopen import explore_report


def test_the_explorer_shows_what_the_report_shows(phantom_report):
    folder = phantom_report.paths["html"].parent
    explorer = explore_report(folder)
    try:
        state = explorer.session.state
        (roi,) = state.rois
        assert (roi.name, roi.shape.x0, roi.shape.y1) == ("mine", 1.0, 3.5)
        maps = open_bundle(phantom_report.paths["bundle"])["soc"].to_dataset()
        np.testing.assert_array_equal(state.maps["soc"], maps["soc"])
        assert state.map_name == "soc"
        assert explorer.session.displayed_limits() == (0.1, 0.9)
        energies = explorer.session.energies.values
        nearest = energies[np.abs(energies - 709.1).argmin()]
        assert energies[state.energy_index] == nearest
        # And back: the next report from this screen gets the same view.
        view = view_parameters(state, ["color_limits", "energy_shown"])
        assert view == {"color_limits": [0.1, 0.9], "energy_shown": nearest}
        assert view_parameters(state, ["draws"]) == {}
        assert explorer.session.roi_fit("mine") is not None  # references came along
        inside = explorer.session.roi_statistics("mine")
    finally:
        explorer.close()
    page = phantom_report.paths["html"].read_text(encoding="utf-8")
    assert f"{inside.used}</td>" in page  # the same pixels as in the table of the report
    assert 'id="regions"' in page


def test_what_is_no_report_is_refused(tmp_path):
    with pytest.raises(ReadError, match="holds no report"):
        explore_report(tmp_path)
    (tmp_path / "results.json").write_text('{"report": "soc_map", "parameters": {}}')
    with pytest.raises(ReadError, match="has no bundle"):
        explore_report(tmp_path / "results.json")


@pytest.mark.parametrize(
    ("text", "said"),
    [("[1]", "no list"), ("{", "no JSON"), ('[{"type": "star"}]', "unknown type")],
)
def test_wrong_regions_are_refused(text, said):
    with pytest.raises(ParameterError, match=said):
        read_rois(SocMapReport(rois=text))


def test_regions_may_be_text(tmp_path):
    text = '{"rois": [{"name": "a", "type": "ellipse", "cx": 1, "cy": 1, "rx": 1, "ry": 2}]}'
    assert read_rois(SocMapReport(rois=text))[0].name == "a"
    assert read_rois(SocMapReport()) == []
