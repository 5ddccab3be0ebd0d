import dataclasses

import papermill
import pytest

from socwidgets.model.errors import ParameterError
from socwidgets.reports import copy_template, list_templates, template_parameters
from socwidgets.reports.inputs import absolute_paths
from socwidgets.reports.parameters import SocMapReport, parameters_cell
from socwidgets.reports.registry import get_template, load_template


@pytest.mark.parametrize("name", list(list_templates()))
def test_the_parameters_cell_is_the_dataclass(name):
    cells = [c for c in load_template(name).cells if "parameters" in c.metadata.get("tags", [])]
    assert len(cells) == 1
    assert cells[0].source == parameters_cell(get_template(name).parameters)


@pytest.mark.parametrize("name", list(list_templates()))
def test_papermill_reads_names_types_and_defaults_from_the_template(name, tmp_path):
    path = copy_template(name, tmp_path)
    seen = papermill.inspect_notebook(path)
    expected = template_parameters(name)
    assert list(seen) == list(expected)
    for key, spec in expected.items():
        assert seen[key]["inferred_type_name"] == spec["type"]
        assert seen[key]["default"] == repr(spec["default"])
        assert seen[key]["help"].startswith(spec["help"][:40])


def test_text_is_accepted_for_every_value():
    texts = {
        "draws": "250", "min_jump": "0.02", "pre": "700, 705", "projection": "false",
        "charged": "", "r_max": "", "energy_low": "701.5",
    }  # fmt: skip
    p = SocMapReport.from_mapping(texts)
    assert (p.draws, p.min_jump, p.pre, p.projection) == (250, 0.02, (700.0, 705.0), False)
    assert (p.charged, p.r_max, p.energy_low) == (None, None, 701.5)


def test_defaults_of_the_dataclass_are_of_their_own_types():
    p = SocMapReport()
    for spec in dataclasses.fields(p):
        assert getattr(p, spec.name) == spec.default


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"stak": "x"}, "did you mean stak -> stack"),
        ({"draws": "many"}, "a whole number"),
        ({"draws": 5}, "100 to 100000"),
        ({"constraint": "non-negative"}, "did you mean 'non_negative'"),
        ({"energy_low": 730, "energy_high": 700}, "fit range is empty"),
        ({"pre": "705,700"}, "window pre is empty"),
        ({"color_limits": "1,0"}, "color scale is empty"),
        ({"stack": " "}, "no stack"),
        ({"stack": "scan.hdr"}, "no reference spectra"),
    ],
)
def test_wrong_parameters_say_what_is_wrong(values, said):
    with pytest.raises(ParameterError, match=said):
        SocMapReport.from_mapping(values)


def test_file_names_become_absolute_and_names_of_references_stay(tmp_path):
    (tmp_path / "a,b.t").touch()
    p = SocMapReport(stack="scan.hdr", references="Fe(II)=refs/r.t, refs/o.t::2", flat="f.tif")
    moved = absolute_paths(p, tmp_path)
    assert moved.stack == str(tmp_path / "scan.hdr")
    assert moved.flat == str(tmp_path / "f.tif")
    assert moved.dark is None
    assert moved.references == f"Fe(II)={tmp_path}/refs/r.t,{tmp_path}/refs/o.t::2"
    whole = absolute_paths(SocMapReport(stack="/s.hdr", references="a,b.t"), tmp_path)
    assert whole.references == str(tmp_path / "a,b.t")
    assert whole.stack == "/s.hdr"
    assert absolute_paths(SocMapReport(), tmp_path) == SocMapReport()


def test_unknown_templates_are_named():
    with pytest.raises(ParameterError, match="did you mean 'soc_map'"):
        template_parameters("socmap")


def test_a_copy_holds_its_parameters_and_is_not_overwritten(tmp_path):
    from socwidgets.model.errors import OutputError

    path = copy_template("soc_map", tmp_path / "mine.ipynb", {"draws": "300", "pre": "700,705"})
    namespace = {}
    for cell in load_template("soc_map").cells[:2]:
        if cell.cell_type == "code":
            exec(cell.source, namespace)
    import nbformat

    injected = [
        c for c in nbformat.read(path, 4).cells
        if "injected-parameters" in c.metadata.get("tags", [])
    ]  # fmt: skip
    exec(injected[0].source, namespace)
    assert SocMapReport.collect(namespace) == SocMapReport(draws=300, pre=(700.0, 705.0))
    with pytest.raises(OutputError, match="exists"):
        copy_template("soc_map", path)
    with pytest.raises(ParameterError, match="unknown parameter"):
        copy_template("soc_map", tmp_path / "other.ipynb", {"drawz": 3})
    assert not (tmp_path / "other.ipynb").exists()
