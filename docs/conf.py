"""Sphinx configuration: every Markdown page of this folder, and the API from the docstrings.

Sphinx with MyST, because MkDocs 1.x is no longer maintained and Material for MkDocs takes security
fixes only, until the end of 2026; and because Sphinx reads numpydoc docstrings itself.
"""

from __future__ import annotations

import os
import pkgutil
from importlib import import_module
from pathlib import Path
from typing import Any

from docutils.nodes import SkipNode
from latex2mathml.converter import convert

import socwidgets

HERE = Path(__file__).parent
project = "socwidgets"
author = "The socwidgets developers"
release = version = socwidgets.__version__
copyright = "the socwidgets developers, BSD-3-Clause"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "README.md"]
# Bundled with Sphinx, and several times faster on the long pages of functions than others.
html_theme = "alabaster"
html_theme_options = {"page_width": "1160px", "fixed_sidebar": True, "show_powered_by": False}
html_title = f"socwidgets {release}"
html_static_path: list[str] = []
html_show_sphinx = False
myst_enable_extensions = ["deflist", "dollarmath", "fieldlist"]
# MathML, which browsers draw themselves: no page loads a script from elsewhere.
html_math_renderer = "mathml"
myst_heading_anchors = 3
# Pages link to notebooks and source files of the repository, which are no pages of the site.
# "shape" and the like are attributes of several classes, and no ambiguity to a reader.
suppress_warnings = ["myst.xref_missing", "myst.header", "ref.python"]

default_role = "code"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_preprocess_types = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "undoc-members": False, "show-inheritance": False}
autodoc_inherit_docstrings = False

#: Rooms whose public functions and classes are listed, with what they are for.
ROOMS = {
    "analysis": "From counts to maps",
    "heterogeneity": "From maps to statements",
    "techniques": "Techniques",
    "phantoms": "Samples with a known truth",
    "io": "Readers and writers",
    "plotting": "Figures",
    "reports": "Reports",
}


if os.environ.get("SOCWIDGETS_DOCS_ROOMS"):  # a test builds one room only
    wanted = os.environ["SOCWIDGETS_DOCS_ROOMS"].split(",")
    exclude_patterns += [f"api/{room}.md" for room in ROOMS if room not in wanted]
    ROOMS = {room: title for room, title in ROOMS.items() if room in wanted}


def _modules(room: str) -> list[str]:
    package = import_module(f"socwidgets.{room}")
    found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    names = [package.__name__, *(module.name for module in found)]
    return [name for name in names if not name.rpartition(".")[2].startswith("_")]


def _write_api(folder: Path) -> None:
    """One page per room; made anew at each build, so that it cannot be out of date."""
    folder.mkdir(exist_ok=True)
    for room, title in ROOMS.items():
        lines = [f"# {title}: `socwidgets.{room}`", ""]
        for name in _modules(room):
            if name.count(".") == 1:
                continue
            lines += [f"## `{name.removeprefix('socwidgets.')}`", "", "```{eval-rst}",
                      f".. automodule:: {name}", "```", ""]  # fmt: skip
        text = "\n".join(lines)
        path = folder / f"{room}.md"
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


_write_api(HERE / "api")


def _inline_math(writer: Any, node: Any) -> None:
    writer.body.append(convert(node.astext()))
    raise SkipNode


def _block_math(writer: Any, node: Any) -> None:
    writer.body.append(f'<div class="math">{convert(node.astext(), display="block")}</div>')
    raise SkipNode


def _whole_sentence(
    app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    """Comments of constants are sentences: napoleon takes what stands before a colon for a type."""
    for at, line in enumerate(lines):
        if what in ("attribute", "data") and line.startswith(":type: "):
            lines[:] = [f"{line.removeprefix(':type: ')}: {lines[0]}", *lines[1:at]]
            return


def setup(app: Any) -> None:
    """Register the drawing of equations, and what puts the comments of constants right."""
    app.add_html_math_renderer("mathml", (_inline_math, None), (_block_math, None))
    after_napoleon = 600
    app.connect("autodoc-process-docstring", _whole_sentence, after_napoleon)
