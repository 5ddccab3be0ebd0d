"""One HTML file from an executed notebook: nothing in it is fetched from anywhere.

nbconvert's page loads scripts from a network; this one is rendered from the notebook's outputs with
a template of our own, and forbids itself every request (content security policy).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

import nbformat

from socwidgets.reports.interactive import script_hash
from socwidgets.reports.publish import KEY
from socwidgets.reports.registry import get_template, template_parameters
from socwidgets.reports.words import parameter_text

#: Sections in the order of the page.
SECTIONS = {
    "headline": "Key numbers",
    "warnings": "Keep in mind",
    "checks": "Checks",
    "map": "Map",
    "regions": "Regions of interest",
    "states": "States",
    "distributions": "Distributions",
    "change": "What changed",
    "pathway": "Pathway",
    "distribution": "Distribution and particles",
    "spectra": "Spectra and fits",
    "quality": "Fit quality and status",
    "card": "Heterogeneity card",
    "factors": "The eight factors",
    "inputs": "Inputs",
}
#: A section that is not listed (one for each particle, for instance) comes before this one: every
#: page ends with fit quality, card, factors, inputs and provenance.
_REST_BEFORE = "spectra"
#: Sections with a place of their own in the page.
_APART = ("verdict", "provenance")
_MARKDOWN_MARKS = re.compile(r"(^#+\s*|[*_`])", re.MULTILINE)
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Block:
    """One published output: a figure (base64 PNG) or an HTML fragment of this package."""

    section: str
    html: Any = ""
    png: str = ""
    alt: str = ""
    caption: str = ""
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """Neighboring figures, or one fragment."""

    figures: tuple[Block, ...] = ()
    html: Any = ""


def render_html(notebook: nbformat.NotebookNode, results: Mapping[str, Any]) -> str:
    """Render the page of a report.

    Parameters
    ----------
    notebook : NotebookNode
        Executed; its outputs were made by `socwidgets.reports.publish`.
    results : mapping
        JSON form of the results.

    Returns
    -------
    str
        HTML with inline style and pictures.
    """
    from jinja2 import Environment

    blocks = list(_blocks(notebook))
    folder = resources.files("socwidgets.reports") / "html"
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((folder / "report.html.j2").read_text(encoding="utf-8"))
    return template.render(
        results=results,
        # The page itself has no script; the frame of the interactive map inherits its policy.
        script=script_hash(),
        created=str(results["created"]).replace("T", " ").replace("+00:00", " UTC"),
        css=_trusted((folder / "report.css").read_text(encoding="utf-8")),
        verdict=[block for block in blocks if block.section == "verdict"],
        provenance=[block for block in blocks if block.section == "provenance"],
        sections=_sections(blocks),
        parameters=_parameters(results),
        command=command_line(str(results["report"]), results["parameters"]),
        cells=list(_cells(notebook)),
    )


def command_line(name: str, parameters: Mapping[str, Any]) -> str:
    """Command that makes the report again: every parameter that is not at its default."""
    changed = _changed(name, parameters)
    options = [
        f"-p {shlex.quote(f'{key}={parameter_text(value)}')}" for key, value in changed.items()
    ]
    return " ".join([f"socwidgets report run {name}", *options, "-o out/"])


def _changed(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    defaults = get_template(name).parameters().to_dict()
    return {
        key: value
        for key, value in parameters.items()
        if key in defaults and parameter_text(value) != parameter_text(defaults[key])
    }


def _parameters(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    name, values = str(results["report"]), results["parameters"]
    changed = _changed(name, values)
    return [
        {
            "name": key,
            "value": parameter_text(values.get(key)),
            "unit": spec.get("unit", ""),
            "help": spec["help"],
            "changed": key in changed,
        }
        for key, spec in template_parameters(name).items()
    ]


def _blocks(notebook: nbformat.NotebookNode) -> Iterator[Block]:
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            ours = output.get("metadata", {}).get(KEY)
            if not ours:
                continue
            if ours["role"] == "figure":
                yield Block(
                    ours["section"],
                    png="".join(output.data["image/png"].split()),
                    alt=ours["alt"],
                    caption=ours["caption"],
                    width=int(ours["width"]),
                    height=int(ours["height"]),
                )
            else:
                yield Block(ours["section"], html=_trusted(output.data["text/html"]))


def _sections(blocks: list[Block]) -> list[dict[str, Any]]:
    known = list(SECTIONS)
    place = known.index(_REST_BEFORE)
    rest = (block.section for block in blocks if block.section not in SECTIONS)
    names = [*known[:place], *rest, *known[place:]]
    found = []
    for name in dict.fromkeys(names):
        inside = [block for block in blocks if block.section == name]
        if inside and name not in _APART:
            title = SECTIONS.get(name, name.replace("_", " ").capitalize())
            found.append({"name": name, "title": title, "rows": list(_rows(inside))})
    return found


def _rows(blocks: list[Block]) -> Iterator[Row]:
    """Put figures that follow each other into one row that wraps on a narrow screen."""
    waiting: list[Block] = []
    for block in blocks:
        if block.png:
            waiting.append(block)
            continue
        if waiting:
            yield Row(figures=tuple(waiting))
            waiting = []
        yield Row(html=block.html)
    if waiting:
        yield Row(figures=tuple(waiting))


def _cells(notebook: nbformat.NotebookNode) -> Iterator[dict[str, str]]:
    """Code, notes and printed text of the notebook, for the appendix."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            yield {"text": _MARKDOWN_MARKS.sub("", cell.source), "code": "", "output": ""}
        elif cell.cell_type == "code":
            texts = [_plain(o) for o in cell.outputs if not o.get("metadata", {}).get(KEY)]
            yield {"text": "", "code": cell.source, "output": "\n".join(filter(None, texts))}


def _plain(output: nbformat.NotebookNode) -> str:
    text = output.get("text") or output.get("data", {}).get("text/plain", "")
    return _ANSI.sub("", str(text)).rstrip()


def _trusted(html: str) -> Any:
    """Mark text of this package (style, tables with escaped cells) as HTML."""
    from markupsafe import Markup

    return Markup(html)
