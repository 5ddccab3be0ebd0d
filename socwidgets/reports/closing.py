"""How every report ends: the heterogeneity card, the eight factors, the provenance."""

from __future__ import annotations

import json

import pandas as pd

from socwidgets.heterogeneity.card_model import HeterogeneityCard
from socwidgets.reports.publish import show_html, show_subtitle, show_table
from socwidgets.reports.results import Results


def show_card(card: HeterogeneityCard, name: str = "") -> None:
    """Show the heterogeneity card as it is, under the name of its sample if one is given."""
    if name:
        show_subtitle(name, "card")
    show_html(card._repr_html_(), "card", card.to_frame().to_string())


def show_provenance(results: Results) -> None:
    """Every step with its version, time and parameters."""
    rows = [
        {
            "step": str(step.get("function", "")),
            "time": str(step.get("time", "")),
            "input": str(step.get("input", "")),
            "parameters": json.dumps(step.get("parameters"), ensure_ascii=False),
        }
        for step in results.provenance
    ]
    show_table(pd.DataFrame(rows).set_index("step"), "provenance")


def show_factors(results: Results) -> None:
    """Show the checklist of the eight factors of the review's Fig. 30."""
    rows = {
        factor["label"]: {
            "": "✓" if factor["value"] else "–",
            "value": factor["value"] or "not stated",
            "from": factor["source"] if factor["value"] else "",
        }
        for factor in results.factors
    }
    table = pd.DataFrame(rows).T
    table.index.name = "factor"
    caption = "What makes a charge heterogeneous (Fig. 30 of Zhang, Yang and Tian, 2019)"
    show_table(table, "factors", caption)
