"""The notebooks about spectra run, on measured data and on the simulated stand-in."""

from pathlib import Path

import nbformat
import pytest

from socwidgets.reports.execute import execute_notebook

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"


def printed(name, tmp_path, cells=None):
    """What the first cells of a notebook print (all of them if not told)."""
    notebook = nbformat.read(FOLDER / name, as_version=4)
    notebook.cells = notebook.cells[:cells]
    notebook = execute_notebook(notebook, {}, cwd=tmp_path)
    return "".join(
        output.text
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream" and output.name == "stdout"
    )


@pytest.mark.slow
@pytest.mark.realdata
def test_the_operando_series_gives_its_numbers(shared_data, tmp_path, monkeypatch):
    monkeypatch.setenv("SOCWIDGETS_DATA", str(shared_data))
    text = printed("02_lno_operando.ipynb", tmp_path)
    assert "measured data" in text
    assert "place 1: R2 0.97" in text
    assert "place 2: R2 0.959" in text
    assert "the largest slope of a Ni K edge is no measure" in text
    assert "the places differ" in text


@pytest.mark.slow
def test_without_data_a_stand_in_says_so(tmp_path, monkeypatch):
    monkeypatch.delenv("SOCWIDGETS_DATA", raising=False)
    text = printed("02_lno_operando.ipynb", tmp_path, cells=4)
    assert "SIMULATED STAND-IN" in text
    assert "measured data" not in text
    assert "white_line_energy" in text


@pytest.mark.slow
def test_the_plan_keeps_its_promise(tmp_path):
    text = printed("03_plan_energies.ipynb", tmp_path)
    assert "The phantom shows what the plan promised." in text
