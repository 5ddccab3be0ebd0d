"""From a file to a report in steps: what each needs, does and hands on, and its Python call."""

from socwidgets.session.workflow.flow import STEPS, Workflow

__all__ = ["STEPS", "Workflow"]
