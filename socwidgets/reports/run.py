"""Run a report: parameters checked first, everything written aside and moved into place."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from socwidgets.analysis.distributed_fit import connect
from socwidgets.model.errors import ParameterError
from socwidgets.reports.execute import CellProgress, execute_notebook
from socwidgets.reports.inputs import absolute_paths, require_files
from socwidgets.reports.pdf import print_pdf, require_chromium
from socwidgets.reports.registry import get_template, inject, load_template, require_tag
from socwidgets.reports.render import render_html
from socwidgets.reports.results import read_results
from socwidgets.reports.scan import CLUSTER_VARIABLE

#: Format -> file name; ``{name}`` is the template's.
FILES = {
    "html": "report.html",
    "json": "results.json",
    "executed": "report.ipynb",
    "bundle": "{name}.nc",
    "figures": "figures",
    "pdf": "report.pdf",
    "notebook": "{name}.ipynb",
}
#: What a run leaves if nothing else is said; ``notebook``, a copy to edit, is made on request.
DEFAULT_FORMATS = ("html", "json", "executed", "bundle", "figures")


@dataclass(frozen=True, slots=True)
class ReportResult:
    """Files of a report by format, and its results (empty if nothing was executed)."""

    paths: Mapping[str, Path]
    results: Mapping[str, Any]


def render_report(
    name: str,
    *,
    out: str | os.PathLike[str],
    to: Iterable[str] = DEFAULT_FORMATS,
    progress: CellProgress | None = None,
    dask: str | None = None,
    **parameters: Any,
) -> ReportResult:
    """Run a report with its parameters as keywords; see `run_report`.

    Examples
    --------
    ``render_report("soc_map", stack="scan.hdr", references="Fe(II)=a.t,Fe(III)=b.t", out="out/")``
    """
    return run_report(name, parameters, out, to=to, progress=progress, dask=dask)


def run_report(
    name: str,
    parameters: Mapping[str, Any],
    out: str | os.PathLike[str],
    to: Iterable[str] = DEFAULT_FORMATS,
    progress: CellProgress | None = None,
    dask: str | None = None,
) -> ReportResult:
    """Run a report template and write what it makes into a folder.

    Parameters
    ----------
    name : str
        Template, see `list_templates`.
    parameters : mapping
        Values by name; text is accepted for every type. Relative file names count from the
        working folder of the caller.
    out : path-like
        Output folder: a new or empty one, or that of an earlier run, which is replaced.
    to : iterable of str
        ``html``, ``json``, ``executed`` (notebook with its outputs, signed), ``bundle``,
        ``figures`` (each as SVG, PNG and CSV), ``pdf`` (needs a Chromium), ``notebook`` (a copy
        with these parameters to edit, not executed; alone, it runs nothing).
    progress : callable, optional
        ``progress(done_cells, all_cells)``.
    dask : str, optional
        Address of a dask scheduler whose workers fit the maps, see `socwidgets.fit_map`; they
        must see the same files if the stack is larger than memory.

    Returns
    -------
    ReportResult

    Raises
    ------
    ParameterError
        If a parameter or a format is unknown or wrong, or no scheduler answers; nothing was
        started then.
    ReadError
        If an input file is not there.
    ReportError
        If the notebook fails: its text is that of the error that stopped it.
    OutputError
        If the folder cannot be written. Whatever happens, no half-written folder is left.
    """
    from socwidgets.io.atomic import atomic_folder

    formats = parse_formats(to)
    template = get_template(name)
    checked = absolute_paths(template.parameters.from_mapping(parameters))
    require_files(checked)
    # Papermill writes a tuple as text; a list it writes as one.
    values = {k: list(v) if isinstance(v, tuple) else v for k, v in checked.to_dict().items()}
    for kind in ("bundle", "figures"):
        values[kind] = values[kind] and kind in formats
    formats = tuple(kind for kind in formats if values.get(kind, True))
    if "pdf" in formats:
        require_chromium()
    if dask is not None:
        connect(dask).close()
    results: dict[str, Any] = {}
    with atomic_folder(out) as folder:
        if set(formats) - {"notebook"}:
            results = _execute(name, values, formats, folder, progress, dask)
        if "notebook" in formats:
            copied = inject(load_template(name), values)
            nbformat.write(copied, folder / FILES["notebook"].format(name=name))
    target = Path(out).expanduser()
    paths = {kind: target / FILES[kind].format(name=name) for kind in formats}
    return ReportResult(paths, results)


def parse_formats(to: Iterable[str]) -> tuple[str, ...]:
    """Formats from a list or from text with commas, each once.

    Raises
    ------
    ParameterError
        If one is unknown or there is none.
    """
    wanted = [to] if isinstance(to, str) else list(to)
    named = [kind.strip() for item in wanted for kind in item.split(",") if kind.strip()]
    unknown = [kind for kind in named if kind not in FILES]
    if unknown or not named:
        raise ParameterError(
            f"unknown output format {', '.join(map(repr, unknown))}" if unknown else "no format",
            expected=f"some of {', '.join(FILES)}",
        )
    return tuple(dict.fromkeys(named))


def _execute(
    name: str,
    values: dict[str, Any],
    formats: tuple[str, ...],
    folder: Path,
    progress: CellProgress | None,
    dask: str | None,
) -> dict[str, Any]:
    notebook = execute_notebook(
        require_tag(load_template(name), name),
        values,
        cwd=folder,
        progress=progress,
        environment={} if dask is None else {CLUSTER_VARIABLE: dask},
    )
    results = read_results(folder / FILES["json"])
    if {"html", "pdf"} & set(formats):
        page = folder / FILES["html"]
        page.write_text(render_html(notebook, results), encoding="utf-8")
        if "pdf" in formats:
            print_pdf(page, folder / FILES["pdf"])
        if "html" not in formats:
            page.unlink()
    if "executed" in formats:
        _write_signed(notebook, name, folder / FILES["executed"])
    if "json" not in formats:
        (folder / FILES["json"]).unlink()
    return results


def _write_signed(notebook: nbformat.NotebookNode, name: str, path: Path) -> None:
    """Write the executed notebook and sign it, so that JupyterLab shows its outputs as they are."""
    from nbformat.sign import NotebookNotary

    # The folder that it ran in is gone by the time anyone reads this.
    notebook.metadata.get("papermill", {}).update(input_path=f"{name}.ipynb", output_path=path.name)
    nbformat.write(notebook, path)
    # A home folder that cannot be written makes the notebook untrusted, not the report wrong.
    with suppress(OSError, sqlite3.Error):
        NotebookNotary().sign(nbformat.read(path, as_version=4))
