"""A map that can be explored without a kernel, inside one HTML file."""

from socwidgets.reports.interactive.build import frame_html, page_html, script_hash

__all__ = ["frame_html", "page_html", "script_hash"]
