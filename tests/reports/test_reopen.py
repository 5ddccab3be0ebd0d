"""From a report back to the screen: the same stack, map and regions."""

import json

import numpy as np
import pytest

from socwidgets.io import open_bundle, save_bundle
from socwidgets.model.errors import ParameterError, ReadError, SocwidgetsError
from socwidgets.phantoms import lfp_ensemble, simulate_stxm
from socwidgets.reports.parameters import SocMapReport
from socwidgets.reports.scan import map_scan, read_rois
from socwidgets.session.workflow.report_inputs import view_parameters
from socwidgets.widgets import reopen
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


def test_bare_parameters_open_the_same_state(phantom_report, tmp_path):
    """Without the bundle the steps are done anew, with the defaults of the report."""
    folder = phantom_report.paths["html"].parent
    path = tmp_path / "params.yaml"
    said = {
        "stack": "phantom:lfp", "rois": str(folder.parent / "rois.json"), "seed": "3",
        "color_limits": "0.1, 0.9", "energy_shown": 709.1, "title": "of no concern here",
    }  # fmt: skip
    path.write_text(json.dumps(said))  # JSON is YAML
    explorer = explore_report(path)
    try:
        session = explorer.session
        maps = open_bundle(phantom_report.paths["bundle"])["soc"].to_dataset()
        for name in ("soc", "soc_std", "status", "r_factor"):
            np.testing.assert_array_equal(session.state.maps[name], maps[name])
        assert [roi.name for roi in session.state.rois] == ["mine"]
        assert session.displayed_limits() == (0.1, 0.9)
        assert abs(float(session.energies[session.state.energy_index]) - 709.1) < 0.11
        assert session.roi_fit("mine") is not None
    finally:
        explorer.close()


def test_a_report_without_its_bundle_is_opened_by_its_parameters(
    phantom_report, tmp_path, monkeypatch
):
    results = phantom_report.paths["json"].read_text(encoding="utf-8")
    (tmp_path / "results.json").write_text(results, encoding="utf-8")
    asked = []

    def stop(parameters):
        asked.append(parameters)
        raise ReadError("far enough")

    monkeypatch.setattr(reopen, "shown_by", stop)
    for path in (tmp_path, tmp_path / "results.json"):
        with pytest.raises(ReadError, match="far enough"):
            explore_report(path)
    assert asked == [json.loads(results)["parameters"]] * 2


def test_parameters_of_a_measured_scan(tmp_path):
    """Flat field and references from files, a threshold for the fit, frames left in place."""
    phantom = lfp_ensemble(seed=3, size_px=64, n_particles=6)
    scan = simulate_stxm(phantom, seed=1, drift_px=0.0)
    save_bundle(tmp_path / "scan.nc", stack=scan.drop_vars(["flat", "dark"]))
    flat = scan.flat.mean("flat_frame").astype(np.float32)
    flats = scan.drop_vars(["flat", "dark", "signal"]).assign(signal=flat)
    save_bundle(tmp_path / "flat.nc", stack=flats)
    save_bundle(tmp_path / "references.nc", references=phantom.references)
    said = {
        "stack": "scan.nc", "flat": "flat.nc", "references": "references.nc",
        "registration": "off", "r_max": 0.05, "min_jump": 0.1, "i0_offset": "none",
    }  # fmt: skip
    said = {k: str(tmp_path / v) if str(v).endswith(".nc") else v for k, v in said.items()}
    (tmp_path / "params.yaml").write_text(json.dumps(said))
    expected = map_scan(SocMapReport(**said, draws=100)).maps
    explorer = explore_report(tmp_path / "params.yaml")
    try:
        np.testing.assert_array_equal(explorer.session.state.maps["soc"], expected["soc"])
    finally:
        explorer.close()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stacks: a.h5;b.h5", "name no stack to explore"),
        ("stack: missing.h5", "missing.h5"),
        ("- 1", "holds no parameters"),
        ("stack: phantom:lfp\nr_max: much", "r_max"),
        ("stack: phantom:nothing", "no phantom 'nothing'"),
        ("stack: phantom:lfp\nregistraton: off", "did you mean 'registration'"),
    ],
)
def test_parameters_that_open_nothing(tmp_path, text, said):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(SocwidgetsError, match=said):
        explore_report(tmp_path / "params.yaml")


def test_what_is_no_report_is_refused(tmp_path):
    with pytest.raises(ReadError, match="holds no report"):
        explore_report(tmp_path)
    (tmp_path / "results.json").write_text('{"report": "soc_map", "parameters": {}}')
    with pytest.raises(ParameterError, match="name no stack"):
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
