"""Every template beside `soc_map` runs on a small phantom and says what was planted there."""

import json
import re
from importlib import resources

import jsonschema
import nbformat
import pytest

from socwidgets.model.errors import ParameterError
from socwidgets.reports import run_report
from socwidgets.reports.parameter_classes import CompareReport, ParticlesReport, SeriesReport
from socwidgets.reports.registry import get_template, list_templates, load_template
from socwidgets.reports.results import read_results, validate_results

#: Small enough for a few seconds: 9 particles of about 15 pixels across.
SMALL = "phantom:concurrent:size_px 72,n_particles 9,time {time}"
RUNS = {
    "series": {"stack": ";".join(SMALL.format(time=t) for t in (0.3, 0.6)), "coordinate": "3,6",
               "coordinate_name": "time", "coordinate_unit": "h"},
    "particles": {"stack": SMALL.format(time=0.5), "particles": "2,1", "rings": "4",
                  "temperature": "25 °C"},
    "pathway": {"stack": "phantom:particle_by_particle:size_px 96,n_particles 16"},
    "compare": {"stack": SMALL.format(time=0.4), "second": SMALL.format(time=0.6),
                "first_name": "fresh", "second_name": "aged"},
    "quality": {"stack": SMALL.format(time=0.5), "smallest_spread": "0.2"},
}  # fmt: skip
COMMON = {"draws": 100, "bundle": False, "figures": False}
SCHEMA = json.loads(
    (resources.files("socwidgets.reports") / "results.schema.json").read_text(encoding="utf-8")
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Reports by template, made when first asked for."""
    done = {}

    def make(name):
        if name not in done:
            out = tmp_path_factory.mktemp("templates") / name
            done[name] = run_report(name, {**COMMON, **RUNS[name]}, out)
        return done[name]

    return make


def test_every_template_is_run_here_or_by_the_report_on_the_phantom():
    assert set(RUNS) | {"soc_map"} == set(list_templates())


@pytest.mark.slow
@pytest.mark.parametrize("name", list(RUNS))
def test_a_template_ends_with_card_factors_warnings_and_provenance(made, name):
    done = made(name)
    results = read_results(done.paths["json"])
    assert results["report"] == name
    jsonschema.validate(results, SCHEMA)
    assert len(results["factors"]) == 8
    page = done.paths["html"].read_text(encoding="utf-8")
    assert results["verdict"].split(":")[0][:30] in page
    for section in ("headline", "warnings", "card", "factors", "inputs", "reproduce", "map"):
        assert f'id="{section}"' in page
    order = re.findall(r'<section id="([^"]+)"', page)
    assert order[:2] == ["headline", "warnings"]
    assert order[-4:] == ["card", "factors", "inputs", "reproduce"]
    assert "simulate_stxm" in page  # the provenance goes back to the instrument
    notebook = nbformat.read(done.paths["executed"], as_version=4)
    assert not any(
        output.output_type in ("error", "stream")
        for cell in notebook.cells
        for output in cell.get("outputs", [])
    )


@pytest.mark.slow
def test_the_series_finds_the_planted_step_and_follows_the_particles(made):
    results = made("series").results
    numbers = results["numbers"]
    # The phantom moves every particle by the same 0.3 (its own scale ends at 0.02 and 0.98).
    assert numbers["shift_1"]["value"] == pytest.approx(0.3, abs=0.015)
    assert numbers["p_1"]["value"] < 0.05
    assert {row["coordinate"] for row in results["particles"]} == {3.0, 6.0}
    seen = [row["label"] for row in results["particles"]]
    # The smallest of the nine is as small as a particle may be: noise decides whether it is one.
    assert sum(seen.count(label) == 2 for label in set(seen)) >= 8
    assert len(seen) == len({(row["label"], row["coordinate"]) for row in results["particles"]})
    assert set(results["inputs"]) >= {"stack_1", "stack_2", "references_1"}


@pytest.mark.slow
def test_the_comparison_says_that_two_states_differ(made):
    results = made("compare").results
    number = results["numbers"]["shift"]
    assert number["low"] < 0.2 < number["high"]
    assert results["numbers"]["p_value"]["value"] < 0.05
    assert "fresh and aged differ" in results["verdict"]


@pytest.mark.slow
def test_the_pathway_of_the_phantom_is_found(made):
    results = made("pathway").results
    kappa = results["numbers"]["kappa"]
    assert kappa["value"] > 0.8
    assert "one particle after the other" in results["verdict"] or "active" in results["verdict"]


@pytest.mark.slow
def test_the_particles_that_were_named_have_their_pages(made):
    done = made("particles")
    page = done.paths["html"].read_text(encoding="utf-8")
    assert page.index(">Particle 2</h2>") < page.index(">Particle 1</h2>")
    assert ">Particle 3</h2>" not in page
    assert [row["label"] for row in done.results["particles"]] == [2, 1]
    stated = {f["name"]: (f["value"], f["source"]) for f in done.results["factors"]}
    assert stated["temperature"] == ("25 °C", "parameter")
    assert stated["particle_size"][1] == "measured here"
    assert stated["porosity"] == ("", "not stated")


@pytest.mark.slow
def test_the_quality_report_refuses_a_claim_that_is_too_large(made):
    """The phantom's spread is 0.06 to 0.08: it supports no claim about a spread of 0.2."""
    results = made("quality").results
    assert "do not support" in results["verdict"]
    assert "spread" in results["verdict"]
    noise = {k: n["value"] for k, n in results["numbers"].items() if k.startswith("noise_")}
    assert noise["noise_odd_even"] == pytest.approx(noise["noise_propagated"], rel=0.15)


@pytest.mark.parametrize(
    ("cls", "values", "said"),
    [
        (SeriesReport, {"stack": "phantom:lfp"}, "two states or more"),
        (SeriesReport, {"coordinate": "1,2"}, "3 numbers"),
        (SeriesReport, {"coordinate": "1,b,3"}, "does not fit"),
        (ParticlesReport, {"particles": "one"}, "not numbers"),
        (CompareReport, {"second": " "}, "no second stack"),
    ],
)
def test_wrong_parameters_are_refused(cls, values, said):
    with pytest.raises(ParameterError, match=said):
        cls.from_mapping(values)


def test_the_schema_and_the_check_in_the_code_agree(phantom_report):
    good = phantom_report.results
    jsonschema.validate(good, SCHEMA)
    for key in good:
        broken = {k: v for k, v in good.items() if k != key}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, SCHEMA)
        with pytest.raises(Exception, match=f"{key} is missing"):
            validate_results(broken)
    assert get_template("series").parameters is SeriesReport


@pytest.mark.parametrize("name", list(list_templates()))
def test_cells_of_a_template_only_call_functions(name):
    """No arithmetic, no loop but over pages: numbers are made in functions that are tested."""
    import ast

    for cell in load_template(name).cells:
        if cell.cell_type != "code" or "parameters" in cell.metadata.get("tags", []):
            continue
        for node in ast.walk(ast.parse(cell.source)):
            assert not isinstance(node, (ast.BinOp, ast.FunctionDef, ast.Lambda, ast.While))
