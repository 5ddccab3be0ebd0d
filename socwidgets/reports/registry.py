"""The report templates: notebooks inside the package, each with its parameter dataclass."""

from __future__ import annotations

import copy
import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import nbformat

from socwidgets.model.errors import OutputError, ReportError
from socwidgets.model.parameters import unknown_name
from socwidgets.reports.parameter_classes import (
    CompareReport,
    ParticlesReport,
    PathwayReport,
    QualityReport,
    SeriesReport,
)
from socwidgets.reports.parameters import SocMapReport, type_words

PARAMETERS_TAG, INJECTED_TAG = "parameters", "injected-parameters"


@dataclass(frozen=True, slots=True)
class Template:
    """One report template: its notebook's name, its title in a list, its parameters."""

    name: str
    title: str
    parameters: type[SocMapReport]


_TEMPLATES = {
    template.name: template
    for template in (
        Template(
            "soc_map",
            "State-of-charge map of an image stack by linear combination fitting, with "
            "heterogeneity",
            SocMapReport,
        ),
        Template(
            "series",
            "States of a cycle, rates or temperatures: ridge of histograms, particles followed, "
            "change",
            SeriesReport,
        ),
        Template(
            "particles",
            "One section for each selected particle: map, radial profile, phase state",
            ParticlesReport,
        ),
        Template(
            "pathway",
            "How an ensemble reacts: active fraction, kappa, two phases or solid solution",
            PathwayReport,
        ),
        Template(
            "compare",
            "Two samples or two treatments, with the significance of their difference",
            CompareReport,
        ),
        Template(
            "quality",
            "Whether the data can support a claim: registration, noise, saturation, calibration",
            QualityReport,
        ),
    )
}


def list_templates() -> dict[str, str]:
    """Names of the templates, with what they do."""
    return {name: template.title for name, template in _TEMPLATES.items()}


def get_template(name: str) -> Template:
    """Look a template up.

    Raises
    ------
    ParameterError
        If there is no template of this name.
    """
    if name not in _TEMPLATES:
        raise unknown_name(f"there is no report template {name!r}", name, _TEMPLATES)
    return _TEMPLATES[name]


def template_parameters(name: str) -> dict[str, dict[str, Any]]:
    """Parameters of a template: type, default, help, unit, bounds and choices of each."""
    cls = get_template(name).parameters
    words = type_words(cls)
    return {
        spec.name: {"type": words[spec.name], "default": spec.default, **spec.metadata}
        for spec in dataclasses.fields(cls)
    }


def load_template(name: str) -> nbformat.NotebookNode:
    """Notebook of a template, without outputs."""
    file = resources.files("socwidgets.reports") / "templates" / f"{get_template(name).name}.ipynb"
    return nbformat.reads(file.read_text(encoding="utf-8"), as_version=4)


def copy_template(
    name: str,
    dest: str | os.PathLike[str] | None = None,
    parameters: Mapping[str, Any] | None = None,
    *,
    overwrite: bool = False,
) -> Path:
    """Copy a template to edit, with parameters filled in, and return the copy's path.

    Parameters
    ----------
    name : str
        Template.
    dest : path-like, optional
        A folder, or the new notebook's name; ``<name>.ipynb`` here if left out.
    parameters : mapping, optional
        Values to write into a cell below the defaults; checked first.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    ParameterError
        If a parameter is unknown or wrong.
    OutputError
        If the file exists or cannot be written.
    """
    from socwidgets.io.atomic import atomic_file

    template = get_template(name)
    notebook = load_template(name)
    if parameters:
        checked = template.parameters.from_mapping(parameters)
        notebook = inject(notebook, {key: getattr(checked, key) for key in parameters})
    path = Path(dest) if dest is not None else Path()
    path = path if path.suffix == ".ipynb" else path / f"{name}.ipynb"
    if path.exists() and not overwrite:
        raise OutputError(
            f"{path} exists", expected="a new file", fix="choose another name or move it away"
        )
    with atomic_file(path) as temporary:
        nbformat.write(notebook, temporary)
    return path


def require_tag(notebook: nbformat.NotebookNode, name: str) -> nbformat.NotebookNode:
    """Return the notebook if parameters can be given to it.

    Raises
    ------
    ReportError
        Without a cell tagged ``parameters``: papermill would only warn, and run the defaults.
    """
    if not any(PARAMETERS_TAG in cell.metadata.get("tags", []) for cell in notebook.cells):
        raise ReportError(
            f"the template {name} has no cell tagged {PARAMETERS_TAG!r}",
            expected="one cell with this tag, holding the defaults",
            fix="add the tag to that cell (property inspector in JupyterLab)",
        )
    return notebook


def inject(notebook: nbformat.NotebookNode, values: Mapping[str, Any]) -> nbformat.NotebookNode:
    """Add a cell with `values` below the parameters cell, where papermill would put it."""
    result = copy.deepcopy(require_tag(notebook, "to copy"))
    where = next(
        index
        for index, cell in enumerate(result.cells)
        if PARAMETERS_TAG in cell.metadata.get("tags", [])
    )
    source = "# Parameters of this run\n" + "\n".join(f"{k} = {v!r}" for k, v in values.items())
    cell = nbformat.v4.new_code_cell(source, metadata={"tags": [INJECTED_TAG]})
    result.cells.insert(where + 1, cell)
    return result
