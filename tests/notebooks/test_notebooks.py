"""The first notebooks run from top to bottom, and are stored without outputs."""

import json
from pathlib import Path

import nbformat
import pytest

from socwidgets.reports.execute import execute_notebook

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def run(name, tmp_path):
    return execute_notebook(nbformat.read(FOLDER / name, as_version=4), {}, cwd=tmp_path)


def printed(notebook):
    return "".join(
        output.text
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream" and output.name == "stdout"
    )


def test_both_are_there():
    assert [p.name for p in NOTEBOOKS][:2] == ["00_start_here.ipynb", "01_real_stxm_stack.ipynb"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.name)
def test_outputs_are_stripped(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [c for c in notebook.cells if c.cell_type == "code"]
    assert all(not c.outputs and c.execution_count is None for c in code)
    assert "widgets" not in notebook.metadata
    assert "/home/" not in json.dumps(notebook)


@pytest.mark.slow
def test_the_first_notebook_recovers_the_truth(tmp_path):
    text = printed(run("00_start_here.ipynb", tmp_path))
    assert "The truth was recovered within the stated uncertainties." in text


def test_the_check_of_the_first_notebook_can_fail():
    """A bias of 0.02 is twice what the check cell allows."""
    notebook = nbformat.read(FOLDER / "00_start_here.ipynb", as_version=4)
    check = next(c for c in notebook.cells if "raise RuntimeError" in c.source)
    namespace = {"found": type("Found", (), {"bias": 0.02, "pull_sd": 1.0})()}
    with pytest.raises(RuntimeError, match="was not recovered"):
        exec(check.source, namespace)


@pytest.mark.slow
@pytest.mark.realdata
def test_the_real_stack_gives_its_number_with_both_uncertainties(
    shared_data, tmp_path, monkeypatch
):
    monkeypatch.setenv("SOCWIDGETS_DATA", str(shared_data))
    text = printed(run("01_real_stxm_stack.ipynb", tmp_path))
    assert "Fe(III) fraction 0.2" in text
    assert "best shift -0.1" in text
