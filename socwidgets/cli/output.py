"""What the command line prints: progress on a terminal, and where the results are."""

from __future__ import annotations

import os
import sys
from typing import Any


def show_progress(done: int, total: int) -> None:
    """One line that is overwritten on a terminal, and nothing in a log file.

    A program that runs the command asks for the lines with ``SOCWIDGETS_PROGRESS=1``.
    """
    if os.environ.get("SOCWIDGETS_PROGRESS") == "1":
        print(f"step {done} of {total}", file=sys.stderr, flush=True)
    elif sys.stderr.isatty():
        end = "\n" if done == total else ""
        print(f"\r  step {done} of {total}", end=end, file=sys.stderr, flush=True)


def print_paths(paths: Any) -> None:
    """Print one line for each file that was made."""
    words = {
        "html": "report", "json": "numbers", "executed": "executed notebook",
        "bundle": "bundle (netCDF)", "notebook": "notebook to edit",
        "figures": "figures and tables", "pdf": "report (PDF)",
        "summary": "summary (CSV)", "index": "index page",
    }  # fmt: skip
    for kind, path in paths.items():
        print(f"  {words[kind]:18} {os.path.normpath(path)}")
