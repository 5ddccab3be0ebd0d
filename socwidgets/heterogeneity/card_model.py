"""What a heterogeneity card is: numbers with uncertainties, a verdict in words, warnings."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True, slots=True)
class CardEntry:
    """One number of the card.

    Attributes
    ----------
    name, long_name : str
        Key and words.
    value : float
        The number; NaN where it cannot be given.
    std, low, high : float
        Standard uncertainty and 95 % interval; NaN where there is none.
    units : str
        Units, ``"1"`` if dimensionless.
    note : str
        How it was made, or what it assumes.
    """

    name: str
    long_name: str
    value: float
    std: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    units: str = "1"
    note: str = ""


@dataclass(frozen=True, slots=True)
class HeterogeneityCard:
    """Result of `heterogeneity_card`: entries, a verdict in words, and warnings."""

    entries: tuple[CardEntry, ...]
    verdict: str
    warnings: tuple[str, ...]
    record: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> CardEntry:
        for entry in self.entries:
            if entry.name == name:
                return entry
        raise KeyError(name)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form; NaN becomes None."""
        columns = ("value", "std", "low", "high")
        numbers = {
            entry.name: {
                **{c: _finite(getattr(entry, c)) for c in columns},
                "units": entry.units,
                "long_name": entry.long_name,
                "note": entry.note,
            }
            for entry in self.entries
        }
        return {
            "verdict": self.verdict,
            "warnings": list(self.warnings),
            "numbers": numbers,
            "record": self.record,
        }

    def to_frame(self) -> pd.DataFrame:
        """Table with one row per number."""
        columns = ("name", "long_name", "value", "std", "low", "high", "units", "note")
        rows = [{c: getattr(entry, c) for c in columns} for entry in self.entries]
        return pd.DataFrame(rows).set_index("name")

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th scope='row'>{escape(e.long_name)}</th><td>{escape(format_entry(e))}</td>"
            f"<td>{escape(e.note)}</td></tr>"
            for e in self.entries
        )
        alerts = "".join(f"<li>{escape(text)}</li>" for text in self.warnings)
        listed = f"<ul class='soc-warnings'>{alerts}</ul>" if alerts else ""
        return (
            f"<div class='soc-card'><p><strong>{escape(self.verdict)}</strong></p>"
            f"<table><tbody>{rows}</tbody></table>{listed}</div>"
        )


def format_entry(entry: CardEntry) -> str:
    """Text such as ``0.512 ± 0.013 (95 %: 0.487 to 0.538)``."""
    if not np.isfinite(entry.value):
        return "not available"
    if float(entry.value).is_integer() and not np.isfinite(entry.std):
        text = f"{entry.value:,.0f}".replace(",", " ")
    else:
        text = f"{entry.value:.3g}" if abs(entry.value) < 0.1 else f"{entry.value:.3f}"
    if np.isfinite(entry.std):
        text += f" ± {entry.std:.2g}"
    if np.isfinite(entry.low):
        text += f" (95 %: {entry.low:.3f} to {entry.high:.3f})"
    return text if entry.units == "1" else f"{text} {entry.units.replace('um', 'µm')}"


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
