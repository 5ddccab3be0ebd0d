"""Reports: parameters, templates, execution, one self-contained page, one file of numbers."""

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
