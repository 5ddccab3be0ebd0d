import json
import os

import nbformat
import pytest

from socwidgets.model.errors import OutputError, ParameterError, ReadError, ReportError
from socwidgets.reports import render_report, run_report
from socwidgets.reports.parameters import SocMapReport
from socwidgets.reports.results import read_results

GOOD = {"bundle": False, "draws": 100}


def failing_template(monkeypatch, source):
    """Put a failing cell after the data were opened."""
    from socwidgets.reports import run

    original = run.load_template

    def changed(name):
        notebook = original(name)
        notebook.cells.insert(3, nbformat.v4.new_code_cell(source))
        return notebook

    monkeypatch.setattr(run, "load_template", changed)


def leftovers(folder):
    return sorted(path.name for path in folder.iterdir())


def test_everything_is_there_and_the_truth_is_recovered(phantom_report):
    names = {"html", "json", "executed", "bundle", "notebook", "figures"}
    assert set(phantom_report.paths) == names
    assert all(path.exists() for path in phantom_report.paths.values())
    folder = phantom_report.paths["html"].parent
    # Beside them the mark of the folder's origin, and the small picture for index pages.
    assert len(leftovers(folder)) == len(names) + 2
    values = {
        k: n["value"] for k, n in read_results(phantom_report.paths["json"])["numbers"].items()
    }
    assert abs(values["truth_bias"]) < 0.01
    assert values["truth_ratio"] < 1.3
    assert 0.9 < values["truth_pull_sd"] < 1.1


def test_results_are_those_returned_and_hold_the_record(phantom_report):
    values = read_results(phantom_report.paths["json"])
    assert values == phantom_report.results
    assert values["title"] == "A <b>title</b> & more"
    assert values["parameters"]["draws"] == 200
    assert set(values["parameters"]) == set(SocMapReport().to_dict())
    assert values["inputs"]["stack"]["sha256"]
    functions = [step["function"] for step in values["provenance"]]
    assert functions[0] == "socwidgets.phantoms.simulate_stxm"
    assert functions[-1] == "socwidgets.soc_map"
    assert sum(values["status"].values()) == 160 * 160
    assert values["numbers"]["n_particles"]["value"] == len(values["particles"])
    assert any("simulated" in text for text in values["warnings"])


def test_the_bundle_holds_the_maps_that_the_numbers_are_of(phantom_report):
    from socwidgets.heterogeneity.card import heterogeneity_card
    from socwidgets.io import open_bundle

    tree = open_bundle(phantom_report.paths["bundle"])
    card = heterogeneity_card(tree["soc"].to_dataset(), draws=200, seed=3)
    stated = phantom_report.results["numbers"]["mean_all_pixels"]
    assert card["mean"].value == pytest.approx(stated["value"], rel=1e-9)
    assert card["mean"].std == pytest.approx(stated["std"], rel=1e-9)


def test_the_executed_notebook_is_whole_and_trusted(phantom_report):
    from nbformat.sign import NotebookNotary

    notebook = nbformat.read(phantom_report.paths["executed"], as_version=4)
    nbformat.validate(notebook)
    assert NotebookNotary().check_signature(notebook)
    code = [c for c in notebook.cells if c.cell_type == "code"]
    assert all(c.execution_count for c in code)
    assert not any(o.output_type == "error" for c in code for o in c.outputs)
    text = json.dumps(notebook)
    assert ".part" not in text  # the folder that it ran in is gone


def test_the_copy_to_edit_is_not_executed_and_has_the_parameters(phantom_report):
    notebook = nbformat.read(phantom_report.paths["notebook"], as_version=4)
    assert not any(c.get("outputs") for c in notebook.cells)
    injected = next(
        c for c in notebook.cells if "injected-parameters" in c.metadata.get("tags", [])
    )
    assert "seed = 3" in injected.source


def test_notebook_alone_runs_nothing(tmp_path, monkeypatch):
    from socwidgets.reports import run

    monkeypatch.setattr(run, "execute_notebook", lambda *a, **k: pytest.fail("it was executed"))
    done = run_report("soc_map", {"seed": 4}, tmp_path / "out", to="notebook")
    assert done.results == {}
    assert leftovers(tmp_path / "out") == [".socwidgets", "soc_map.ipynb"]


@pytest.mark.parametrize(
    ("parameters", "to", "kind", "said"),
    [
        ({"stak": "a"}, "html", ParameterError, "did you mean"),
        ({"draws": "x"}, "html", ParameterError, "whole number"),
        ({}, "docx", ParameterError, "unknown output format 'docx'"),
        ({}, "", ParameterError, "no format"),
        ({"stack": "{no}.hdr", "references": "a.t,b.t"}, "html", ReadError, "no file or folder"),
    ],
)
def test_nothing_starts_with_wrong_input(tmp_path, monkeypatch, parameters, to, kind, said):
    from socwidgets.reports import run

    monkeypatch.setattr(run, "execute_notebook", lambda *a, **k: pytest.fail("it was executed"))
    with pytest.raises(kind, match=said):
        run_report("soc_map", parameters, tmp_path / "out", to=to)
    assert leftovers(tmp_path) == []


def test_a_failure_leaves_nothing_new_and_the_old_report_whole(tmp_path, monkeypatch):
    out = tmp_path / "out"
    run_report("soc_map", {}, out, to="notebook")
    before = (out / "soc_map.ipynb").read_bytes()
    failing_template(monkeypatch, "open('half.txt', 'w').write('x'); 1 / 0")
    with pytest.raises(ReportError, match="ZeroDivisionError"):
        render_report("soc_map", out=out, **GOOD)
    assert leftovers(tmp_path) == ["out"]
    assert (out / "soc_map.ipynb").read_bytes() == before
    with pytest.raises(ReportError):
        render_report("soc_map", out=tmp_path / "deep" / "new", **GOOD)
    assert leftovers(tmp_path) == ["out"]


def test_a_second_run_replaces_the_first(tmp_path):
    out = tmp_path / "out"
    run_report("soc_map", {"seed": 1}, out, to="notebook")
    run_report("soc_map", {"seed": 2}, out, to="notebook")
    assert leftovers(out) == [".socwidgets", "soc_map.ipynb"]
    assert "seed = 2" in (out / "soc_map.ipynb").read_text()


def test_a_folder_of_somebody_else_is_not_touched(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(OutputError, match=r"thesis\.tex"):
        run_report("soc_map", {}, tmp_path, to="notebook")
    assert leftovers(tmp_path) == ["thesis.tex"]


def test_a_file_in_the_way_and_a_disk_that_is_full(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="a file of this name"):
        run_report("soc_map", {}, tmp_path / "file", to="notebook")

    def full(*args, **kwargs):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(nbformat, "write", full)
    with pytest.raises(OutputError, match="disk is full"):
        run_report("soc_map", {}, tmp_path / "out", to="notebook")
    assert leftovers(tmp_path) == ["file"]


@pytest.mark.skipif(os.name == "nt", reason="needs /proc, where nobody may make a folder")
def test_a_place_that_cannot_be_written():
    with pytest.raises(OutputError, match="cannot write"):
        run_report("soc_map", {}, "/proc/socwidgets-out", to="notebook")


def test_two_runs_into_one_folder_do_not_mix(tmp_path, monkeypatch):
    """The second is refused at once; the first goes on."""
    from socwidgets.io.atomic import atomic_folder
    from socwidgets.reports import run

    monkeypatch.setattr(run, "execute_notebook", lambda *a, **k: pytest.fail("it was executed"))
    with atomic_folder(tmp_path / "out") as folder:
        (folder / "first").touch()
        with pytest.raises(OutputError, match="another run is writing"):
            render_report("soc_map", out=tmp_path / "out", **GOOD)
    assert leftovers(tmp_path) == ["out"]
    assert "first" in leftovers(tmp_path / "out")


def test_a_template_without_its_tag_is_named(tmp_path, monkeypatch):
    from socwidgets.reports import run

    original = run.load_template

    def untagged(name):
        notebook = original(name)
        for cell in notebook.cells:
            cell.metadata.pop("tags", None)
        return notebook

    monkeypatch.setattr(run, "load_template", untagged)
    with pytest.raises(ReportError, match="no cell tagged 'parameters'"):
        render_report("soc_map", out=tmp_path / "out", **GOOD)
    assert leftovers(tmp_path) == []


def test_a_pdf_without_a_browser_is_refused_before_the_work(tmp_path, monkeypatch):
    from socwidgets.reports import run

    monkeypatch.setattr(run, "execute_notebook", lambda *a, **k: pytest.fail("it was executed"))
    monkeypatch.setenv("SOCWIDGETS_CHROMIUM", "/no/such/browser")
    with pytest.raises(ParameterError, match="a PDF needs a browser"):
        render_report("soc_map", out=tmp_path / "out", to="pdf", **GOOD)
    assert leftovers(tmp_path) == []


def test_figures_are_vectors_and_pictures_with_their_numbers(phantom_report):
    import numpy as np
    import pandas as pd

    from socwidgets.io import open_bundle

    folder = phantom_report.paths["figures"]
    stems = {path.name.split(".")[0] for path in folder.iterdir() if "-figure-" in path.name}
    assert len(stems) >= 9
    for stem in stems:
        assert {f"{stem}.svg", f"{stem}.png"} <= {path.name for path in folder.iterdir()}
        assert list(folder.glob(f"{stem}.*.csv"))
    maps = open_bundle(phantom_report.paths["bundle"])["soc"].to_dataset()
    table = pd.read_csv(folder / "map-figure-1.image.csv", index_col=0)
    shown = table.to_numpy(float)
    assert np.isfinite(shown).any()
    np.testing.assert_allclose(table.index.to_numpy(float), maps["y"].values, atol=1e-5)
    np.testing.assert_allclose(shown[np.isfinite(shown)], maps["soc"].values[np.isfinite(shown)],
                               rtol=1e-6)  # fmt: skip
    listed = pd.read_csv(folder / "index.csv")
    assert set(listed["file"]) | {"index.csv"} == {path.name for path in folder.iterdir()}
