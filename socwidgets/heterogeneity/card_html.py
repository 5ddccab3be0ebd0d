"""The card as HTML: readable in a light or dark notebook, in a report and in print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any

from socwidgets.heterogeneity.card_parts import (
    CAUTION,
    NOT_RUN,
    PASSED,
    CardCheck,
    CardEntry,
    format_entry,
)

#: Text takes the color of its surroundings, lines and notes a part of it: right on any ground.
_STYLE = """
.soc-card{max-width:60rem;line-height:1.45;overflow-x:auto}
.soc-card p.soc-verdict{font-size:1.08em;margin:.2em 0 .7em}
.soc-card table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:0}
.soc-card th,.soc-card td{text-align:left!important;padding:.16em 1.2em .16em 0;
vertical-align:top;border:0;background:none}
.soc-card tbody tr{background:none!important;
border-top:1px solid color-mix(in srgb,currentColor 14%,transparent)}
.soc-card tbody th{font-weight:400}
.soc-card tr.soc-group{border-top:0}
.soc-card tr.soc-group th{font-weight:600;padding-top:.7em;font-size:.92em;letter-spacing:.02em}
.soc-card td.soc-value{white-space:nowrap}
.soc-card td.soc-note,.soc-card .soc-record{opacity:.72;font-size:.92em}
.soc-card .soc-warnings{margin:.8em 0 .2em;padding:.4em .8em .4em 1.8em;
border-left:4px solid #bf8700;background:color-mix(in srgb,#bf8700 12%,transparent)}
.soc-card details{margin-top:.7em}
.soc-card summary{cursor:pointer;font-weight:600}
.soc-card .soc-caution{font-weight:600}
"""
_SIGNS = {PASSED: "✓ passed", CAUTION: "⚠ caution", NOT_RUN: "– not run"}


def card_html(
    verdict: str,
    warnings: Sequence[str],
    entries: Sequence[CardEntry],
    checks: Sequence[CardCheck],
    record: Mapping[str, Any],
) -> str:
    """Render the parts of a card; every text is escaped, nothing is loaded, no script."""
    alerts = "".join(f"<li>{escape(text)}</li>" for text in warnings)
    listed = f"<ul class='soc-warnings'>{alerts}</ul>" if alerts else ""
    return (
        f"<div class='soc-card'><style>{_STYLE}</style>"
        f"<p class='soc-verdict'><strong>{escape(verdict)}</strong></p>"
        f"{listed}<table><tbody>{_rows(entries)}</tbody></table>{_checks(checks)}{_record(record)}"
        "</div>"
    )


def _rows(entries: Sequence[CardEntry]) -> str:
    parts = []
    for group, members in groupby(entries, key=lambda e: e.group):
        if group:
            parts.append(
                f"<tr class='soc-group'><th colspan='3' scope='colgroup'>{escape(group)}</th></tr>"
            )
        parts += [
            f"<tr><th scope='row'>{escape(e.long_name)}</th>"
            f"<td class='soc-value'>{escape(format_entry(e))}</td>"
            f"<td class='soc-note'>{escape(e.note)}</td></tr>"
            for e in members
        ]
    return "".join(parts)


def _checks(checks: Sequence[CardCheck]) -> str:
    if not checks:
        return ""
    failed = sum(check.outcome == CAUTION for check in checks)
    skipped = sum(check.outcome == NOT_RUN for check in checks)
    summary = f"{len(checks)} checks: {failed} with caution, {skipped} not run"
    rows = "".join(
        f"<tr><th scope='row'>{escape(c.long_name)}</th>"
        f"<td class='soc-value{' soc-caution' if c.outcome == CAUTION else ''}'>"
        f"{_SIGNS[c.outcome]}</td><td class='soc-note'>{_detail(c)}</td></tr>"
        for c in checks
    )
    is_open = " open" if failed else ""
    return (
        f"<details{is_open}><summary>{summary}</summary><table><tbody>{rows}</tbody></table>"
        "</details>"
    )


def _detail(check: CardCheck) -> str:
    return escape(check.detail.replace(" um", " µm"))


def _record(record: Mapping[str, Any]) -> str:
    parts = []
    if "noise_source" in record:
        parts.append(f"Noise: {record['noise_source']}")
    if "weights" in record:
        parts.append(f"weights: {record['weights']}")
    made = record.get("bootstrap")
    if made:
        parts.append(
            f"intervals: {made['draws']} resamples of {made['n_units']} units ({made['unit']}), "
            f"seed {made['seed']}"
            if made["draws"]
            else "no intervals were asked for"
        )
    if record.get("dose"):
        parts.append(f"dose: {record['dose']}")
    if record.get("resolution_um"):
        parts.append(f"resolution: {record['resolution_um']:g} µm")
    text = "; ".join(parts)
    return f"<p class='soc-record'>{escape(text)}.</p>" if text else ""
