"""The gallery: every figure is in a notebook, and each notebook recovers its truth."""

import json
import re
from pathlib import Path

import nbformat
import pytest

from socwidgets.plotting.review import REVIEW_FIGURES
from socwidgets.reports.execute import execute_notebook

ROOT = Path(__file__).resolve().parents[2]
GALLERY = sorted((ROOT / "notebooks" / "gallery").glob("*.ipynb"))


def source(path):
    return "\n".join(c.source for c in nbformat.read(path, as_version=4).cells)


def test_every_figure_is_in_exactly_one_notebook():
    found = [
        name for path in GALLERY for name in re.findall(r'review_figure\("([^"]+)"', source(path))
    ]
    assert sorted(found) == sorted(REVIEW_FIGURES)


def test_the_index_names_every_figure_and_what_is_missing():
    text = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    for name, entry in REVIEW_FIGURES.items():
        assert f"| {name} |" in text, name
        assert entry.title in text, name
    for missing in ("7a,b", "8a-f", "10l", "11", "12", "14", "28"):
        assert missing in text.split("## Missing", 1)[1]


@pytest.mark.parametrize("path", GALLERY, ids=lambda p: p.stem)
def test_outputs_are_stripped_and_cells_hold_no_logic(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [c for c in notebook.cells if c.cell_type == "code"]
    assert all(not c.outputs and c.execution_count is None for c in code)
    assert "/home/" not in json.dumps(notebook)
    assert not any(re.search(r"^\s*(for|if|def|while)\b", c.source, re.M) for c in code)
    text = source(path)
    for part in ("**Question.**", "**Data.**", "## Check", "## Exercises"):
        assert part in text


@pytest.mark.slow
@pytest.mark.parametrize("path", GALLERY, ids=lambda p: p.stem)
def test_the_truth_is_recovered(path, tmp_path):
    done = execute_notebook(nbformat.read(path, as_version=4), {}, cwd=tmp_path)
    printed = "".join(
        output.text
        for cell in done.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream" and output.name == "stdout"
    )
    assert "standard uncertainties of the truth" in printed
    outputs = [o for c in done.cells for o in c.get("outputs", [])]
    pictures = [o for o in outputs if "image/png" in o.get("data", {})]
    assert len(pictures) == len(re.findall(r"review_figure\(", source(path)))
