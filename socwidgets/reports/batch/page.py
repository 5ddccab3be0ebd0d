"""The table and the page of a batch: every scan with its numbers, or with why it has none."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from socwidgets.model.errors import ReportError
from socwidgets.reports.batch.journal import Entry
from socwidgets.reports.figures import THUMBNAIL
from socwidgets.reports.results import read_results
from socwidgets.reports.words import with_uncertainty

#: Numbers on the page, where a report has them.
SHOWN = ("mean", "sigma_true", "share_between", "n_particles")


def write_summary(path: Path, reports: Path, entries: Sequence[Entry]) -> None:
    """Write one row per scan: how it went, then value, uncertainty and interval of every number."""
    from socwidgets.io.atomic import atomic_file

    rows = [_summary_row(reports, entry) for entry in entries]
    table = pd.DataFrame(rows, columns=None if rows else ["name", "status"])
    with atomic_file(path) as temporary:
        table.to_csv(temporary, index=False, encoding="utf-8")


def _summary_row(reports: Path, entry: Entry) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": entry.name,
        "status": "failed" if entry.error else "ok",
        "error": " ".join(entry.error.split()),
        "seconds": entry.seconds,
    }
    results = _results(reports, entry)
    if results is None:
        return row
    row |= {"title": results["title"], "verdict": results["verdict"]}
    row["n_warnings"] = len(results["warnings"])
    for name, number in results["numbers"].items():
        row[name] = number["value"]
        for end in ("std", "low", "high"):
            if number[end] is not None:
                row[f"{name}_{end}"] = number[end]
    return row


def _results(reports: Path, entry: Entry) -> dict[str, Any] | None:
    if entry.error:
        return None
    try:
        return read_results(reports / entry.name / "results.json")
    except ReportError:
        return None


def write_index(
    path: Path, reports: Path, template: str, entries: Sequence[Entry], total: int
) -> None:
    """Write the page with a picture, the main numbers and a link for every scan."""
    from jinja2 import Environment

    from socwidgets.io.atomic import atomic_file

    folder = resources.files("socwidgets.reports") / "html"
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    page = environment.from_string((folder / "batch.html.j2").read_text(encoding="utf-8"))
    text = page.render(
        template=template,
        css=(folder / "report.css").read_text(encoding="utf-8"),
        cards=[_card(reports, entry) for entry in entries],
        total=total,
        failed=sum(bool(entry.error) for entry in entries),
    )
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _card(reports: Path, entry: Entry) -> dict[str, Any]:
    results = _results(reports, entry)
    card: dict[str, Any] = {"name": entry.name, "error": entry.error, "numbers": []}
    if results is None:
        return card
    for name in SHOWN:
        number = results["numbers"].get(name)
        if number is not None and number["value"] is not None:
            std = math.nan if number["std"] is None else number["std"]
            text = with_uncertainty(number["value"], std, number["unit"])
            card["numbers"].append((number["label"], text))
    folder = reports / entry.name
    picture = folder / THUMBNAIL
    if picture.is_file():
        card["picture"] = base64.b64encode(picture.read_bytes()).decode()
    if (folder / "report.html").is_file():
        card["link"] = f"{quote(reports.name)}/{quote(entry.name)}/report.html"
    return card | {"title": results["title"], "verdict": results["verdict"]}
