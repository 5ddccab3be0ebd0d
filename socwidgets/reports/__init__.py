"""Reports: parameters, templates, execution, one self-contained page, one file of numbers."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from socwidgets.reports.registry import copy_template, list_templates, template_parameters
    from socwidgets.reports.run import ReportResult, render_report, run_report

__all__ = [
    "ReportResult",
    "copy_template",
    "list_templates",
    "render_report",
    "run_report",
    "template_parameters",
]

_REGISTRY = {"copy_template", "list_templates", "template_parameters"}


def __getattr__(name: str) -> Any:
    """Load a public name on first use: the command line answers ``--help`` without notebooks."""
    if name not in __all__:
        raise AttributeError(f"module 'socwidgets.reports' has no attribute {name!r}")
    home = "registry" if name in _REGISTRY else "run"
    return getattr(import_module(f"socwidgets.reports.{home}"), name)
